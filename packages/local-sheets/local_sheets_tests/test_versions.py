"""Versions of a spreadsheet: what each held is found again, whatever was done since, also by another process."""

import sqlite3
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from local_sheets import versions
from local_sheets.api_error import ApiError
from local_sheets.batch_update.method import run_request
from local_sheets.engine import Engine
from local_sheets.model.cell import effective
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.transaction import Transaction
from local_sheets_tests.test_store import new_spreadsheet, write_numbers


@pytest.fixture
def engine(tmp_path: Path):
    engine = Engine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, in a list of one; to be set."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def change(engine: Engine, key: str, author: str | None, *requests: dict[str, Any]) -> None:
    def work(tx: Transaction) -> None:
        for request in requests:
            run_request(tx, request, 0)

    engine.change(key, work, author)


def write(text: str, row: int = 0, column: int = 0, sheet_id: int = 0) -> dict[str, Any]:
    start = {"sheetId": sheet_id, "rowIndex": row, "columnIndex": column}
    kind = "formulaValue" if text.startswith("=") else "stringValue"
    rows = [{"values": [{"userEnteredValue": {kind: text}}]}]
    return {"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}}


def rows(start: int, end: int, sheet_id: int = 0) -> dict[str, Any]:
    return {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": start, "endIndex": end}


def shape(sheet: Spreadsheet) -> list[Any]:
    """All that a version must bring back."""
    found: list[Any] = [
        [tab.sheet, [c and c.properties for c in tab.columns], tab.row_places(), [
            [effective(cell) for cell in cells] for cells in tab.read(tab.rect())]]
        for tab in sheet.tabs
    ]  # fmt: skip
    return deepcopy([*found, sheet.named_ranges, sheet.metadata])


def steps() -> list[tuple[dict[str, Any], ...]]:
    """Changes of every kind, each of another author."""
    place = {"range": {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 4, "startColumnIndex": 0, "endColumnIndex": 2}}
    location = {
        "metadataId": 5,
        "metadataKey": "k",
        "location": {"dimensionRange": rows(2, 3)},
        "visibility": "PROJECT",
    }
    return [
        (write("one"), write("two", 3), write("=A1", 4)),
        ({"insertDimension": {"range": rows(1, 3)}}, write("between", 1)),
        ({"createDeveloperMetadata": {"developerMetadata": {**location}}},),
        ({"addSheet": {"properties": {"sheetId": 7, "title": "more"}}}, write("there", 5, 1, 7)),
        ({"addNamedRange": {"namedRange": {"name": "all_of_it", **place}}}, {"mergeCells": {**place, "mergeType": "MERGE_ALL"}}),
        ({"deleteDimension": {"range": rows(2, 5)}},),
        ({"deleteSheet": {"sheetId": 7}}, write("new", 2000)),
        ({"addSheet": {"properties": {"sheetId": 7, "title": "again"}}}, write("other", 0, 0, 7)),
        ({"sortRange": {**place, "range": {**place["range"], "startRowIndex": 5, "endRowIndex": 2005}, "sortSpecs": [{}]}},),
    ]  # fmt: skip


def test_each_version_is_found_as_it_was_and_can_be_made_the_present(engine: Engine, tmp_path: Path):
    key = new_spreadsheet(engine)
    seen = [shape(engine.at_version(key, 1))]
    for number, requests in enumerate(steps()):
        change(engine, key, f"{number}@x", *requests)
        seen.append(shape(engine.open(key)))
    engine.close()
    engine = Engine(tmp_path)
    listed = engine.versions(key)
    assert [one.author for one in listed] == [*(f"{n}@x" for n in reversed(range(9))), None]
    assert [shape(engine.at_version(key, number)) for number in range(1, 11)] == seen
    for number in (3, 10, 5, 8, 1, 9):
        engine.restore(key, number)
        assert shape(engine.open(key)) == seen[number - 1]
    other = Engine(tmp_path)
    assert shape(other.open(key)) == seen[8]
    assert [shape(other.at_version(key, number)) for number in range(1, 11)] == seen
    other.close()
    engine.close()


def test_what_one_editor_does_without_a_long_pause_is_one_version(engine: Engine, clock: list[float]):
    key = new_spreadsheet(engine)
    told = [("a", 100), ("a", 299), ("a", 300), ("b", 1), ("a", 1), *[("a", 290)] * 7]
    for author, later in told:
        clock[0] += later
        change(engine, key, author, write(str(later)))
    found = [(one.author, round(one.ended - one.started)) for one in reversed(engine.versions(key))]
    assert found == [(None, 0), ("a", 299), ("a", 0), ("b", 0), ("a", 1740), ("a", 0)]
    engine.change(key, lambda tx: tx.spreadsheet.file.update(starred=True), "c")
    assert len(engine.versions(key)) == 6, "what is no content of the spreadsheet makes no version"


def test_versions_take_little_room_and_the_oldest_go(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    key = new_spreadsheet(engine)
    write_numbers(engine, key, 5000)
    for number in range(40):
        change(engine, key, f"{number % 2}", write(str(number), 2500))
    db = sqlite3.connect(tmp_path / "spreadsheets" / f"{key}.sqlite3")
    size = "SELECT count(*), sum(length(body)) FROM past"
    count, taken = db.execute(size).fetchone()
    assert count < 42 * 5 and taken < 42 * 2000  # noqa: PT018 - one fact
    change(engine, key, "all", {"deleteDimension": {"range": rows(0, 4000)}})
    monkeypatch.setattr(versions, "MOST_VERSIONS", 5)
    change(engine, key, "x", write("x"))
    assert [one.number for one in engine.versions(key)] == [43, 42, 41, 40, 39, 38]
    engine.at_version(key, 38)
    with pytest.raises(ApiError, match="Version 37 is not kept"):
        engine.at_version(key, 37)
    monkeypatch.setattr(versions, "MOST_BYTES", 10_000)
    change(engine, key, "y", write("y"))
    assert [one.number for one in engine.versions(key)] == [44, 43, 42], "the deletion of 4000 rows was too large"
    assert len(engine.at_version(key, 42).tabs[0].rows) == 1000


def test_a_restore_of_a_few_cells_writes_a_few_rows(engine: Engine, tmp_path: Path):
    key = new_spreadsheet(engine)
    write_numbers(engine, key, 5000)
    change(engine, key, "a", write("x", 17), write("y", 4000))
    engine.restore(key, 1)
    db = sqlite3.connect(tmp_path / "spreadsheets" / f"{key}.sqlite3")
    assert db.execute("SELECT count(*) FROM past WHERE version = 3 AND kind = 'row'").fetchone() == (2,)
