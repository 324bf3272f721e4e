"""One Local Sheets for all tests of a process, and a bench with a writer for each test."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.sheets import archive, writer
from sheets_pipeline.testing import Bench


@pytest.fixture(scope="session")
def sheets_server() -> Iterator[LocalSheetsServer]:
    """A server without quota and sign-in, for all tests of this process."""
    with LocalSheetsServer() as server:
        yield server


@pytest.fixture
def bench(sheets_server: LocalSheetsServer) -> Iterator[Bench]:
    """An empty spreadsheet and a writer for the tab ``people``."""
    sheets_server.clear_faults()
    yield Bench(sheets_server)
    sheets_server.clear_faults()


@pytest.fixture(autouse=True)
def short_pauses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds follow each other soon, a twentieth of the pause in between: what is tested is what they do."""
    if "timeout" in request.node.name:  # a request that the server still holds is to end in this test, not in the next
        return
    hurried = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: time.sleep(seconds / 20))
    for module in (archive, writer):
        monkeypatch.setattr(module, "time", hurried)
