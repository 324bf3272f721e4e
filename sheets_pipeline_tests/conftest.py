"""Fixtures that every test may ask for."""

import logging
import os
from collections.abc import Iterator

import hypothesis
import psycopg
import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database import triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.platform import demo
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.testing import database_url, postgres_server
from sheets_pipeline_tests.databases import engine, mariadb_url

# Here once, not in each folder: a fixture of the session is made anew for each place that names it.
__all__ = ["database_url", "engine", "mariadb_url", "postgres_server"]

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


@pytest.fixture(scope="session")
def platform_server() -> Iterator[LocalSheetsServer]:
    with LocalSheetsServer() as server:
        yield server


@pytest.fixture(scope="session")
def platform_template(postgres_server: Server) -> str:
    """The name of a database with the platform and all tables of ours, to be copied: making it takes ten times as long."""
    name = f"platform_{os.getpid()}"
    with psycopg.connect(postgres_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    engine = connect(postgres_server.url(name))
    demo.generate(engine, learners=60, courses=4, responses=400)
    triggers.install(engine, WATCHED)
    install_state(engine)
    engine.dispose()
    return name
