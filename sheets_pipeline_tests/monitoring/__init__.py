"""Tests of ``sheets_pipeline.monitoring``."""
