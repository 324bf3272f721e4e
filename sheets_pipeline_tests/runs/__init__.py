"""Tests of ``sheets_pipeline.runs``."""
