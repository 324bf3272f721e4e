"""Fixtures with a real PostgreSQL: one embedded server per test process, a fresh database per test.

``postgres_server`` is the running server, ``database_url`` an empty database of its own (SQLAlchemy URL for psycopg 3).
The server does not wait for the disk (fsync off): nothing of it outlives the tests.
"""

import itertools
import os
from collections.abc import Iterator

import psycopg
import pytest

from sheets_pipeline.embedded.postgres import EmbeddedPostgres, Server

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB"}

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running embedded PostgreSQL, stopped at the end of the session."""
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), server_settings=FAST)
    try:
        yield embedded.ensure()
    finally:
        embedded.stop()


@pytest.fixture
def database_url(postgres_server: Server) -> Iterator[str]:
    """The URL of an empty database that only this test uses."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy')
        yield postgres_server.url(name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
