"""Tests of sheets_pipeline/local_sheets/batch_update."""
