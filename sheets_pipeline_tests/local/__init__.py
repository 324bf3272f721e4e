"""Tests of sheets_pipeline/local."""
