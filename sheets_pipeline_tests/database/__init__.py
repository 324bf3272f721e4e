"""Tests of sheets_pipeline/database."""
