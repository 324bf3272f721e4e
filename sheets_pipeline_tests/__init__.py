"""Tests of sheets_pipeline."""
