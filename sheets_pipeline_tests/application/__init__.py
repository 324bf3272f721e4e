"""Tests of ``sheets_pipeline.application``."""
