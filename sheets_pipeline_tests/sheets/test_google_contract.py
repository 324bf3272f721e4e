"""What the pipeline relies on in the Sheets API: asked of Local Sheets always, of Google where an account is given.

See docs/measured/google-contract.md. Each test works in a tab of its own and leaves nothing behind. What needs a second account
(cells that are protected from us) is tried on Local Sheets alone, in other files.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from google.auth.credentials import AnonymousCredentials

from sheets_pipeline.errors import OwnedByAnother, RequestRejected, SpreadsheetNotFound
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.credentials import Identity, load_identity
from sheets_pipeline.sheets.writer import TabWriter
from sheets_pipeline.sync import marks
from sheets_pipeline.sync.batches import rows_json
from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.columns import column_requests, number_format_requests
from sheets_pipeline.sync.tab import Column, ColumnType
from sheets_pipeline.testing import PEOPLE, FakeMemory, FakeOwnership, NoQuota, people

#: Google's quota is waited out.
pytestmark = pytest.mark.timeout(300)

_KEY_FILE, _SPREADSHEET = "GOOGLE_APPLICATION_CREDENTIALS", "CONTRACT_SPREADSHEET_ID"
_ROWS, _COLUMNS = 20, 6

HEADER: list[Cell] = ["id", "name", "note"]
GRID: list[list[Cell]] = [[1, "Ada", "hers"], [2, "Grace", None], [3, "Edsger", "his"]]


#: Opens a spreadsheet, by default the one for tests.
Open = Callable[..., SheetsClient]


@pytest.fixture(scope="module", params=["local", pytest.param("google", marks=pytest.mark.google)])
def open_spreadsheet(request: pytest.FixtureRequest) -> Open:
    """Of Local Sheets, then of Google."""
    if request.param == "local":
        server = request.getfixturevalue("sheets_server")
        robot, made = Identity(AnonymousCredentials(), "robot@example.org"), server.create_spreadsheet("Contract")
        return lambda result=made: SheetsClient(robot, result, budget=NoQuota(), endpoint=server.endpoint)
    if not os.environ.get(_KEY_FILE) or not os.environ.get(_SPREADSHEET):
        pytest.skip(f"{_KEY_FILE} and {_SPREADSHEET} are not both set (docs/measured/google-contract.md)")
    account, given = load_identity(None, Path(os.environ[_KEY_FILE])), os.environ[_SPREADSHEET]
    return lambda result=given: SheetsClient(account, result, budget=NoQuota())


@pytest.fixture(scope="module")
def client(open_spreadsheet: Open) -> SheetsClient:
    """The spreadsheet for tests, which no pipeline keeps."""
    opened = open_spreadsheet()
    if owners := access.read_spreadsheet(opened).owners:
        pytest.fail(f"{opened.spreadsheet_id} is kept by a pipeline ({owners[0]}); expected a spreadsheet for tests.")
    return opened


@dataclass
class Ground:
    """A tab for one test."""

    client: SheetsClient
    sheet_id: int
    title: str

    def change(self, *requests: dict[str, Any]) -> Any:
        return self.client.write(":batchUpdate", body=orjson.dumps({"requests": requests}))

    def fill(self, rows: list[list[Cell]], row: int = 0) -> dict[str, Any]:
        """The request that writes these rows, from column A on."""
        start = {"sheetId": self.sheet_id, "rowIndex": row, "columnIndex": 0}
        cells = orjson.loads(b"[" + rows_json(rows) + b"]")
        return {"updateCells": {"start": start, "fields": "userEnteredValue", "rows": cells}}

    def span(self, dimension: str, start: int, end: int) -> dict[str, Any]:
        return {"sheetId": self.sheet_id, "dimension": dimension, "startIndex": start, "endIndex": end}

    def row(self, row: int) -> dict[str, Any]:
        return {"sheetId": self.sheet_id, "startRowIndex": row, "endRowIndex": row + 1, "endColumnIndex": 2}

    def columns(self) -> list[list[Cell]]:
        """The tab as the pipeline reads it, column by column."""
        return access.read_tab(self.client, self.sheet_id)[0].columns

    def shown(self, cell: str) -> str:
        """A cell as people see it."""
        place = quote("'" + self.title.replace("'", "''") + "'!" + cell)
        return str(self.client.read(f"/values/{place}")["values"][0][0])


@pytest.fixture
def ground(client: SheetsClient) -> Iterator[Ground]:
    """An empty tab of 20 rows and 6 columns, the first row frozen, with a title that must be quoted."""
    made = Ground(client, secrets.randbelow(2**31 - 1) + 1, f"Contract's {secrets.token_hex(4)}")
    made.change(new_tab(made))
    try:
        yield made
    finally:
        made.change({"deleteSheet": {"sheetId": made.sheet_id}})


def new_tab(of: Ground) -> dict[str, Any]:
    grid = {"rowCount": _ROWS, "columnCount": _COLUMNS, "frozenRowCount": 1}
    return {"addSheet": {"properties": {"sheetId": of.sheet_id, "title": of.title, "gridProperties": grid}}}


# Values ----------------------------------------------------------------------------------------------------------------

TEXTS = ["=1+1", "007", "+1-555", "1E5", "TRUE", "'x", "@a", " a ", "a\nb", "é🌵", "2026-01-31", "10%", "x" * 50_000]
NUMBERS = [0, 1, -1.5, 2**53, 0.1 + 0.2, 1e-300, 123456789.123456, 46082.5]


def test_every_value_comes_back_as_it_was_written(ground: Ground) -> None:
    cells: list[Cell] = [*TEXTS, *NUMBERS, True, False]
    ground.change({"appendDimension": {"sheetId": ground.sheet_id, "dimension": "ROWS", "length": len(cells)}})
    ground.change(ground.fill([[cell] for cell in cells]))
    [found] = ground.columns()
    assert [(type(a) is bool, isinstance(a, str)) for a in found] == [
        (type(a) is bool, isinstance(a, str)) for a in cells
    ]
    assert [pair for pair in zip(cells, found, strict=True) if not same_cell(*pair)] == []
    ground.change(ground.fill([["changed"], [None]], row=1))  # None takes a value away
    assert [cell or None for cell in ground.columns()[0][1:4]] == ["changed", None, TEXTS[3]]


def test_a_text_longer_than_a_cell_is_refused_and_nothing_of_its_request_is_applied(ground: Ground) -> None:
    with pytest.raises(RequestRejected) as refused:
        ground.change(ground.fill([["fits"], ["x" * 50_001]]))
    assert refused.value.status == 400
    assert ground.columns() == []


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (ColumnType.DATETIME, 46082.5, "2026-03-01 12:00:00"),
        (ColumnType.DATE, 46082, "2026-03-01"),
        (ColumnType.PERCENT, 0.125, "12.5%"),
    ],
)
def test_a_number_is_shown_by_its_format_and_read_as_a_number(
    ground: Ground, kind: ColumnType, value: float, shown: str
) -> None:
    ground.change(*number_format_requests(ground.sheet_id, 0, kind, 1), ground.fill([["header"], [value]]))
    assert ground.columns() == [["header", value]]
    assert ground.shown("A2") == shown


# Rows ------------------------------------------------------------------------------------------------------------------


def test_rows_are_put_in_and_filled_in_one_request_that_answers_with_their_keys(ground: Ground) -> None:
    ground.change(ground.fill([HEADER, *GRID]))
    requests = [
        ground.fill([[1, "Ada L."]], row=1),
        {"insertDimension": {"range": ground.span("ROWS", 3, 5), "inheritFromBefore": True}},
        ground.fill([[4, "Barbara"], [5, "Donald"]], row=3),
    ]
    keys = access.apply_requests(ground.client, orjson.dumps(requests), ground.title, [0], [1, 3, 4, 5])
    assert keys == {1: "1", 3: "4", 4: "5", 5: "3"}
    snapshot, _ = access.read_tab(ground.client, ground.sheet_id)
    assert snapshot.columns[0] == ["id", 1, 2, 4, 5, 3]
    assert [cell or None for cell in snapshot.columns[2]] == ["note", "hers", None, None, None, "his"]
    assert (snapshot.title, snapshot.row_count, snapshot.column_count) == (ground.title, _ROWS + 2, _COLUMNS)


def test_a_request_is_applied_whole_or_not_at_all(ground: Ground) -> None:
    ground.change(ground.fill([HEADER, *GRID]))
    with pytest.raises(RequestRejected) as refused:
        ground.change(
            ground.fill([[9, "torn"]], row=1),
            {"deleteDimension": {"range": ground.span("ROWS", 2, 3)}},
            {"deleteDimension": {"range": ground.span("ROWS", 900, 901)}},
        )
    assert refused.value.status == 400
    assert ground.columns()[0] == ["id", 1, 2, 3]


def test_appended_cells_go_below_what_stands_and_grow_the_grid(ground: Ground) -> None:
    ground.change(ground.fill([HEADER, *GRID]))
    rows = orjson.loads(b"[" + rows_json([[number] for number in range(4, 24)]) + b"]")
    ground.change({"appendCells": {"sheetId": ground.sheet_id, "fields": "userEnteredValue", "rows": rows}})
    snapshot, _ = access.read_tab(ground.client, ground.sheet_id)
    assert snapshot.columns[0] == ["id", *range(1, 24)]
    assert snapshot.row_count >= 24


def test_not_all_rows_below_frozen_ones_can_be_deleted(ground: Ground) -> None:
    with pytest.raises(RequestRejected) as refused:
        ground.change({"deleteDimension": {"range": ground.span("ROWS", 1, _ROWS)}})
    assert refused.value.status == 400
    ground.change({"deleteDimension": {"range": ground.span("ROWS", 2, _ROWS)}})


def test_copied_cells_keep_formulas_and_formats(ground: Ground) -> None:
    other = replace(ground, sheet_id=ground.sheet_id ^ 1, title=f"{ground.title} too")
    ground.change(
        new_tab(other), ground.fill([HEADER, *GRID]), *number_format_requests(ground.sheet_id, 0, ColumnType.PERCENT, 1)
    )
    try:
        formula = {"userEnteredValue": {"formulaValue": "=A2*2"}}
        start = {"sheetId": ground.sheet_id, "rowIndex": 1, "columnIndex": 3}
        ground.change({"updateCells": {"start": start, "fields": "userEnteredValue", "rows": [{"values": [formula]}]}})
        block = {"startColumnIndex": 0, "endColumnIndex": 4}
        source = {"sheetId": ground.sheet_id, "startRowIndex": 1, "endRowIndex": 2, **block}
        target = {"sheetId": other.sheet_id, "startRowIndex": 4, "endRowIndex": 5, **block}
        ground.change({"copyPaste": {"source": source, "destination": target, "pasteType": "PASTE_NORMAL"}})
        assert [column[4] for column in other.columns()] == [1, "Ada", "hers", 2]
        ground.change(other.fill([[7]], row=4))
        assert other.columns()[3][4] == 14
        assert other.shown("A5").endswith("%")
    finally:
        ground.change({"deleteSheet": {"sheetId": other.sheet_id}})


# Reading ---------------------------------------------------------------------------------------------------------------


def test_header_keys_and_tail_are_read_by_one_request(ground: Ground) -> None:
    ground.change(ground.fill([HEADER, *GRID]))
    snapshot, _ = access.read_keys(ground.client, ground.sheet_id, [0], known_from=3)
    assert snapshot.columns[0] == ["id", 1, 2, 3]
    assert [column[0] for column in snapshot.columns] == HEADER
    assert snapshot.columns[1][3] == "Edsger"
    assert (snapshot.title, snapshot.row_count, snapshot.known_from) == (ground.title, _ROWS, 3)
    access.check_rows(ground.client, ground.sheet_id, [0], {1: "1", 3: "3"})
    with pytest.raises(access.RowsMoved):
        access.check_rows(ground.client, ground.sheet_id, [0], {2: "3"})


def test_a_tab_that_is_gone_and_rows_beyond_the_grid_are_refused(ground: Ground) -> None:
    for sheet_id, known_from in ((ground.sheet_id ^ 1, None), (ground.sheet_id, _ROWS)):
        with pytest.raises(RequestRejected) as refused:
            access.read_keys(ground.client, sheet_id, [0], known_from)
        assert refused.value.status == 400


@pytest.mark.parametrize("is_same", ["title", "sheet_id"])
def test_a_second_tab_of_the_same_title_or_id_is_refused(ground: Ground, is_same: str) -> None:
    second = replace(ground, sheet_id=ground.sheet_id ^ 1) if is_same == "title" else replace(ground, title="Another")
    with pytest.raises(RequestRejected) as refused:
        ground.change(new_tab(second))
    assert refused.value.status == 400


def test_a_spreadsheet_that_is_not_there_is_told_from_what_is_refused(
    open_spreadsheet: Open, client: SheetsClient
) -> None:
    with pytest.raises(SpreadsheetNotFound):
        access.read_spreadsheet(open_spreadsheet("1" * 44))
    with pytest.raises(RequestRejected) as refused:
        client.write(":batchUpdate", body=b'{"requests":[{"noSuchRequest":{}}]}')
    assert refused.value.status == 400


EVERYTHING = {
    "value": lambda ground: ground.fill([["x"]], row=15),
    "note": lambda ground: _cell(ground, {"note": "mine"}),
    "colour": lambda ground: _cell(ground, {"userEnteredFormat": {"backgroundColorStyle": {"rgbColor": {"red": 1}}}}),
    "rule": lambda ground: _cell(ground, {"dataValidation": {"condition": {"type": "BOOLEAN"}}}),
    "merge": lambda ground: {"mergeCells": {"range": ground.row(15), "mergeType": "MERGE_ALL"}},
    "protected range": lambda ground: {"addProtectedRange": {"protectedRange": {"range": ground.row(15)}}},
    "named range": lambda ground: {
        "addNamedRange": {"namedRange": {"name": f"range_of_{ground.sheet_id}", "range": ground.row(15)}}
    },
}


def _cell(ground: Ground, cell: dict[str, Any]) -> dict[str, Any]:
    start = {"sheetId": ground.sheet_id, "rowIndex": 15, "columnIndex": 1}
    return {"updateCells": {"start": start, "fields": ",".join(cell), "rows": [{"values": [cell]}]}}


@pytest.mark.parametrize("kind", EVERYTHING)
def test_whatever_people_put_into_rows_keeps_them_from_passing_for_empty(ground: Ground, kind: str) -> None:
    formats = [*number_format_requests(ground.sheet_id, 0, ColumnType.DATETIME, 1)]
    ground.change(ground.fill([HEADER, *GRID]), *formats)
    assert access.is_bare(ground.client, ground.sheet_id, ground.title, 10, _ROWS)
    ground.change(EVERYTHING[kind](ground))
    assert not access.is_bare(ground.client, ground.sheet_id, ground.title, 10, _ROWS)


# Marks -----------------------------------------------------------------------------------------------------------------


def test_a_column_is_found_by_its_mark_wherever_it_moves(ground: Ground) -> None:
    ours = [
        request for i, name in enumerate(HEADER) for request in column_requests(ground.sheet_id, i, Column(str(name)))
    ]
    ground.change(ground.fill([HEADER]), *ours)
    ground.change(
        {"insertDimension": {"range": ground.span("COLUMNS", 1, 2), "inheritFromBefore": False}},
        {"deleteDimension": {"range": ground.span("COLUMNS", 3, 4)}},
    )
    assert access.read_column_metadata(ground.client, ground.sheet_id) == {"id": 0, "name": 2}


def test_versions_are_looked_up_by_the_request_that_reads_the_tab(ground: Ground) -> None:
    first = marks.following(0, "a1b2c3d4e5", "")
    second = marks.following(first.number, "a1b2c3d4e5", "")
    _, matched = access.read_tab(ground.client, ground.sheet_id, marks.lookups(ground.sheet_id, []))
    assert marks.is_settled(ground.sheet_id, [], matched) == (True, None)
    ground.change(ground.fill([HEADER]), *marks.version_requests(ground.sheet_id, first))
    expected = [first.text, second.text]
    snapshot, matched = access.read_tab(ground.client, ground.sheet_id, marks.lookups(ground.sheet_id, expected))
    assert [column[0] for column in snapshot.columns] == HEADER
    assert marks.is_settled(ground.sheet_id, expected, matched) == (True, first)
    _, matched = access.read_tab(ground.client, ground.sheet_id, marks.lookups(ground.sheet_id, []))
    assert not marks.is_settled(ground.sheet_id, [], matched)[0]
    ground.change(*marks.version_requests(ground.sheet_id, second))
    _, matched = access.read_tab(ground.client, ground.sheet_id, marks.lookups(ground.sheet_id, [first.text]))
    assert not marks.is_settled(ground.sheet_id, [first.text], matched)[0]  # somebody has written since


def test_of_two_writes_on_top_of_the_same_version_the_second_one_fails(ground: Ground) -> None:
    mine, theirs = (marks.following(3, installation, "") for installation in ("a1b2c3d4e5", "f6a7b8c9d0"))
    ground.change(*marks.version_requests(ground.sheet_id, mine), ground.fill([["mine"]]))
    with pytest.raises(RequestRejected) as refused:
        ground.change(*marks.version_requests(ground.sheet_id, theirs), ground.fill([["theirs"]]))
    assert refused.value.status == 400
    assert ground.columns() == [["mine"]]


# All of it together ----------------------------------------------------------------------------------------------------


def test_a_tab_is_made_kept_and_found_unchanged(client: SheetsClient) -> None:
    tab = replace(PEOPLE, title=f"Contract's {secrets.token_hex(4)}")
    memory, ownership = FakeMemory(), FakeOwnership()
    writer = TabWriter(tab, client, memory, client.taking_part, ownership)

    def sync(rows: Any) -> tuple[int, ...]:
        report = writer.full_sync(people(rows), computed_at=memory.now())
        traffic = report.traffic
        return report.inserts, report.updates, report.deletes, traffic.read_requests, traffic.write_requests

    rows = {i: (f"name {i}", i / 2) for i in range(1, 31)} | {31: ("=1+1", 1)}
    try:
        assert sync(rows)[:3] == (31, 0, 0)
        assert sync(rows) == (0, 0, 0, 1, 0)
        changed = {key: value for key, value in rows.items() if key != 7} | {3: ("changed", 9), 32: ("new", 1)}
        assert sync(changed) == (1, 1, 1, 1, 2)
        report = writer.event_sync(lambda: people({4: ("by an event", 4)}), {"4"})
        assert (report.updates, report.traffic.read_requests, report.traffic.write_requests) == (1, 1, 1)
        assert sync(changed | {4: ("by an event", 4)}) == (0, 0, 0, 1, 0)
        stranger = TabWriter(tab, client, FakeMemory(), client.taking_part, FakeOwnership("f6a7b8c9d0", "another"))
        with pytest.raises(OwnedByAnother):
            stranger.full_sync(people(rows), computed_at=memory.now())
    finally:
        owner = {"dataFilter": {"developerMetadataLookup": {"metadataKey": marks.OWNER_KEY}}}
        requests: list[dict[str, Any]] = [{"deleteDeveloperMetadata": owner}]
        if (facts := memory.facts()) is not None:
            requests.append({"deleteSheet": {"sheetId": facts.sheet_id}})
        with suppress(RequestRejected):
            client.write(":batchUpdate", body=orjson.dumps({"requests": requests}))
