"""Tests of sheets_pipeline/local_sheets/model."""
