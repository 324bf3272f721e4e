"""Tests of ``sheets_pipeline.platform``."""
