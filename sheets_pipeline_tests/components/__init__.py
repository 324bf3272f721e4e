"""Tests of ``sheets_pipeline.components``."""
