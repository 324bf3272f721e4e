"""Tests of ``sheets_pipeline.cli``."""
