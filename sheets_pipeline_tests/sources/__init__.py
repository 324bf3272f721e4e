"""Tests of sheets_pipeline/sources."""
