"""Tests of ``sheets_pipeline.embedded``."""
