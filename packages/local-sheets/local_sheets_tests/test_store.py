"""The store: what is committed survives ``kill -9``, what is not is gone whole; many clients see no torn state."""

import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from local_sheets.api_error import ApiError, invalid
from local_sheets.batch_update.method import run_request
from local_sheets.engine import Engine
from local_sheets.model.cell import Cell
from local_sheets.model.rows import BLOCK_ROWS
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.spreadsheets_api.defaults import sheet_properties, spreadsheet_properties
from local_sheets_tests.api_client import Api, rows


@pytest.fixture
def engine(tmp_path: Path):
    engine = Engine(tmp_path)
    yield engine
    engine.close()


def new_spreadsheet(engine: Engine, row_count: int = 5000) -> str:
    def fill(tx: Transaction) -> None:
        grid = {"gridProperties": {"rowCount": row_count, "columnCount": 5}}
        tx.spreadsheet.tabs.append(Tab({"properties": sheet_properties(0, "Sheet1", grid)}))

    return engine.create(spreadsheet_properties({"title": "T"}), fill).spreadsheet_id


def write_numbers(engine: Engine, key: str, count: int) -> None:
    def work(tx: Transaction) -> None:
        tab = tx.spreadsheet.tabs[0]
        tab.put_block(tx, 0, 0, [[number, f"text {number}"] for number in range(count)])
        tx.note(tab.rect(0, count, 0, 2))

    engine.change(key, work)


def contents(engine: Engine, key: str) -> list:
    sheet = engine.open(key)
    return [[list(cells) for cells in tab.read(tab.rect())] for tab in sheet.tabs]


def reopened(tmp_path: Path, key: str) -> list:
    """The contents as another process would find them."""
    other = Engine(tmp_path)
    try:
        return contents(other, key)
    finally:
        other.close()


@pytest.mark.parametrize(
    "requests_",
    [
        pytest.param([{"insertDimension": {"range": rows(700, 703)}}], id="insert"),
        pytest.param([{"deleteDimension": {"range": rows(3, 1600)}}], id="delete over several blocks"),
        pytest.param([{"moveDimension": {"source": rows(10, 600), "destinationIndex": 1900}}], id="move"),
        pytest.param([{"sortRange": {"range": {"sheetId": 0}, "sortSpecs": [{"sortOrder": "DESCENDING"}]}}], id="sort"),
        pytest.param([{"deleteDimension": {"range": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}}}], id="column"),
        pytest.param([{"addSheet": {"properties": {"sheetId": 5}}}, {"deleteSheet": {"sheetId": 0}}], id="tabs"),
        pytest.param([{"duplicateSheet": {"sourceSheetId": 0}}], id="copy"),
        pytest.param([{"insertDimension": {"range": rows(0, 2000)}}, {"deleteDimension": {"range": rows(0, 1000)}}], id="empty rows"),
    ],
)  # fmt: skip
def test_what_is_in_memory_is_on_disk(engine: Engine, tmp_path: Path, requests_: list):
    key = new_spreadsheet(engine)
    write_numbers(engine, key, 2000)
    engine.change(key, lambda tx: [run_request(tx, one, 0) for one in requests_])
    assert reopened(tmp_path, key) == contents(engine, key)


def test_a_refused_batch_leaves_memory_and_disk_as_they_were(engine: Engine, tmp_path: Path):
    key = new_spreadsheet(engine)
    write_numbers(engine, key, 2000)
    before = contents(engine, key)

    def work(tx: Transaction) -> None:
        requests: tuple[dict[str, Any], ...] = (
            {"insertDimension": {"range": rows(5, 900)}},
            {"sortRange": {"range": {"sheetId": 0}, "sortSpecs": [{"sortOrder": "DESCENDING"}]}},
            {"addSheet": {}},
            {"deleteSheet": {"sheetId": 0}},
        )
        for request in requests:
            run_request(tx, request, 0)
        raise invalid("no")

    with pytest.raises(ApiError):
        engine.change(key, work)
    assert contents(engine, key) == before
    assert reopened(tmp_path, key) == before
    write_numbers(engine, key, 10)
    assert reopened(tmp_path, key) == contents(engine, key)


def test_a_row_inserted_in_the_middle_rewrites_no_other_row(engine: Engine):
    key = new_spreadsheet(engine)
    write_numbers(engine, key, 4000)
    tab = engine.open(key).tabs[0]
    before = {id(row) for block in tab.rows.blocks for row in block.rows}
    blocks = {id(block) for block in tab.rows.blocks}
    engine.change(key, lambda tx: run_request(tx, {"insertDimension": {"range": rows(2000, 2001)}}, 0))
    fresh = [row for block in tab.rows.blocks for row in block.rows if id(row) not in before and row is not None]
    assert fresh == []
    assert len([block for block in tab.rows.blocks if id(block) not in blocks]) <= 2
    assert all(len(block.rows) <= 2 * BLOCK_ROWS for block in tab.rows.blocks)


