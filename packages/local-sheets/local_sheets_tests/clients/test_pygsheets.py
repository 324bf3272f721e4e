"""pygsheets at its ordinary work, unmodified but for the address."""

import pandas as pd
import pygsheets
import pytest

from local_sheets_tests.clients.addresses import LocalHttp

CHECKED_AGAINST = ("client pygsheets",)

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture(scope="module")
def client(server, credentials):
    return pygsheets.authorize(custom_credentials=credentials, http=LocalHttp(server.endpoint))


@pytest.fixture
def tab(client):
    spreadsheet = client.create("Stock")
    yield spreadsheet.sheet1
    spreadsheet.delete()


def test_a_spreadsheet_is_opened_by_name_and_key(client, tab):
    assert client.open("Stock").id == tab.spreadsheet.id
    assert client.open_by_key(tab.spreadsheet.id).title == "Stock"
    assert "Stock" in client.spreadsheet_titles()
    with pytest.raises(pygsheets.SpreadsheetNotFound):
        client.open("No such spreadsheet")


def test_values_are_written_and_read(tab):
    tab.update_value("A1", "name")
    tab.update_values("A2:B3", [["apple", 3], ["pear", 5]])
    assert tab.get_value("A2") == "apple"
    assert tab.get_values("A2", "B3") == [["apple", "3"], ["pear", "5"]]
    assert tab.get_all_values(include_tailing_empty=False, include_tailing_empty_rows=False) == [
        ["name"],
        ["apple", "3"],
        ["pear", "5"],
    ]
    tab.append_table([["plum", 1]], start="A2")
    assert tab.get_row(4, include_tailing_empty=False) == ["plum", "1"]
    tab.insert_rows(1, values=["between", 0])
    assert tab.get_col(1, include_tailing_empty=False) == ["name", "between", "apple", "pear", "plum"]
    tab.delete_rows(2)
    tab.clear("A1", "B9")
    assert tab.get_values("A1", "B2", include_tailing_empty=False) == [[]]


def test_cells_carry_formulas_formats_and_notes(tab):
    cell = tab.cell("C3")
    cell.formula = "=1+2"
    assert tab.cell("C3").value == "3"
    cell = tab.cell("A1")
    cell.value = "header"
    cell.note = "remember"
    cell.set_text_format("bold", True)
    cell.color = (1.0, 0, 0, 0)
    again = tab.cell("A1")
    again.fetch()
    assert (again.note, again.text_format["bold"]) == ("remember", True)
    assert again.color[0] == 1


def test_a_frame_goes_there_and_back(tab):
    frame = pd.DataFrame({"name": ["a", "b"], "qty": [1, 2]})
    tab.set_dataframe(frame, "A1")
    assert tab.get_as_df().to_dict("list") == {"name": ["a", "b"], "qty": [1, 2]}


def test_tabs_are_added_resized_and_deleted(tab):
    spreadsheet = tab.spreadsheet
    second = spreadsheet.add_worksheet("Second", rows=20, cols=5)
    second.rows = 30
    assert (second.rows, second.cols) == (30, 5)
    second.title = "Renamed"
    second.frozen_rows = 1
    assert [found.title for found in spreadsheet.worksheets()] == ["Sheet1", "Renamed"]
    spreadsheet.del_worksheet(second)
    assert len(spreadsheet.worksheets()) == 1


def test_named_ranges_and_sorting(tab):
    tab.update_values("A1:A3", [[3], [1], [2]])
    tab.create_named_range("numbers", start="A1", end="A3", returnas="json")
    assert [named.name for named in tab.get_named_ranges()] == ["numbers"]
    tab.sort_range("A1", "A3")
    assert tab.get_col(1, include_tailing_empty=False) == ["1", "2", "3"]


def test_a_spreadsheet_is_shared(tab):
    spreadsheet = tab.spreadsheet
    spreadsheet.share("bob@example.com", role="reader", type="user", sendNotificationEmail=False)
    assert sorted(p["role"] for p in spreadsheet.permissions) == ["owner", "reader"]
    spreadsheet.remove_permission("bob@example.com")
    assert len(spreadsheet.permissions) == 1
