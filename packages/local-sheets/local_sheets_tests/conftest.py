"""A server that all tests of Local Sheets share (they each make a spreadsheet of their own)."""

from collections.abc import Callable, Iterator

import pytest

from local_sheets.testing import LocalSheetsServer
from local_sheets_tests.api_client import Api


@pytest.fixture(scope="session")
def shared_server() -> Iterator[LocalSheetsServer]:
    """Without quota and sign-in."""
    with LocalSheetsServer() as server:
        yield server


@pytest.fixture
def api(shared_server: LocalSheetsServer) -> Api:
    """A new spreadsheet with the tab ``Sheet1``."""
    return Api(shared_server)


@pytest.fixture
def new_api(shared_server: LocalSheetsServer) -> Callable[..., Api]:
    """Makes spreadsheets with tabs of these titles."""
    return lambda *tabs: Api(shared_server, *tabs)
