"""Sources read from Local Sheets over HTTP: awkward sheets, changes, tabs that moved, cells that do not keep still."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth.credentials import AnonymousCredentials

from benchmarks.source_sheets import SHEETS, Sheet, requests_for
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.components.project import sources_in
from sheets_pipeline.errors import NotShared, SourceProblem
from sheets_pipeline.sheets import ranges
from sheets_pipeline.sheets.client import NoQuota, SheetsClient
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sources import reading as reading_module
from sheets_pipeline.sources.reading import Reading, read_sources
from sheets_pipeline.sources.seen import Seen
from sheets_pipeline.sync.source import Source, SourceRange


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSheetsServer]:
    """One for all tests here."""
    with LocalSheetsServer() as started:
        yield started


class Ground:
    """A spreadsheet, and reading sources of it."""

    def __init__(self, server: LocalSheetsServer) -> None:
        self.id = server.create_spreadsheet("Somebody's")
        self.client = SheetsClient(
            Identity(AnonymousCredentials(), "reader@example.org"), self.id, budget=NoQuota(), endpoint=server.endpoint
        )
        self._url = f"{server.endpoint}/v4/spreadsheets/{self.id}"
        self.seen: dict[str, Seen] = {}

    def change(self, *made: dict[str, Any]) -> None:
        requests.post(f"{self._url}:batchUpdate", json={"requests": made}, timeout=30).raise_for_status()

    def put(self, a1: str, rows: list[list[Any]]) -> None:
        body = {"valueInputOption": "USER_ENTERED", "data": [{"range": a1, "values": rows}]}
        requests.post(f"{self._url}/values:batchUpdate", json=body, timeout=30).raise_for_status()

    def read(self, *sources: Source) -> dict[str, Any]:
        """The results, after which what was seen counts; ``requests`` says what it cost."""
        self.client.traffic.read_requests = 0
        found: dict[str, Any] = read_sources(self.client, sources, self.seen)
        self.seen |= {name: one.seen for name, one in found.items() if isinstance(one, Reading)}
        return found

    def one(self, source: Source) -> Reading:
        found = self.read(source)[source.id]
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Reading)
        return found

    @property
    def requests(self) -> int:
        return self.client.traffic.read_requests


@pytest.fixture
def ground(server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setattr(reading_module, "SETTLE_SECONDS", 0.01)
    yield Ground(server)
    server.clear_faults()


def source(ground: Ground, name: str = "data", **more: Any) -> Source:
    return Source(name, name, ground.id, **more)


# Awkward sheets ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def awkward(server: LocalSheetsServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What reading each of the awkward sheets found."""
    ground = Ground(server)
    ground.change(*requests_for(SHEETS))
    documents = [
        {
            "type": "sheets_pipeline.Source",
            "attributes": {"id": one.name, "url": ground.id, "tab": one.name, **one.declared},
        }
        for one in SHEETS
    ]
    path: Path = tmp_path_factory.mktemp("sources") / "awkward.yaml"
    path.write_text("\n---\n".join(map(json.dumps, documents)))
    declared = sources_in(path, {})
    assert [one.problem for one in declared if one.problem] == []
    return ground.read(*(one.source for one in declared if one.source is not None))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_an_awkward_sheet_is_read_right(sheet: Sheet, awkward: dict[str, Any]) -> None:
    found = awkward[sheet.name]
    assert isinstance(found, Reading), found
    assert found.content is not None
    assert [(column.name, str(column.type)) for column in found.content.columns] == list(sheet.columns)
    assert list(found.content.rows) == list(sheet.rows)
    assert _truths(found.content.rows) == _truths(sheet.rows)


def _truths(rows: Iterable[tuple[Any, ...]]) -> list[list[bool]]:
    """Which cells are true or false, and not 1 or 0."""
    return [[isinstance(cell, bool) for cell in row] for row in rows]


