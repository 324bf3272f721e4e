"""A server that all tests of Local Sheets share (they each make a spreadsheet of their own)."""

import os
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from local_sheets.testing import LocalSheetsServer
from local_sheets_tests.api_client import Api

# How long an example takes is no promise of the code, on whatever machine this is. The same examples each time, so that none
# refuses a change that has nothing to do with it; HYPOTHESIS_PROFILE=explore draws others.
_ANY_PACE = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("shared", _ANY_PACE, derandomize=True)
hypothesis.settings.register_profile("explore", _ANY_PACE)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "shared"))


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
