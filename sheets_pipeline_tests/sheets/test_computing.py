"""Rows of events are computed while header and keys are read, and what was read is used only while it is fresh."""

import time
from dataclasses import replace

import pandas as pd
import pytest

from sheets_pipeline.sheets import reader, writer
from sheets_pipeline.sheets.memory import TabFacts
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.testing import Bench, people

OLD = {1: "Ada", 2: "Ben", 3: "Cyd"}


@pytest.fixture
def filled(bench: Bench) -> Bench:
    """The tab with three rows; requests are counted from here on."""
    bench.sync(OLD)
    bench.server.reset_stats()
    return bench


def wait_for_read(bench: Bench, reads: int = 1) -> None:
    """Until the server has been asked."""
    deadline = time.monotonic() + 30
    while bench.sent()[0] < reads:
        assert time.monotonic() < deadline, "nothing is read while rows are computed"
        time.sleep(0.01)


def sync_slowly(bench: Bench, seconds: float) -> SyncReport:
    """An event sync whose rows are there so long after the first reading."""

    def compute() -> pd.DataFrame:
        wait_for_read(bench)
        time.sleep(seconds)
        return people({1: "Adele"})

    return bench.writer.event_sync(compute, {"1"})


def trust_for(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (reader, writer):
        monkeypatch.setattr(module, "TRUSTED_SECONDS", seconds)


def facts_of(bench: Bench) -> TabFacts:
    facts = bench.memory.facts()
    assert facts
    return facts


def names(bench: Bench) -> dict[int, str]:
    return {row[0]: row[1] for row in bench.values()[1:]}


def test_header_and_keys_are_read_once_while_rows_are_computed(filled: Bench) -> None:
    report = sync_slowly(filled, 0)
    assert report.updates == 1
    assert names(filled) == OLD | {1: "Adele"}
    assert (report.traffic.read_requests, report.traffic.write_requests) == (1, 1)
    assert not facts_of(filled).computes_slowly


def test_what_was_read_long_before_the_rows_were_there_is_read_again(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust_for(0.05, monkeypatch)
    span = {"sheetId": filled.sheet()["sheetId"], "startRowIndex": 1}
    sort = {"sortRange": {"range": span, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]}}

    def compute() -> pd.DataFrame:
        wait_for_read(filled)
        filled.edit(sort)
        time.sleep(0.1)
        return people({1: "Adele"})

    report = filled.writer.event_sync(compute, {"1"})
    assert report.rounds == 1  # nothing was written to where the row had stood
    assert report.traffic.read_requests == 2
    assert names(filled) == OLD | {1: "Adele"}


def test_a_tab_that_computes_slowly_is_read_afterwards_until_it_is_quick_again(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust_for(0.05, monkeypatch)
    sync_slowly(filled, 0.1)

    def compute_again() -> pd.DataFrame:
        time.sleep(0.1)
        assert filled.sent()[0] == reads
        return people({1: "Ann"})

    reads = filled.sent()[0]
    assert filled.writer.event_sync(compute_again, {"1"}).traffic.read_requests == 1
    trust_for(30, monkeypatch)
    filled.event({1: "Amy"}, {"1"})
    assert not facts_of(filled).computes_slowly


def test_a_second_round_reads_anew(filled: Bench) -> None:
    """What was read ahead is for the first one alone."""
    filled.server.faults(action="reset", after=True, kind="write", count=1)
    report = sync_slowly(filled, 0)
    assert (report.rounds, report.traffic.read_requests) == (2, 2)
    assert names(filled) == OLD | {1: "Adele"}


def test_what_computing_raises_ends_the_sync_and_nothing_is_written(filled: Bench) -> None:
    def compute() -> pd.DataFrame:
        wait_for_read(filled)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        filled.writer.event_sync(compute, {"1"})
    assert filled.sent()[1] == 0


def test_a_sync_ends_once_its_rows_are_computed_however_it_ends(filled: Bench) -> None:
    """The lock is held until then, so that no computing outlives it."""
    filled.memory.save_facts(replace(facts_of(filled), layout={}))
    ended: list[bool] = []

    def compute() -> pd.DataFrame:
        time.sleep(0.1)
        ended.append(True)
        return people({1: "Adele"})

    with pytest.raises(NeedsFullSync):
        filled.writer.event_sync(compute, {"1"})
    assert ended == [True]
