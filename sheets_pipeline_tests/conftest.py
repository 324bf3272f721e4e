"""Fixtures that every test may ask for."""

from sheets_pipeline_tests.postgres import database_url, postgres_server

__all__ = ["database_url", "postgres_server"]
