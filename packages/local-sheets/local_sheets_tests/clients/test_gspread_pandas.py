"""gspread-pandas at its ordinary work, unmodified but for the address."""

import pandas as pd
import pytest
from google.auth.transport.requests import AuthorizedSession
from gspread_pandas import Client, Spread

from local_sheets_tests.clients.addresses import mount

CHECKED_AGAINST = ("client gspread-pandas",)

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture(scope="module")
def client(server, credentials):
    return Client(session=mount(AuthorizedSession(credentials), server.endpoint), creds=credentials)


@pytest.fixture
def spread(client):
    return Spread(client.create("Frames").id, client=client)


def test_a_frame_goes_there_and_back(spread):
    frame = pd.DataFrame({"name": ["a", "b"], "qty": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    spread.df_to_sheet(frame, sheet="Data", replace=True, freeze_headers=True, add_filter=True)
    assert spread.sheet_to_df(sheet="Data").to_dict() == frame.astype(str).to_dict()
    assert [tab.title for tab in spread.sheets] == ["Sheet1", "Data"]


def test_headers_of_two_levels_are_merged_and_read(spread):
    columns = pd.MultiIndex.from_tuples([("q1", "in"), ("q1", "out"), ("q2", "in")])
    frame = pd.DataFrame([[1, 2, 3]], columns=columns, index=pd.Index(["a"], name="key"))
    spread.df_to_sheet(frame, sheet="Two", merge_headers=True)
    read = spread.sheet_to_df(sheet="Two", header_rows=2)
    assert list(read.columns) == list(columns)
    assert read.to_numpy().tolist() == [["1", "2", "3"]]


def test_files_and_folders_are_found(client, spread):
    folder = client.create_folder("/Reports/2026")
    assert folder["name"] == "2026"
    spread.move("/Reports/2026")
    assert [file["id"] for file in client.list_spreadsheet_files_in_folder(folder["id"])] == [spread.spread.id]
    assert client.email.endswith("gserviceaccount.com")


def test_tabs_are_made_cleared_and_deleted(spread):
    spread.create_sheet("Extra", rows=5, cols=3)
    spread.update_cells("A1", "B2", [1, 2, 3, 4], sheet="Extra")
    spread.clear_sheet(sheet="Extra")
    assert spread.sheet.get_all_values() == [[]]
    spread.delete_sheet("Extra")
    assert spread.find_sheet("Extra") is None
