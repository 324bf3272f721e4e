"""Tests of ``sheets_pipeline.web``."""