def test_there_are_enough_awkward_sheets() -> None:
    assert len({sheet.name for sheet in SHEETS}) == len(SHEETS) > 40


def test_what_is_odd_is_told_with_places(awkward: dict[str, Any]) -> None:
    assert [str(note) for note in awkward["numbers and texts"].notes] == [
        "column 'n': texts among other cells: 1 (A3)",
        "column 'n': numbers among other cells: 2 (A2, A4)",
    ]
    assert [str(note) for note in awkward["what cannot be as declared"].notes] == [
        "column 'n': cells that are not integer, kept as text: 1 (A3)"
    ]
    assert [str(note) for note in awkward["errors"].notes] == [
        "column 'n': cells with an error of a formula, taken as blank: 1 (A2)",
        "column 'm': cells with an error of a formula, taken as blank: 1 (B3)",
    ]


# Changes -----------------------------------------------------------------------------------------------------------------


def test_nothing_changed_costs_one_request_for_all_sources_of_a_spreadsheet(ground: Ground) -> None:
    ground.put("A1:C3", [["id", "day", "n"], [1, "2024-01-05", 5], [2, "2024-01-06", 6]])
    sources = [source(ground), source(ground, "part", ranges=(SourceRange(cells="A:B"),))]
    found = ground.read(*sources)
    assert [len(one.content.columns) for one in found.values()] == [3, 2]
    found = ground.read(*sources)
    assert [one.is_unchanged for one in found.values()] == [True, True]
    assert ground.requests == 1
    ground.put("C3", [[7]])
    found = ground.read(*sources)
    assert [one.is_unchanged for one in found.values()] == [False, True]
    assert found["data"].content.rows[1][2] == 7
    assert ground.read(*sources)["data"].is_unchanged


