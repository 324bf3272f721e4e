"""Tests of sheets_pipeline/local_sheets/cell_values."""
