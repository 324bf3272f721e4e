"""Tests of sheets_pipeline/defs."""
