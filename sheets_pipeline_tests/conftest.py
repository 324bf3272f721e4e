"""Fixtures that every test may ask for."""

import hypothesis

from sheets_pipeline_tests.postgres import database_url, postgres_server

__all__ = ["database_url", "postgres_server"]

# Machines are shared and noisy: no test fails because it was slow.
hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shared")
