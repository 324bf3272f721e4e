"""Tests of sheets_pipeline/control."""
