"""New rows beside people who have filled the tab below ours, or who type, sort and insert between two requests."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sheets_pipeline.errors import RequestRejected
from sheets_pipeline.sheets import rounds
from sheets_pipeline.sync.plan import plan_changes, plan_creation
from sheets_pipeline.testing import Bench

OLD = {i: f"n{i}" for i in range(1, 11)}
NEW = {11: "new 11", 12: "new 12"}

#: Column G of the rows below ours is people's.
BELOW: dict[str, Callable[[Bench], None]] = {
    "checkboxes": lambda bench: bench.edit(_checkboxes(bench)),
    "a formula that fills its column": lambda bench: bench.put("people!G2", [['=ARRAYFORMULA(ROW(G2:G90)&" rows")']]),
    "formulas dragged down": lambda bench: bench.put(
        "people!G2:G90", [[f'=IF(A{i}="","",A{i}*2)'] for i in range(2, 91)]
    ),
    "totals beneath": lambda bench: bench.put("people!A12:C12", [["", "Sum", "=SUM(C2:C11)"]]),
    "totals with a word in the key column": lambda bench: bench.put("people!A12:C12", [["Total", "", "=SUM(C2:C11)"]]),
    "a note far below": lambda bench: bench.put("people!G80", [["see the list of 2025"]]),
    "a row of somebody's": lambda bench: bench.put("people!A13:G13", [["", "Eve", 3, "", "", "", "not enrolled yet"]]),
    "a key that is nobody's": lambda bench: bench.put("people!A14:B14", [[4711, "typed by hand"]]),
}


def _column(bench: Bench, first: int, end: int, column: int = 6) -> dict[str, int]:
    span = {"sheetId": bench.sheet()["sheetId"], "startRowIndex": first, "endRowIndex": end}
    return span | {"startColumnIndex": column, "endColumnIndex": column + 1}


def _checkboxes(bench: Bench) -> dict[str, Any]:
    box = {"dataValidation": {"condition": {"type": "BOOLEAN"}}, "userEnteredValue": {"boolValue": False}}
    fields = "dataValidation,userEnteredValue"
    return {"repeatCell": {"range": _column(bench, 1, 90), "cell": box, "fields": fields}}


def _rows(bench: Bench) -> list[list[Any]]:
    """Columns A to G below the header; blank ones as empty text."""
    rows = bench.values("people!A2:G", "FORMULA")
    return [row + [""] * (7 - len(row)) for row in rows]


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("kind", ["full", "events"])
def test_new_rows_continue_after_our_last_one_and_what_is_below_moves_down_whole(
    bench: Bench, below: str, kind: str
) -> None:
    bench.sync(OLD)
    BELOW[below](bench)
    theirs = [row[6] if row[0] in OLD else row for row in _rows(bench)]
    bench.server.reset_stats()
    report = bench.sync(OLD | NEW) if kind == "full" else bench.event(NEW, {str(key) for key in NEW})
    assert bench.sent()[:2] == (1, 1)
    assert report.rounds == 1
    rows = _rows(bench)
    assert [row[:2] for row in rows[10:12]] == [[11, "new 11"], [12, "new 12"]]
    if "formula" not in below and "totals" not in below:  # these follow the rows that they are about
        assert [row[6] if row[0] in OLD else row for row in rows if row[0] not in NEW] == theirs
    else:
        assert len(rows) == len(theirs) + 2
    bench.server.reset_stats()
    bench.sync(OLD | NEW)
    assert bench.sent() == (1, 0, 0)


def test_new_rows_among_checkboxes_have_one_and_not_the_colour_of_our_last_row(bench: Bench) -> None:
    bench.sync(OLD)
    BELOW["checkboxes"](bench)
    yellow = {"userEnteredFormat": {"backgroundColor": {"red": 1, "green": 1}}}
    place = _column(bench, 10, 11, 0) | {"endColumnIndex": 7}
    bench.edit({"repeatCell": {"range": place, "cell": yellow, "fields": "userEnteredFormat.backgroundColor"}})
    bench.event(NEW, {"11", "12"})
    cells = "sheets.data.rowData.values(userEnteredFormat,dataValidation)"
    answer = bench.call("GET", f"?ranges=people!A12:G12&includeGridData=true&fields={cells}")
    [row] = answer["sheets"][0]["data"][0]["rowData"]
    assert not any("backgroundColor" in cell.get("userEnteredFormat", {}) for cell in row["values"])
    assert row["values"][0]["userEnteredFormat"]["numberFormat"]["pattern"] == "0"
    assert row["values"][6]["dataValidation"]["condition"]["type"] == "BOOLEAN"


@pytest.mark.parametrize("kind", ["full", "events"])
def test_where_google_lets_no_row_be_put_in_new_ones_go_below_everything(bench: Bench, kind: str) -> None:
    bench.sync(OLD)
    bench.put("people!G80", [["mine"]])
    refuse(bench, b"insertDimension")
    report = bench.sync(OLD | NEW) if kind == "full" else bench.event(NEW, {"11", "12"})
    assert report.rounds == 2
    assert [row[0] for row in _rows(bench)[78:]] == ["", 11, 12]


def test_what_google_refuses_twice_is_an_error(bench: Bench) -> None:
    bench.sync(OLD)
    refuse(bench, b"requests")
    bench.server.reset_stats()
    with pytest.raises(RequestRejected, match="protected"):
        bench.sync(OLD | {3: "changed"} | NEW)
    # Twice the tab, and once its marks: the first refusal may mean that another writer was quicker.
    assert bench.sent() == (3, 0, 0)


def refuse(bench: Bench, what: bytes) -> None:
    """Google refuses requests with this in them, as for a protected range."""
    write = bench.client.write

    def write_or_refuse(path: str, **request: Any) -> Any:
        if what in request["body"]:
            raise RequestRejected("You are trying to edit a protected cell or object.", status=400)
        return write(path, **request)

    bench.client.write = write_or_refuse  # type: ignore[method-assign]


def test_an_event_is_written_after_people_took_the_empty_rows_out(bench: Bench) -> None:
    bench.sync(OLD)
    grid = {"sheetId": bench.sheet()["sheetId"], "gridProperties": {"rowCount": 9}}
    bench.edit({"updateSheetProperties": {"properties": grid, "fields": "gridProperties.rowCount"}})
    bench.event(NEW, {"11", "12"})
    assert [row[0] for row in _rows(bench)] == [1, 2, 3, 4, 5, 6, 7, 8, 11, 12]
    bench.sync(OLD | NEW)
    assert {row[0] for row in _rows(bench)} == {*OLD, *NEW}


# Between two requests ------------------------------------------------------------------------------------------------


def before_write(bench: Bench, number: int, action: Callable[[Bench], None]) -> None:
    """Somebody does something right before our n-th write (from 0) from now on."""
    write, left = bench.client.write, [number]

    def act_first(path: str, **request: Any) -> Any:
        if left[0] == 0:
            action(bench)
        left[0] -= 1
        return write(path, **request)

    bench.client.write = act_first  # type: ignore[method-assign]


def _types_below(bench: Bench) -> None:
    row = len(bench.values()) + 1
    bench.put(f"people!B{row}:G{row}", [["Eve", "", "", "", "", "typed meanwhile"]])


def _types_a_row_lower(bench: Bench) -> None:
    row = len(bench.values()) + 2
    bench.put(f"people!G{row}", [["typed meanwhile"]])


def _dimension(bench: Bench, start: int, end: int) -> dict[str, Any]:
    return {"sheetId": bench.sheet()["sheetId"], "dimension": "ROWS", "startIndex": start, "endIndex": end}


def _inserts_above(bench: Bench) -> None:
    bench.edit({"insertDimension": {"range": _dimension(bench, 1, 2)}})
    bench.put("people!G2", [["typed meanwhile"]])


def _sorts(bench: Bench) -> None:
    _types_below(bench)
    span = {"sheetId": bench.sheet()["sheetId"], "startRowIndex": 1, "endRowIndex": len(bench.values())}
    span |= {"startColumnIndex": 0, "endColumnIndex": 8}
    bench.edit({"sortRange": {"range": span, "sortSpecs": [{"dimensionIndex": 1, "sortOrder": "DESCENDING"}]}})


def _takes_all_spare_rows_out(bench: Bench) -> None:
    rows = bench.sheet()["gridProperties"]["rowCount"]
    if rows > len(bench.values()):
        bench.edit({"deleteDimension": {"range": _dimension(bench, max(2, len(bench.values())), rows)}})


@pytest.mark.parametrize("number", [0, 1, 3])
@pytest.mark.parametrize("kind", ["first fill", "full", "events"])
@pytest.mark.parametrize(
    "action", [_types_below, _types_a_row_lower, _inserts_above, _sorts, _takes_all_spare_rows_out]
)
def test_what_people_do_between_the_requests_of_a_large_insert_stays_theirs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str, number: int, action: Callable[[Bench], None]
) -> None:
    if kind == "first fill" and number == 0:
        pytest.skip("there is no tab yet")
    monkeypatch.setattr(rounds, "plan_changes", partial(plan_changes, max_bytes=5000))
    monkeypatch.setattr(rounds, "plan_creation", partial(plan_creation, max_bytes=5000))
    many = {i: f"n{i}" for i in range(1, 100)}
    if kind != "first fill":
        bench.sync(OLD)
        bench.put("people!H1:H11", [["note"], *([f"about {i}"] for i in OLD)])
    before_write(bench, number, action)
    if kind == "events":
        bench.event(many, {str(key) for key in many})
    else:
        bench.sync(many)
    rows = [row + [""] * (8 - len(row)) for row in bench.values("people!A1:H")]
    keyed = [row for row in rows[1:] if row[0] != ""]
    assert sorted(row[:7] for row in keyed) == [[i, f"n{i}", 1.5, 46082.5, True, "", ""] for i in many]
    if kind != "first fill":
        assert {row[0]: row[7] for row in keyed if row[7]} == {i: f"about {i}" for i in OLD}
    theirs = [[cell for cell in row if cell != ""] for row in rows if "typed meanwhile" in row]
    expected: dict[Callable[[Bench], None], list[list[str]]] = {
        _types_below: [["Eve", "typed meanwhile"]],
        _sorts: [["Eve", "typed meanwhile"]],
        _takes_all_spare_rows_out: [],
    }
    assert theirs == expected.get(action, [["typed meanwhile"]])


def test_what_somebody_types_into_an_empty_tab_before_our_header_comes_stays_theirs(bench: Bench) -> None:
    bench.edit({"addSheet": {"properties": {"title": "people", "gridProperties": {"rowCount": 5, "columnCount": 30}}}})
    before_write(bench, 0, lambda bench: bench.put("people!A1:AD1", [["mine", *[""] * 28, "mine, too"]]))
    bench.sync(OLD)
    rows = bench.values("people!A1:AD")
    assert rows[0] == ["id", "Full name", "score", "seen", "active"]
    assert [row[0] for row in rows[1:11]] == list(OLD)
    assert rows[11] == ["mine", *[""] * 28, "mine, too"]
