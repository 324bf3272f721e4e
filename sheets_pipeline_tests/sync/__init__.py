"""Tests of sheets_pipeline/sync."""
