"""Drive on an engine of its own, without HTTP."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from local_sheets.drive.access import DriveCall
from local_sheets.drive.service import DriveService
from local_sheets.engine import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def service(engine: Engine, tmp_path: Path) -> Iterator[DriveService]:
    service = DriveService(engine, tmp_path, after_seconds=0.05)
    yield service
    service.notifier.stop()


@pytest.fixture
def drive(service: DriveService) -> Callable:
    """Sends a request in somebody's name."""

    def call(verb, path, body=None, caller=None, content_type="application/json", headers=None, **query):
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        return asyncio.run(service.serve(DriveCall(verb, path, query, raw, content_type, caller, headers or {})))

    return call
