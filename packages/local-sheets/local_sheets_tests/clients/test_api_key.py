"""gspread with nothing but an API key: it reads what is open to anyone."""

import gspread
import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession

from local_sheets_tests.clients.addresses import mount

CHECKED_AGAINST = ("client gspread",)

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture
def owner(server, credentials):
    return gspread.Client(credentials, session=mount(AuthorizedSession(credentials), server.endpoint))


@pytest.fixture
def visitor(server):
    session = mount(requests.Session(), server.endpoint)
    session.params = {"key": "any-key"}
    return gspread.Client(AnonymousCredentials(), session=session)


def test_a_spreadsheet_open_to_anyone_is_read_and_not_written(owner, visitor):
    made = owner.create("Open")
    made.sheet1.update([["a", "b"]], "A1")
    with pytest.raises(PermissionError):
        visitor.open_by_key(made.id)
    made.share(None, perm_type="anyone", role="writer")
    found = visitor.open_by_key(made.id)
    assert found.sheet1.get_all_values() == [["a", "b"]]
    with pytest.raises(gspread.exceptions.APIError, match="API keys are not supported") as refusal:
        found.sheet1.update([["c"]], "A1")
    assert refusal.value.code == 401
    with pytest.raises(gspread.exceptions.APIError, match="API keys are not supported"):
        visitor.create("Nobody's")
    assert visitor.list_spreadsheet_files() == []


def test_without_any_key_nothing_is_read(server):
    answer = requests.get(f"{server.endpoint}/v4/spreadsheets/x", timeout=30)
    assert answer.status_code == 403
    assert "unregistered callers" in answer.json()["error"]["message"]
