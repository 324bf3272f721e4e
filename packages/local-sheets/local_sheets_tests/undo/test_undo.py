"""Undo and redo per person: exactly what they did comes back, what others did since stays."""

from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from local_sheets.api_error import ApiError
from local_sheets.batch_update.method import run_request
from local_sheets.engine import Engine
from local_sheets.model.cell import Cell, effective, entered, number_format_of
from local_sheets.model.transaction import Transaction
from local_sheets.undo import stacks
from local_sheets.undo.stacks import Told, UndoStacks, doing
from local_sheets_tests.test_store import new_spreadsheet

Request = dict[str, Any]


class Desk:
    """A spreadsheet at which several people sit."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.key = engine, new_spreadsheet(engine, 30)
        self.stacks, self.told = UndoStacks(engine), Told("EDIT", 0, [])
        engine.listeners.append(self.note)
        self.do("", *(write(row, 0, f"r{row}") for row in range(8)), *(write(row, 1, row) for row in range(8)))

    def note(self, tx: Transaction) -> None:
        self.stacks.note(tx, self.told)

    def do(self, client: str, *requests: Request, kind: str = "EDIT") -> None:
        def work(tx: Transaction) -> None:
            for request in requests:
                run_request(tx, request, 0)

        self.told = Told(kind, 0, [])
        with doing(client):
            self.engine.change(self.key, work)

    def undo(self, client: str) -> int:
        self.told = self.stacks.next_of(self.key, client, redo=False)
        return self.stacks.take(self.key, client, redo=False)

    def redo(self, client: str) -> int:
        self.told = self.stacks.next_of(self.key, client, redo=True)
        return self.stacks.take(self.key, client, redo=True)

    def column(self, index: int = 0) -> list[Any]:
        tab = self.engine.open(self.key).tabs[0]
        found = [effective(tab.cell(row, index)) for row in range(tab.row_count)]
        while found and found[-1] is None:
            found.pop()
        return found

    def all(self) -> Any:
        sheet = self.engine.open(self.key)
        tabs = [
            [tab.sheet, [c and c.properties for c in tab.columns], [
                [(entered(cell), effective(cell), number_format_of(cell), cell.note if isinstance(cell, Cell) else None)
                 for cell in cells] for cells in tab.read(tab.rect())],
             [row and (row.properties, row.metadata) for block in tab.rows.blocks for row in block.rows]]
            for tab in sheet.tabs]  # fmt: skip
        return deepcopy([tabs, sheet.named_ranges, sheet.metadata])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    engine = Engine(tmp_path)
    yield Desk(engine)
    engine.close()


def write(row: int, column: int, value: Any, sheet_id: int = 0) -> Request:
    kind = "numberValue" if isinstance(value, int) else "formulaValue" if value.startswith("=") else "stringValue"
    rows = [{"values": [{"userEnteredValue": {kind: value}}]}]
    start = {"sheetId": sheet_id, "rowIndex": row, "columnIndex": column}
    return {"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}}


def span(start: int, end: int, dimension: str = "ROWS") -> Request:
    return {"sheetId": 0, "dimension": dimension, "startIndex": start, "endIndex": end}


def area(row0: int, row1: int, col0: int = 0, col1: int = 2) -> Request:
    return {"sheetId": 0, "startRowIndex": row0, "endRowIndex": row1, "startColumnIndex": col0, "endColumnIndex": col1}


INSERT = {"insertDimension": {"range": span(2, 4)}}
AT_END = {"insertDimension": {"range": span(30, 33), "inheritFromBefore": True}}
APPEND = {"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 5}}
DELETE = {"deleteDimension": {"range": span(2, 4)}}
SORT = {"sortRange": {"range": area(0, 8), "sortSpecs": [{"dimensionIndex": 1, "sortOrder": "DESCENDING"}]}}

EVERY_KIND: list[tuple[Request, ...]] = [
    (write(0, 0, "x"), write(1, 3, "=SUM(B1:B8)")),
    (INSERT,),
    (DELETE,),
    ({"deleteDimension": {"range": span(0, 1, "COLUMNS")}},),
    ({"insertDimension": {"range": span(1, 2, "COLUMNS")}}, write(0, 1, "header")),
    ({"moveDimension": {"source": span(1, 3), "destinationIndex": 6}},),
    (SORT,),
    ({"setBasicFilter": {"filter": {"range": area(0, 8), "criteria": {"1": {"hiddenValues": ["3"]}}}}},),
    ({"mergeCells": {"range": area(4, 6), "mergeType": "MERGE_ALL"}},),
    ({"addSheet": {"properties": {"sheetId": 5, "title": "more"}}}, write(3, 3, "there", 5)),
    ({"addNamedRange": {"namedRange": {"name": "n", "range": area(0, 2)}}},),
    ({"updateDimensionProperties": {"range": span(1, 3), "properties": {"hiddenByUser": True}, "fields": "*"}},),
    ({"repeatCell": {"range": area(0, 9), "cell": {"note": "hm", "userEnteredFormat": {"textFormat": {"bold": True}}},
                     "fields": "note,userEnteredFormat"}},),
    ({"copyPaste": {"source": area(0, 3), "destination": area(10, 13, 1, 3), "pasteType": "PASTE_NORMAL"}},),
    ({"cutPaste": {"source": area(0, 3), "destination": {"sheetId": 0, "rowIndex": 12, "columnIndex": 0}, "pasteType": "PASTE_NORMAL"}},),
]  # fmt: skip


def test_each_kind_of_change_is_undone_and_redone_as_it_was(desk: Desk):
    desk.do("", write(6, 2, "=SUM(A1:B4)"), {"addNamedRange": {"namedRange": {"name": "m", "range": area(1, 5)}}})
    seen = [desk.all()]
    for requests in EVERY_KIND:
        desk.do("me", *requests, kind="OTHER")
        seen.append(desk.all())
    for before in reversed(seen[:-1]):
        assert desk.undo("me") == 0
        assert desk.all() == before
    for after in seen[1:]:
        assert desk.redo("me") == 0
        assert desk.all() == after
    desk.undo("me")
    desk.do("me", write(0, 4, "else"))
    with pytest.raises(ApiError, match="nothing to redo"):
        desk.redo("me")


@pytest.mark.parametrize(
    ("mine", "theirs", "left"),
    [
        pytest.param([write(1, 0, "a"), write(2, 0, "b")], [write(2, 0, "T")], ["r0", "r1", "T", "r3"], id="a cell"),
        pytest.param([write(1, 0, "a")], [INSERT], ["r0", "r1", None, None, "r2"], id="below an insert"),
        pytest.param([write(5, 0, "a")], [DELETE], ["r0", "r1", "r4", "r5", "r6"], id="above a delete"),
        pytest.param([write(2, 0, "a")], [DELETE], ["r0", "r1", "r4"], id="a row that is gone"),
        pytest.param(
            [write(3, 0, "a")],
            [{"moveDimension": {"source": span(3, 4), "destinationIndex": 0}}],
            ["r3", "r0", "r1", "r2", "r4"],
            id="a row that was moved",
        ),
        pytest.param([INSERT], [write(0, 0, "T"), write(5, 0, "U")], ["T", "r1", "r2", "U", "r4"], id="an insert"),
        pytest.param([INSERT], [{"insertDimension": {"range": span(0, 1)}}], [None, "r0", "r1", "r2"], id="two inserts"),
        pytest.param([DELETE], [write(2, 0, "T")], ["r0", "r1", "r2", "r3", "T", "r5"], id="a delete"),
        pytest.param([DELETE], [{"insertDimension": {"range": span(0, 1)}}], [None, "r0", "r1", "r2", "r3", "r4"], id="delete, insert"),
        pytest.param(
            [{"moveDimension": {"source": span(5, 6), "destinationIndex": 1}}],
            [write(1, 0, "T")],
            ["r0", "r1", "r2", "r3", "r4", "T", "r6"],
            id="a move",
        ),
    ],
)  # fmt: skip
def test_what_others_did_since_stays(desk: Desk, mine: list[Request], theirs: list[Request], left: list[Any]):
    desk.do("me", *mine)
    desk.do("you", *theirs)
    desk.undo("me")
    assert desk.column()[: len(left)] == left


@pytest.mark.parametrize(
    ("mine", "theirs", "message"),
    [
        pytest.param([SORT], [write(1, 1, 70)], "others have changed", id="a sort"),
        pytest.param([INSERT], [write(2, 0, "T")], "others have written into", id="into inserted rows"),
        pytest.param([AT_END], [write(31, 0, "T")], "others have written into", id="into rows inserted at the end"),
        pytest.param([APPEND], [write(31, 0, "T")], "where the tab had grown", id="into appended rows"),
        pytest.param(
            [{"addSheet": {"properties": {"sheetId": 5}}}], [write(0, 0, "T", 5)], "others have worked", id="a new tab"
        ),
    ],
)
def test_what_would_take_away_the_work_of_others_is_refused(desk: Desk, mine: Any, theirs: Any, message: str):
    desk.do("me", *mine, kind="OTHER")
    desk.do("you", *theirs)
    before = desk.all()
    with pytest.raises(ApiError, match=message):
        desk.undo("me")
    assert desk.all() == before


def test_undone_cells_that_others_changed_are_counted_and_come_again(desk: Desk):
    desk.do("me", write(0, 0, "a"), write(1, 0, "b"), write(2, 2, "=A1"))
    desk.do("you", write(0, 0, "T"))
    assert desk.undo("me") == 1
    assert (desk.column()[:2], desk.column(2)) == (["T", "r1"], [])
    assert desk.redo("me") == 0
    assert (desk.column()[:2], desk.column(2)) == (["T", "b"], [None, None, "T"])


def test_formulas_that_come_back_follow_what_others_inserted(desk: Desk):
    desk.do("", write(0, 2, "=A5"))
    desk.do("me", write(0, 2, "gone"))
    desk.do("you", INSERT)
    desk.undo("me")
    assert desk.column(2) == ["r4"]


def test_rows_inserted_at_the_end_go_although_others_have_worked_on(desk: Desk):
    desk.do("me", AT_END, kind="INSERT_ROW")
    desk.do("me", APPEND, write(34, 0, "mine"), kind="INSERT_ROW")
    desk.do("you", write(0, 0, "T"))
    desk.undo("me")
    desk.undo("me")
    assert desk.engine.open(desk.key).tabs[0].row_count == 30
    assert desk.column()[:2] == ["T", "r1"]


def test_a_step_of_another_one_is_not_undone_and_a_group_goes_at_once(desk: Desk):
    desk.do("you", write(0, 0, "T"))
    with pytest.raises(ApiError, match="nothing to undo"):
        desk.undo("me")
    with doing("me"):  # a script that does two things
        for request in (write(1, 0, "s"), write(2, 0, "s")):
            desk.engine.change(desk.key, partial(run_request, request=request, index=0))
    desk.undo("me")
    assert desk.column()[:4] == ["T", "r1", "r2", "r3"]
    desk.redo("me")
    assert desk.column()[:4] == ["T", "s", "s", "r3"]


def test_what_is_told_names_the_opposite_and_where_the_cells_are_now(desk: Desk):
    desk.told = told = Told("INSERT_ROW", 0, [area(2, 4)])
    with doing("me"):
        desk.engine.change(desk.key, lambda tx: run_request(tx, INSERT, 0))
    desk.told = Told()
    desk.do("you", {"insertDimension": {"range": span(0, 1)}})
    assert desk.stacks.next_of(desk.key, "me", redo=False) == Told("REMOVE_ROW", 0, [area(3, 5)])
    assert told.change_type == "INSERT_ROW"


def test_steps_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stacks, "MOST_STEPS", 3)
    for number in range(5):
        desk.do("me", write(0, 0, f"n{number}"))
    for _ in range(3):
        desk.undo("me")
    assert desk.column()[0] == "n1"
    monkeypatch.setattr(stacks, "MOST_ROWS", 20)
    for number in range(5):
        desk.do("me", write(0, 0, f"m{number}"))
    undone = 0
    while desk.column()[0] != "n1":
        try:
            desk.undo("me")
        except ApiError:
            break
        undone += 1
    assert undone < 3
