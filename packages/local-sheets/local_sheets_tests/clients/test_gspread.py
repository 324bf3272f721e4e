"""gspread at its ordinary work, unmodified but for the address."""

import gspread
import pytest
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.service_account import Credentials
from gspread.utils import Dimension, ExportFormat, MergeType, ValueInputOption, ValueRenderOption

from local_sheets_tests.clients.addresses import mount
from local_sheets_tests.clients.conftest import SCOPES

CHECKED_AGAINST = ("client gspread",)

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture(scope="module")
def client(server, credentials):
    return gspread.Client(credentials, session=mount(AuthorizedSession(credentials), server.endpoint))


@pytest.fixture
def spreadsheet(client):
    made = client.create("Orders")
    yield made
    client.del_spreadsheet(made.id)


@pytest.fixture
def tab(spreadsheet):
    found = spreadsheet.sheet1
    found.update([["name", "qty"], ["apple", 3], ["pear", 5]], "A1")
    return found


def test_a_spreadsheet_is_made_opened_and_listed(client, spreadsheet):
    assert client.open("Orders").id == spreadsheet.id
    assert client.open_by_key(spreadsheet.id).title == "Orders"
    assert client.open_by_url(spreadsheet.url).id == spreadsheet.id
    assert [file["name"] for file in client.list_spreadsheet_files("Orders")] == ["Orders"]
    assert (spreadsheet.locale, spreadsheet.timezone) == ("en_US", "Etc/GMT")
    with pytest.raises(gspread.SpreadsheetNotFound):
        client.open("No such spreadsheet")
    with pytest.raises(gspread.SpreadsheetNotFound):
        client.open_by_key("1" + "x" * 43)


def test_values_are_written_and_read(tab):
    assert tab.get_all_records() == [{"name": "apple", "qty": 3}, {"name": "pear", "qty": 5}]
    assert tab.get("A1:B2") == [["name", "qty"], ["apple", "3"]]
    assert tab.acell("B3").numeric_value == 5
    tab.update_acell("B4", "=SUM(B2:B3)")
    assert tab.acell("B4").value == "8"
    assert tab.acell("B4", ValueRenderOption.formula).value == "=SUM(B2:B3)"
    tab.update([["2020-01-01", "$2.50", "10%"]], "A5", value_input_option=ValueInputOption.user_entered)
    assert tab.get("A5:C5") == [["2020-01-01", "$2.50", "10%"]]
    assert tab.get("A5:C5", value_render_option=ValueRenderOption.unformatted) == [[43831, 2.5, 0.1]]
    tab.batch_update([{"range": "D1", "values": [["x"]]}, {"range": "D2:E2", "values": [["y", "z"]]}])
    assert tab.batch_get(["D1", "D2:E2"]) == [[["x"]], [["y", "z"]]]
    assert tab.col_values(4) == ["x", "y"]
    tab.batch_clear(["D1:E2"])
    assert tab.row_values(1) == ["name", "qty"]
    tab.clear()
    assert tab.get_all_values() == [[]]


def test_rows_are_appended_inserted_deleted_and_sorted(tab):
    tab.append_row(["plum", 1])
    tab.append_rows([["fig", 2], ["kiwi", 9]])
    tab.insert_row(["first", 0], 2)
    assert tab.col_values(1) == ["name", "first", "apple", "pear", "plum", "fig", "kiwi"]
    tab.delete_rows(2)
    tab.sort((2, "des"), range="A2:B6")
    assert tab.col_values(2) == ["qty", "9", "5", "3", "2", "1"]
    tab.resize(10, 4)
    assert (tab.row_count, tab.col_count) == (10, 4)
    tab.add_rows(5)
    assert tab.row_count == 15


def test_cells_are_found(tab):
    assert tab.find("pear").address == "A3"
    assert [cell.address for cell in tab.findall("apple")] == ["A2"]
    assert tab.find("nothing") is None


