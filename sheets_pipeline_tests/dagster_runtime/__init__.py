"""Tests of ``sheets_pipeline.dagster_runtime``."""
