"""Tests of sheets_pipeline/local_sheets/spreadsheets_api."""