def test_tabs_are_added_renamed_copied_moved_and_deleted(spreadsheet):
    second = spreadsheet.add_worksheet("Second", 20, 5)
    second.update_title("Renamed")
    copy = spreadsheet.duplicate_sheet(second.id, new_sheet_name="Copy")
    second = spreadsheet.worksheet("Renamed")
    spreadsheet.reorder_worksheets([spreadsheet.worksheet("Copy"), second, spreadsheet.worksheet("Sheet1")])
    assert [tab.title for tab in spreadsheet.worksheets()] == ["Copy", "Renamed", "Sheet1"]
    second.hide()
    assert [tab.title for tab in spreadsheet.worksheets(exclude_hidden=True)] == ["Copy", "Sheet1"]
    spreadsheet.del_worksheet(copy)
    with pytest.raises(gspread.WorksheetNotFound):
        spreadsheet.worksheet("Copy")


def test_looks_are_changed(spreadsheet, tab):
    tab.format("A1:B1", {"textFormat": {"bold": True}, "backgroundColor": {"red": 1}})
    tab.freeze(rows=1)
    tab.merge_cells("D1:E2", MergeType.merge_all)
    tab.update_tab_color("#ff0000")
    tab.insert_note("A1", "a note")
    assert tab.get_note("A1") == "a note"
    message = spreadsheet.fetch_sheet_metadata({"includeGridData": True, "ranges": "Sheet1!A1"})["sheets"][0]
    cell = message["data"][0]["rowData"][0]["values"][0]
    assert cell["userEnteredFormat"]["textFormat"]["bold"] is True
    assert cell["userEnteredFormat"]["backgroundColor"] == {"red": 1}
    assert message["properties"]["gridProperties"]["frozenRowCount"] == 1
    [merge] = spreadsheet.fetch_sheet_metadata()["sheets"][0]["merges"]
    assert (merge["endRowIndex"], merge["startColumnIndex"]) == (2, 3)


def test_ranges_are_named_and_protected(spreadsheet, tab):
    tab.define_named_range("A2:B3", "stock")
    assert spreadsheet.values_get("stock")["values"] == [["apple", "3"], ["pear", "5"]]
    tab.add_protected_range("A1:B1", description="header")
    [protected] = spreadsheet.list_protected_ranges(tab.id)
    assert protected["description"] == "header"


def test_a_spreadsheet_is_shared_exported_and_copied(client, spreadsheet, tab):
    spreadsheet.share("bob@example.com", perm_type="user", role="reader", notify=False)
    assert {p["role"] for p in spreadsheet.list_permissions()} == {"owner", "reader"}
    spreadsheet.remove_permissions("bob@example.com")
    assert len(spreadsheet.list_permissions()) == 1
    assert spreadsheet.export(ExportFormat.CSV) == b"name,qty\r\napple,3\r\npear,5"
    copy = client.copy(spreadsheet.id, "Copied", copy_permissions=True)
    assert copy.sheet1.get_all_values() == tab.get_all_values()
    client.import_csv(copy.id, "a,b\n1,2")
    assert copy.get_worksheet(0).get_all_values() == [["a", "b"], ["1", "2"]]
    client.del_spreadsheet(copy.id)


def test_another_account_sees_only_what_is_shared_with_it(server, client, spreadsheet):
    theirs = Credentials.from_service_account_file(server.add_account("other"), scopes=SCOPES)
    other = gspread.Client(theirs, session=mount(AuthorizedSession(theirs), server.endpoint))
    with pytest.raises(PermissionError):
        other.open_by_key(spreadsheet.id)
    spreadsheet.share(theirs.service_account_email, perm_type="user", role="reader", notify=False)
    assert other.open_by_key(spreadsheet.id).title == "Orders"
    with pytest.raises(gspread.exceptions.APIError, match="permission"):
        other.open_by_key(spreadsheet.id).sheet1.update([["x"]], "A1")


def test_columns_can_be_the_major_dimension(tab):
    tab.update([["a", "b"], ["c", "d"]], "D1", major_dimension=Dimension.cols)
    assert tab.get("D1:E2") == [["a", "c"], ["b", "d"]]


def test_a_refusal_carries_googles_words(tab):
    with pytest.raises(gspread.exceptions.APIError, match="Unable to parse range: Sheet1!A0"):
        tab.spreadsheet.values_get("Sheet1!A0")
    with pytest.raises(gspread.exceptions.APIError, match=r"exceeds grid limits\. Max rows: 1000, max columns: 26"):
        tab.get("A1001")
