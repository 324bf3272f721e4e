"""Rows that leave are deleted by number; people who move rows while we wait for quota lose none."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from benchmarks.faults import tabs_of_one_spreadsheet
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.sheets import sender
from sheets_pipeline.sheets.client import Kind
from sheets_pipeline.sheets.shared_requests import SharedRequests
from sheets_pipeline.testing import Bench, NoQuota

ALL = {i: f"n{i}" for i in range(1, 11)}
LEFT = {i: name for i, name in ALL.items() if i not in (3, 7)}


class LateQuota(NoQuota):
    """Lets the n-th write (from 0) wait, while which somebody does something."""

    def __init__(self, number: int, meanwhile: Callable[[], None]) -> None:
        self.left_over, self.meanwhile = number, meanwhile

    @contextmanager
    def slot(self, kind: Kind) -> Iterator[float]:
        if kind == "write":
            if self.left_over == 0:
                time.sleep(0.15)
                self.meanwhile()
            self.left_over -= 1
        yield 0.0


def _rows(bench: Bench, first: int, end: int) -> dict[str, Any]:
    return {"sheetId": bench.sheet()["sheetId"], "dimension": "ROWS", "startIndex": first, "endIndex": end}


def _sort(bench: Bench) -> None:
    span = {"sheetId": bench.sheet()["sheetId"], "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 7}
    bench.edit({"sortRange": {"range": span, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]}})


ACTIONS: dict[str, Callable[[Bench], None]] = {
    "nothing": lambda bench: None,
    "sort": _sort,
    "put a row in": lambda bench: bench.edit({"insertDimension": {"range": _rows(bench, 1, 2)}}),
    "take a row out": lambda bench: bench.edit({"deleteDimension": {"range": _rows(bench, 5, 6)}}),
    "take all rows below out": lambda bench: bench.edit({"deleteDimension": {"range": _rows(bench, 7, 100)}}),
}


@pytest.mark.parametrize(
    ("kind", "action", "with_updates"),
    [
        *[("full", action, False) for action in ACTIONS],
        ("full", "put a row in", True),
        ("events", "nothing", False),
        ("events", "sort", False),
        ("events", "sort", True),
    ],
)
def test_what_moves_while_a_delete_waits_for_quota_takes_nobodys_row_with_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str, action: str, with_updates: bool
) -> None:
    monkeypatch.setattr(sender, "TRUSTED_SECONDS", 0.1)
    bench.sync(ALL)
    bench.put("people!G1:G11", [["note"], *([f"about {i}"] for i in ALL)])
    wanted = LEFT | {2: "changed"} if with_updates else LEFT
    stood: list[Any] = []

    def meanwhile() -> None:
        ACTIONS[action](bench)
        stood.extend(row[0] for row in bench.values()[1:] if row)

    bench.client._budget = LateQuota(int(with_updates), meanwhile)
    bench.server.reset_stats()
    report = bench.sync(wanted) if kind == "full" else bench.event(wanted, {str(key) for key in ALL})
    if action == "nothing":
        assert (report.rounds, report.traffic.read_requests) == (1, 2)
    rows = [row for row in bench.values()[1:] if row]
    assert {row[0]: row[6] for row in rows if len(row) > 6} == {i: f"about {i}" for i in LEFT if i in stood}
    assert {row[0] for row in rows} == {*LEFT}


@pytest.mark.parametrize("kind", ["full", "events"])
@pytest.mark.parametrize("wanted", [LEFT, LEFT | {2: "changed"}])
def test_a_delete_that_waits_for_nothing_reads_once(bench: Bench, kind: str, wanted: dict[int, str]) -> None:
    bench.sync(ALL)
    bench.use(bench.tab)
    bench.server.reset_stats()
    bench.sync(wanted) if kind == "full" else bench.event(wanted, {str(key) for key in ALL})
    assert bench.sent()[:2] == (1, 1 if wanted == LEFT else 2)


def test_empty_rows_that_somebody_begins_to_use_while_we_wait_stay(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TRUSTED_SECONDS", 0.1)
    bench.sync({1: "a"})
    grid = {"sheetId": bench.sheet()["sheetId"], "gridProperties": {"rowCount": 50_000}}
    bench.edit({"updateSheetProperties": {"properties": grid, "fields": "gridProperties.rowCount"}})
    bench.client._budget = LateQuota(0, lambda: bench.put("people!H40000", [["mine"]]))
    bench.sync({1: "a"})
    assert bench.values("people!H40000") == [["mine"]]


@pytest.mark.usefixtures("patient_tabs")
def test_of_tabs_that_share_a_request_the_one_whose_rows_moved_holds_back_itself_alone(
    sheets_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TRUSTED_SECONDS", 0.1)
    benches, shared = tabs_of_one_spreadsheet(sheets_server), SharedRequests()
    for bench in benches:
        bench.sync(ALL)
        bench.put(bench.a1("G1:G11"), [["note"], *([f"about {i}"] for i in ALL)])
    budget = LateQuota(0, lambda: _sort(benches[1]))
    for bench in benches:
        bench.use(bench.tab, shared.join())
        bench.client._budget = budget
    with ThreadPoolExecutor(len(benches)) as pool:
        reports = list(pool.map(lambda bench: bench.event(LEFT, {str(key) for key in ALL}), benches))
    assert [report.rounds for report in reports] == [1, 2, 1]
    for bench in benches:
        assert {row[0]: row[6] for row in bench.values()[1:]} == {i: f"about {i}" for i in LEFT}
