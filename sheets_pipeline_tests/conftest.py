"""Fixtures that every test may ask for."""

import gc
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import hypothesis
import psutil
import psycopg
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster.components.core import load_defs
from dagster.components.core.component_tree import ComponentTree

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database import triggers
from sheets_pipeline.database.chains import NotedChain
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.platform import demo
from sheets_pipeline.platform.tables import platform_metadata
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.sheets import reader, sender, shared_requests, writer
from sheets_pipeline.testing import database_url, postgres_server
from sheets_pipeline_tests.databases import engine, mariadb_url
from sheets_pipeline_tests.recorded_chains import replayed

# Here once, not in each folder: a fixture of the session is made anew for each place that names it.
__all__ = ["database_url", "engine", "mariadb_url", "postgres_server"]

# Machines are shared and noisy: no test fails because it was slow.
# The same examples each time, so that none refuses a change that has nothing to do with it; HYPOTHESIS_PROFILE=explore draws others.
_ANY_PACE = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("shared", _ANY_PACE, derandomize=True)
hypothesis.settings.register_profile("explore", _ANY_PACE)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "shared"))


#: So many bytes have to be free for tests to work in memory; what they keep there at a time should be far less.
_ROOM_IN_MEMORY = 10 * 2**30


def pytest_configure() -> None:
    """Work in memory where it can be used as a disk: to copy a database there takes a fraction of the kernel's work."""
    shared = Path("/dev/shm")
    if "TMPDIR" in os.environ or not os.access(shared, os.W_OK):
        return
    found = os.statvfs(shared)
    room = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available)
    if not found.f_flag & os.ST_NOEXEC and room > _ROOM_IN_MEMORY:
        os.environ["TMPDIR"] = str(shared)
        tempfile.tempdir = None  # looked up again


def pytest_sessionstart() -> None:
    """What is collected stays to the end, so no garbage collection need look through it: neither meanwhile nor later."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


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


@pytest.fixture(scope="session", autouse=True)
def migrations_read_once() -> Iterator[None]:
    """Each new storage of Dagster's notes its version, for which Alembic would compile some ninety migrations: 0.3 s."""
    read = ScriptDirectory.from_config
    read_before: dict[tuple[str | None, ...], ScriptDirectory] = {}

    def read_once(config: Config) -> ScriptDirectory:
        place = tuple(config.get_main_option(name) for name in ("script_location", "version_locations"))
        if place not in read_before:
            read_before[place] = read(config)
        return read_before[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", read_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def empty_stores_filled_as_before() -> Iterator[None]:
    """The first store of each kind of database is made by all changes, the others by the statements that these sent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NotedChain, "run", replayed(NotedChain.run))
        yield


@pytest.fixture(scope="session", autouse=True)
def dagsters_components_described_once() -> Iterator[None]:
    """Definitions carry a description of every component that is installed; to make it is two thirds of loading them."""
    describe, described = load_defs.get_library_json_enriched_defs, list[Mapping[str, Any]]()

    def describe_once(tree: ComponentTree | None) -> dg.Definitions:
        if not described:
            described.append(describe(None).metadata)
        return dg.Definitions(metadata=described[0], component_tree=tree)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load_defs, "get_library_json_enriched_defs", describe_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def what_was_read_is_trusted_on_slow_machines_too() -> Iterator[None]:
    """Or it would be read twice there, where requests are counted; for tests that want it otherwise there is less."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (reader, writer, sender):
            patch.setattr(module, "TRUSTED_SECONDS", 30.0)
        yield


@pytest.fixture
def patient_tabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tabs of a round wait for each other on a slow machine, too, where the requests that they share are counted."""
    monkeypatch.setattr(shared_requests, "_ENTRY_SECONDS", 30)
    monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 30)


@pytest.fixture(scope="session")
def platform_server() -> Iterator[LocalSheetsServer]:
    with LocalSheetsServer() as server:
        yield server


@pytest.fixture(scope="session")
def schedule_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty schedule storage of Dagster's in SQLite, to be copied."""
    folder = tmp_path_factory.mktemp("schedules")
    SqliteScheduleStorage.from_local(str(folder))
    return folder


@pytest.fixture(scope="session")
def platform_template(postgres_server: Server) -> str:
    """The name of a database with the platform and all tables of ours, to be copied: making it takes ten times as long."""

    def fill(engine: sa.Engine) -> None:
        demo.generate(engine, learners=60, courses=4, responses=400)
        triggers.install(engine, WATCHED)
        install_state(engine)

    return _made_database(postgres_server, "platform", fill)


@pytest.fixture(scope="session")
def store_template(postgres_server: Server) -> str:
    """The name of a database with the tables of the platform and of ours, all empty and without triggers, to be copied."""

    def fill(engine: sa.Engine) -> None:
        platform_metadata.create_all(engine)
        install_state(engine)

    return _made_database(postgres_server, "store", fill)


def _made_database(server: Server, prefix: str, fill: Callable[[sa.Engine], None]) -> str:
    name = f"{prefix}_{os.getpid()}"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    engine = connect(server.url(name))
    fill(engine)
    engine.dispose()
    return name
