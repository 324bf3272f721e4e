"""One Local Sheets for all tests of a process, and a bench with a writer for each test."""

from collections.abc import Iterator

import pytest

from local_sheets.testing import LocalSheetsServer
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
