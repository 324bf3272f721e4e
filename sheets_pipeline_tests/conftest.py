"""Fixtures that every test may ask for."""

import logging
from collections.abc import Iterator

import hypothesis
import pytest

from sheets_pipeline.testing import database_url, postgres_server

__all__ = ["database_url", "postgres_server"]

# Machines are shared and noisy: no test fails because it was slow.
hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shared")


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Commands that a test runs in its own process say what is logged; the next test must not hear of it."""
    root, ours = logging.getLogger(), logging.getLogger("sheets_pipeline")
    handlers, levels = [*root.handlers], (root.level, ours.level)
    yield
    for added in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(added)
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
