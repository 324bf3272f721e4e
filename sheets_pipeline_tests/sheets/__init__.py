"""Tests of sheets_pipeline/sheets."""
