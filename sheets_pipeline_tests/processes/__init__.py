"""Tests of ``sheets_pipeline.processes``."""