def test_a_change_of_a_format_alone_is_one(ground: Ground) -> None:
    ground.put("A1:A3", [["n"], [45292], [45293]])
    data = source(ground)
    before = ground.one(data).content
    form = {"userEnteredFormat": {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm-dd"}}}
    area = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 0, "endColumnIndex": 1}
    ground.change({"repeatCell": {"range": area, "cell": form, "fields": "userEnteredFormat.numberFormat"}})
    after = ground.one(data).content
    assert before is not None
    assert after is not None
    assert [str(one.columns[0].type) for one in (before, after)] == ["integer", "date"]


def test_dates_that_hide_seconds_are_looked_at_as_numbers_and_now_and_then_as_texts(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = {"userEnteredFormat": {"numberFormat": {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm"}}}
    ground.change(
        {"repeatCell": {"range": {"sheetId": 0}, "cell": minutes, "fields": "userEnteredFormat.numberFormat"}}
    )
    ground.put("A1:A2", [["at"], [45292.5003]])
    data = source(ground)
    ground.one(data)
    monkeypatch.setattr(reading_module, "_LOOK_FOR_FORMATS", 0)
    ground.put("A2", [[45292.5004]])
    assert not ground.one(data).is_unchanged
    plain = {"userEnteredFormat": {"numberFormat": {"type": "NUMBER", "pattern": "0.0"}}}
    ground.change({"repeatCell": {"range": {"sheetId": 0}, "cell": plain, "fields": "userEnteredFormat.numberFormat"}})
    assert ground.one(data).is_unchanged
    monkeypatch.setattr(reading_module, "_LOOK_FOR_FORMATS", 1)
    assert not ground.one(data).is_unchanged


def test_another_declaration_is_read_as_for_the_first_time(ground: Ground) -> None:
    ground.put("A1:A2", [["n"], [1]])
    ground.one(source(ground))
    assert not ground.one(source(ground, infer=False)).is_unchanged


def test_a_renamed_tab_is_found_by_its_id_and_another_of_the_old_title_before_it(ground: Ground) -> None:
    ground.change({"addSheet": {"properties": {"sheetId": 5, "title": "Data"}}})
    ground.put("Data!A1:A2", [["n"], [1]])
    data = source(ground, ranges=(SourceRange(tab="Data"),))
    ground.one(data)
    ground.change({"updateSheetProperties": {"properties": {"sheetId": 5, "title": "Old 📦"}, "fields": "title"}})
    found = ground.one(data)
    assert found.tabs == ("Old 📦",)
    ground.put("'Old 📦'!A2", [[2]])
    assert ground.one(data).content is not None
    ground.change({"addSheet": {"properties": {"sheetId": 6, "title": "Data"}}})
    ground.put("Data!A1:A2", [["n"], [3]])
    found = ground.one(data)
    assert (found.tabs, found.content and list(found.content.rows)) == (("Data",), [(3,)])


def test_what_is_wrong_with_a_source_is_its_own(ground: Ground) -> None:
    ground.change({"addSheet": {"properties": {"sheetId": 5, "title": "Data"}}})
    ground.put("Data!A1:A2", [["n"], [1]])
    good = source(ground, "good")
    bad = {
        "no tab": (
            SourceRange(tab="Date"),
            "has no tab 'Date'. Did you mean 'Data'? Found: 'Sheet1' (gid 0), 'Data' (gid 5)",
        ),
        "no id": (SourceRange(tab_id=77), "no tab with the id (gid) 77"),
        "no name": (SourceRange(named="Taxes"), "has no named range 'Taxes'. Found: none."),
        "outside": (
            SourceRange(tab="Data", cells="A2000:B"),
            "range A2000:B begins outside of the tab 'Data', which has 1,000",
        ),
        "no key": (SourceRange(tab="Data"), "key names 'id', and there is no such column; found: n."),
        "header below": (SourceRange(tab="Data"), "header_row is 9, and its cells end with row 2"),
    }
    more: dict[str, dict[str, Any]] = {"no key": {"key": ("id",)}, "header below": {"header_row": 9}}
    sources = [source(ground, name, ranges=(where,), **more.get(name, {})) for name, (where, _) in bad.items()]
    found = ground.read(good, *sources)
    assert isinstance(found["good"], Reading)
    for name, (_, words) in bad.items():
        assert isinstance(found[name], SourceProblem)
        assert words in str(found[name])


def test_a_tab_that_is_gone_stops_no_other_source(ground: Ground) -> None:
    ground.change({"addSheet": {"properties": {"sheetId": 5, "title": "Data"}}})
    ground.put("Data!A1:A2", [["n"], [1]])
    both = [source(ground, "first"), source(ground, "data", ranges=(SourceRange(tab="Data"),))]
    ground.read(*both)
    ground.change({"deleteSheet": {"sheetId": 5}})
    found = ground.read(*both)
    assert found["first"].is_unchanged
    assert "has no tab 'Data'" in str(found["data"])


def test_a_spreadsheet_that_is_not_shared_says_with_whom_to(ground: Ground, server: LocalSheetsServer) -> None:
    server.faults(action="error", status=403, spreadsheet=ground.id)
    found = ground.read(source(ground), source(ground, "other"))
    assert {type(one) for one in found.values()} == {NotShared}
    assert "is not shared with reader@example.org" in str(found["data"])
    assert "Viewer is enough" in str(found["data"])


def test_several_ranges_patterns_and_named_ranges_stand_one_below_the_other(ground: Ground) -> None:
    for number, title in ((5, "2026-01"), (6, "2026-02"), (7, "other")):
        ground.change({"addSheet": {"properties": {"sheetId": number, "title": title}}})
    ground.put("'2026-01'!A1:B2", [["id", "n"], [1, 10]])
    ground.put("'2026-02'!A1:B2", [["n", "id"], [20.5, 2]])
    ground.put("other!C3:D4", [["id", "new"], [3, "x"]])
    area = {"sheetId": 7, "startRowIndex": 2, "endRowIndex": 4, "startColumnIndex": 2, "endColumnIndex": 4}
    ground.change({"addNamedRange": {"namedRange": {"name": "Late", "range": area}}})
    data = source(ground, ranges=(SourceRange(tab="2026-*"), SourceRange(named="Late")))
    content = ground.one(data).content
    assert content is not None
    assert [column.name for column in content.columns] == ["id", "n", "new"]
    assert [tuple(map(str, row)) for row in content.rows] == [
        ("1", "10", "None"),
        ("2", "20.5", "None"),
        ("3", "None", "x"),
    ]
    assert ground.one(data).is_unchanged
    ground.change({"addSheet": {"properties": {"sheetId": 8, "title": "2026-03"}}})
    ground.put("'2026-03'!A1:A2", [["id"], [4]])
    content = ground.one(data).content
    assert content is not None
    assert [row[0] for row in content.rows] == [1, 2, 4, 3]


def test_cells_that_change_by_themselves_make_no_version(ground: Ground) -> None:
    ground.put("A1:D3", [["id", "now", "dice", "n"], [1, "=NOW()", "=RAND()", "=C2*2"], [2, "", "", 5]])
    data = source(ground)
    assert not ground.one(data).is_unchanged
    for _ in range(3):
        ground.put("Z1", [["x"]])
        ground.put("Z1", [[""]])
        assert ground.one(data).is_unchanged
    ground.put("D3", [[6]])
    assert not ground.one(data).is_unchanged


def test_what_people_change_while_it_is_read_is_in_the_version_or_in_the_next(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.put("A1:A3", [["n"], [5], [6]])
    changes = iter([lambda: ground.put("A2", [[9]]), lambda: ground.put("A4", [[7]])])
    read = ranges.read_cells

    def read_then_change(*arguments: Any) -> Any:
        found = read(*arguments)
        if arguments[-1] == "serials" and (change := next(changes, None)) is not None:
            change()
        return found

    monkeypatch.setattr(reading_module, "read_cells", read_then_change)
    content = ground.one(source(ground)).content
    assert content is not None
    assert list(content.rows) == [(9,), (6,), (7,)]
    ground.put("A2", [[10]])
    assert not ground.one(source(ground)).is_unchanged


def test_ignored_columns_cost_nothing_when_they_change(ground: Ground) -> None:
    ground.put("A1:B2", [["id", "seen"], [1, "a"]])
    data = source(ground, ignore_columns=("Seen",))
    content = ground.one(data).content
    assert content is not None
    assert [column.name for column in content.columns] == ["id"]
    ground.put("B2", [["b"]])
    assert ground.one(data).is_unchanged
    assert ground.requests == 1


def test_cells_that_still_load_make_no_version(ground: Ground) -> None:
    ground.put("A1:A2", [["n"], ["Loading..."]])
    found = ground.read(source(ground))["data"]
    assert isinstance(found, SourceProblem)
    assert found.is_transient
    assert "1 cells still load" in str(found)
    ground.put("A2", [[5]])
    assert ground.one(source(ground)).content is not None


def test_a_large_tab_is_read_in_pieces(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.put("A1:B2", [["id", "late"], [0, ""]])
    ground.put("A40:B65", [[n, "x" if n == 25 else ""] for n in range(26)])
    whole = ground.one(source(ground, "whole")).content
    monkeypatch.setattr("sheets_pipeline.sheets.ranges.MOST_CELLS", 260 * 3)
    pieces = ground.one(source(ground, "pieces")).content
    assert ground.requests > 4
    assert whole is not None
    assert [row for row in whole.rows if row[1]] == [(25, "x")]
    assert pieces == whole


def test_what_was_seen_comes_back_from_json_and_of_another_form_is_none(ground: Ground) -> None:
    ground.put("A1:B2", [["n", "now"], [1, "=NOW()"]])
    seen = ground.one(source(ground)).seen
    assert seen.volatile
    assert Seen.from_json(seen.as_json()) == seen
    assert Seen.from_json('{"declared": "x"}') is None
