"""Tests of sheets_pipeline/local_sheets/values_api."""