def test_formats_notes_and_metadata_are_read_back(engine: Engine, tmp_path: Path):
    key = new_spreadsheet(engine)
    cell = {
        "note": "n",
        "userEnteredFormat": {"numberFormat": {"type": "TEXT"}},
        "userEnteredValue": {"formulaValue": "=1/0"},
    }
    location = {"dimensionRange": rows(4, 5)}
    metadata = {"metadataKey": "k", "visibility": "DOCUMENT", "location": location}

    def work(tx: Transaction) -> None:
        run_request(tx, {"updateCells": {"start": {"sheetId": 0}, "rows": [{"values": [cell]}], "fields": "*"}}, 0)
        run_request(tx, {"createDeveloperMetadata": {"developerMetadata": metadata}}, 0)

    engine.change(key, work)
    other = Engine(tmp_path)
    found, here = other.open(key), engine.open(key)
    other.close()
    read, kept = found.tabs[0].cell(0, 0), here.tabs[0].cell(0, 0)
    assert isinstance(read, Cell)
    assert isinstance(kept, Cell)
    assert (read.value, read.result, read.note) == (kept.value, kept.result, "n")
    assert read.format is not None
    assert kept.format is not None
    assert read.format.body == kept.format.body
    assert found.tabs[0].row_places() == here.tabs[0].row_places()
    assert found.metadata == here.metadata


def test_a_file_of_a_creation_that_was_killed_is_taken_away(tmp_path: Path):
    folder = tmp_path / "spreadsheets"
    folder.mkdir()
    (folder / "1abc.sqlite3").touch()
    engine = Engine(tmp_path)
    assert engine.heads() == {}
    engine.close()
    assert list(folder.iterdir()) == []


def test_hundreds_of_spreadsheets_need_few_open_files(engine: Engine, tmp_path: Path):
    keys = [new_spreadsheet(engine, row_count=10) for _ in range(90)]
    for key in keys:
        write_numbers(engine, key, 2)
    opened = [path for path in Path("/proc/self/fd").iterdir() if _is_of(tmp_path, _target(path))]
    assert len(opened) <= 70
    assert contents(engine, keys[0]) == [[[0, "text 0"], [1, "text 1"]]]


def _is_of(folder: Path, path: Path) -> bool:
    """Whether it is a spreadsheet in the folder: tests before may have left some open."""
    return path.suffix == ".sqlite3" and path.is_relative_to(folder.resolve())


def _target(path: Path) -> Path:
    try:
        return path.readlink()
    except FileNotFoundError:  # the descriptor of the listing itself
        return path


def test_everything_answered_survives_kill_9(local_sheets):
    api = Api(local_sheets)
    writing = threading.Event()
    answered: list[int] = []

    def write() -> None:
        number = 0
        while True:
            number += 1
            values = [[number] * 20] * 20
            try:
                api.put("A1:T20", values)
            except requests.RequestException:
                return
            answered.append(number)
            if number == 5:
                writing.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert writing.wait(30)
    local_sheets.kill()
    writer.join(60)
    local_sheets.start()
    found = api.values("Sheet1", valueRenderOption="UNFORMATTED_VALUE")
    numbers = {value for row in found for value in row}
    assert len(numbers) == 1
    assert numbers.pop() in (answered[-1], answered[-1] + 1)


def test_readers_never_see_half_a_batch(api: Api):
    def requests_for(number: int) -> list[dict]:
        return [
            {"repeatCell": {"range": {"sheetId": 0, "startRowIndex": row, "endRowIndex": row + 1, "endColumnIndex": 5}, "cell": {"userEnteredValue": {"numberValue": number}}, "fields": "userEnteredValue"}}
            for row in range(10)
        ]  # fmt: skip

    done = threading.Event()
    torn: list[set] = []

    def read() -> None:
        mine = Api.__new__(Api)
        mine.__dict__.update(api.__dict__, session=requests.Session())
        while not done.is_set():
            seen = {value for row in mine.values("A1:E10") for value in row}
            if len(seen) > 1:
                torn.append(seen)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(30):
        api.batch(*requests_for(number))
    done.set()
    for reader in readers:
        reader.join(60)
    assert torn == []


def test_one_data_folder_serves_one_server(local_sheets, new_local_sheets):
    with pytest.raises(RuntimeError, match="Another Local Sheets is using"):
        new_local_sheets(data_dir=local_sheets.data_dir)
