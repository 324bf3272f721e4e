"""What the browser is given to draw, from spreadsheets in memory."""

from collections.abc import Sequence
from typing import Any

import pytest

from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import CellError, Formula
from local_sheets.cell_values.user_entered import parse
from local_sheets.model.cell import AnyCell, Cell
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.page.formats import compact_format
from local_sheets.page.view import cells_view, edit_text, filled_runs, layout_view, spreadsheet_view


def _spreadsheet(rows: Sequence[Sequence[AnyCell]], **sheet: Any) -> tuple[Spreadsheet, Tab]:
    spreadsheet = Spreadsheet("id", {"title": "Learning platform", "locale": "en_US"})
    grid = {"rowCount": 50, "columnCount": 10, "frozenRowCount": 1}
    tab = Tab({"properties": {"sheetId": 7, "title": "orders", "gridProperties": grid}, **sheet})
    spreadsheet.tabs.append(tab)
    tab.put_block(Transaction(spreadsheet), 0, 0, rows)
    return spreadsheet, tab


def _format(spreadsheet: Spreadsheet, **body: Any) -> Any:
    return spreadsheet.pool.intern(body)


def test_the_shape_names_tabs_with_their_size_frozen_rows_and_merges():
    merge = {"startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 0, "endColumnIndex": 2}
    spreadsheet, _ = _spreadsheet([], merges=[merge])
    [tab] = spreadsheet_view(spreadsheet)["tabs"]
    assert (tab["sheetId"], tab["title"], tab["rowCount"], tab["columnCount"], tab["frozenRows"]) == (
        7,
        "orders",
        50,
        10,
        1,
    )
    assert tab["merges"] == [{"top": 1, "left": 0, "bottom": 2, "right": 1}]


def test_the_layout_lists_only_rows_and_columns_that_differ():
    spreadsheet, tab = _spreadsheet([["a"], ["b"], ["c"]])
    tx = Transaction(spreadsheet)
    tab.replace_row(tx, 1, properties={"hiddenByUser": True, "pixelSize": 21})
    tab.replace_row(tx, 2, properties={"pixelSize": 40})
    tab.replace_column(tx, 3, properties={"pixelSize": 220})
    assert layout_view(tab) == {"rowCount": 50, "columnCount": 10, "rows": [[1, 0], [2, 40]], "columns": [[3, 220]]}
    assert layout_view(tab, hidden={0, 1})["rows"] == [[0, -1], [1, 0], [2, 40]], "a filter hides the first"


def test_the_filled_parts_of_a_column_or_row_are_told_as_runs():
    _, tab = _spreadsheet([["id"], [1], [""], [], [Cell(Formula('=""'), "")], ["x", None, "y", 0]])
    assert filled_runs(tab.rect(0, 50, 0, 1)) == [[0, 2], [5, 6]]
    assert filled_runs(tab.rect(5, 6, 0, 10)) == [[0, 1], [2, 4]]


def test_a_block_holds_only_filled_cells_with_places_counted_from_its_corner():
    spreadsheet, tab = _spreadsheet([["id", "name"], [1, None, "x"], [], [None, "y"]])
    found = cells_view(spreadsheet, tab, range(1, 4), range(1, 5))
    assert [cell[:4] for cell in found["cells"]] == [[0, 1, "x", "text"], [2, 0, "y", "text"]]


def test_numbers_dates_and_formulas_show_their_format_and_keep_what_was_entered():
    spreadsheet, tab = _spreadsheet([])
    percent = _format(spreadsheet, numberFormat={"type": "PERCENT", "pattern": "0%"})
    date = _format(spreadsheet, numberFormat={"type": "DATE", "pattern": "yyyy-mm-dd"})
    row: list[Cell | bool] = [
        Cell(0.125, format=percent),
        Cell(45658, format=date),
        Cell(Formula("=1+1"), 2),
        True,
        Cell(CellError("REF")),
    ]
    tab.put_cells(Transaction(spreadsheet), 0, 0, row)
    cells = cells_view(spreadsheet, tab, range(1), range(10))["cells"]
    assert [cell[2:4] for cell in cells] == [
        ["13%", "number"],
        ["2025-01-01", "number"],
        ["2", "number"],
        ["TRUE", "boolean"],
        ["#REF!", "error"],
    ]
    assert [cell[5:] for cell in cells] == [[{"raw": "12.5%", "value": 0.125}], [], [{"raw": "=1+1"}], [], []]


def test_each_format_is_sent_once_per_block():
    spreadsheet, tab = _spreadsheet([])
    bold = _format(spreadsheet, textFormat={"bold": True}, backgroundColorStyle={"rgbColor": {"red": 1}})
    tab.put_block(Transaction(spreadsheet), 0, 0, [[Cell("a", format=bold), "plain"], [Cell("b", format=bold)]])
    found = cells_view(spreadsheet, tab, range(2), range(2))
    assert found["formats"] == [{"background": "#ff0000", "bold": True}, {}]
    assert [cell[4] for cell in found["cells"]] == [0, 1, 0]


def test_notes_and_links_travel_with_their_cell():
    spreadsheet, tab = _spreadsheet([[Cell("x", note="ask Ann", extra={"hyperlink": "https://example.org"})]])
    [cell] = cells_view(spreadsheet, tab, range(1), range(1))["cells"]
    assert cell[5] == {"note": "ask Ann", "link": "https://example.org"}


def test_banded_rows_are_coloured_even_where_cells_are_empty():
    def colour(red: float) -> dict[str, Any]:
        return {"rgbColor": {"red": red}}

    band = {
        "range": {"sheetId": 7, "endRowIndex": 3, "endColumnIndex": 2},
        "rowProperties": {
            "headerColorStyle": colour(1),
            "firstBandColorStyle": colour(0.2),
            "secondBandColorStyle": colour(0.4),
        },
    }
    spreadsheet, tab = _spreadsheet([["h"], ["a"], ["b", "c"], ["d"]], bandedRanges=[band])
    found = cells_view(spreadsheet, tab, range(4), range(3))
    grounds = [found["formats"][cell[4]].get("background") for cell in found["cells"]]
    assert grounds == ["#ff0000"] * 2 + ["#330000"] * 2 + ["#660000"] * 2 + [None]


def test_conditional_formats_colour_what_they_hold_for_the_first_rule_before_others():
    def rule(condition: dict[str, Any], look: dict[str, Any], *columns: int) -> dict[str, Any]:
        place = {"sheetId": 7, "startRowIndex": 1, "startColumnIndex": columns[0], "endColumnIndex": columns[1]}
        return {"ranges": [place], "booleanRule": {"condition": condition, "format": look}}

    def given(kind: str, value: str) -> dict[str, Any]:
        return {"type": kind, "values": [{"userEnteredValue": value}]}

    red, blue = {"backgroundColor": {"red": 1}}, {"backgroundColor": {"blue": 1}, "textFormat": {"bold": True}}
    rules = [
        rule(given("NUMBER_GREATER", "=1+4"), red, 0, 1),
        rule(given("CUSTOM_FORMULA", '=$B2="x"'), blue, 0, 3),
        {"ranges": [{"sheetId": 7}], "gradientRule": {}},
    ]
    spreadsheet, tab = _spreadsheet([[9, "x"], [9, "x"], [3, "y"], [4, "X"]], conditionalFormats=rules)
    found = cells_view(spreadsheet, tab, range(4), range(4))
    looks = {(row, column): found["formats"][index] for row, column, _, _, index, *_ in found["cells"]}
    both, one = {"background": "#ff0000", "bold": True}, {"background": "#0000ff", "bold": True}
    assert looks == {
        (0, 0): {},
        (0, 1): {},
        (1, 0): both,
        (1, 1): one,
        (1, 2): one,
        (2, 0): {},
        (2, 1): {},
        (3, 0): one,
        (3, 1): one,
        (3, 2): one,
    }


@pytest.mark.parametrize(
    ("value", "number_format"),
    [
        ("plain", None),
        ("007", None),
        ("=1+1", None),
        ("+1-555", None),
        ("TRUE", None),
        ("2020-01-01", None),
        ("'quoted", None),
        ("12%", {"type": "TEXT", "pattern": "@"}),
        (0.1, None),
        (1e-7, None),
        (0.07, {"type": "PERCENT", "pattern": "0%"}),
        (1.5e300, None),
        (2**53, None),
        (-1234.5, {"type": "CURRENCY", "pattern": '"$"#,##0.00'}),
        (45658.5, {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"}),
        (45658, {"type": "DATE", "pattern": "mmm d"}),
        (45658, {"type": "DATE", "pattern": "mmmm yyyy"}),
        (45671, {"type": "DATE", "pattern": "mmmm yyyy"}),
        (45671, {"type": "DATE", "pattern": "dd/mm/yy"}),
        (45658.75, {"type": "DATE", "pattern": "yyyy-mm-dd"}),
        (45658.75, {"type": "TIME", "pattern": "hh:mm"}),
        (0.75, {"type": "TIME", "pattern": "h AM/PM"}),
        (0.5 + 5 / 86400, {"type": "TIME", "pattern": "hh:mm"}),
        (True, None),
        (Formula("=A1"), None),
    ],
)
def test_what_one_edits_typed_back_unchanged_is_the_same_value(value: Any, number_format: dict[str, str] | None):
    spreadsheet, _ = _spreadsheet([])
    cell = Cell(value, format=_format(spreadsheet, numberFormat=number_format) if number_format else None)
    text = edit_text(cell, get_locale("en_US"))
    assert parse(text, "en_US", number_format).value == value


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({}, {}, id="nothing set"),
        pytest.param({"backgroundColor": {"green": 1}}, {"background": "#00ff00"}, id="old colour"),
        pytest.param(
            {"textFormat": {"foregroundColorStyle": {"themeColor": "LINK"}, "fontSize": 14}},
            {"colour": "#1155cc", "size": 14},
            id="theme colour and size",
        ),
        pytest.param({"backgroundColorStyle": {"rgbColor": {}}}, {"background": "#000000"}, id="black leaves all out"),
        pytest.param(
            {"horizontalAlignment": "RIGHT", "wrapStrategy": "WRAP"}, {"align": "RIGHT", "wrap": "WRAP"}, id="alignment"
        ),
        pytest.param({"textFormat": {"italic": True, "bold": False}}, {"italic": True}, id="only what is on"),
    ],
)
def test_a_format_becomes_short(body: dict[str, Any], expected: dict[str, Any]):
    assert compact_format(body) == expected
