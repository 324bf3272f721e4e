"""Two pipelines and one spreadsheet: one of them keeps it, the other is refused and told what to do."""

import copy
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from sheets_pipeline.errors import OwnedByAnother, RequestRejected
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.testing import PEOPLE, Bench, FakeOwnership

ROWS = {i: f"n{i}" for i in range(1, 251)}
OTHERS = {i: f"staging {i}" for i in range(1, 251)}


def another(bench: Bench, title: str = "people") -> Bench:
    """A pipeline with tables of its own on the same spreadsheet, a staging copy for instance."""
    made = Bench(bench.server, replace(PEOPLE, title=title), bench.spreadsheet_id)
    made.ownership = FakeOwnership("f9e8d7c6b5", "database 'staging' on staging.example.org")
    made.use(made.tab)
    return made


def twin(bench: Bench) -> Bench:
    """A pipeline on a copy of our tables that nothing tells from ours (a snapshot of the disk)."""
    made = Bench(bench.server, bench.tab, bench.spreadsheet_id)
    made.memory = copy.deepcopy(bench.memory)
    made.use(made.tab)
    return made


def owners(bench: Bench) -> list[dict[str, str]]:
    metadata = bench.call("GET", "?fields=developerMetadata").get("developerMetadata", [])
    return [json.loads(m["metadataValue"]) for m in metadata if m["metadataKey"] == "sheets_pipeline.owner"]


def at_once(*syncs: Callable[[], SyncReport]) -> list[SyncReport | Exception]:
    """What each gives; all of them have read before the first one writes."""
    ready = threading.Barrier(len(syncs))

    def run(sync: Callable[[], SyncReport]) -> SyncReport | Exception:
        try:
            return sync()
        except Exception as error:
            return error

    for sync in syncs:
        hold_back_writes(sync.__self__, ready)  # type: ignore[attr-defined]
    with ThreadPoolExecutor(len(syncs)) as pool:
        return list(pool.map(run, syncs))


class Race:
    """A full sync that others run beside."""

    def __init__(self, bench: Bench, rows: dict[int, str]) -> None:
        self.bench, self.rows = bench, rows

    def sync(self) -> SyncReport:
        return self.bench.sync(self.rows)


def hold_back_writes(race: Race, ready: threading.Barrier) -> None:
    client = race.bench.client
    write = client.write

    def wait_and_write(path: str, **request: Any) -> Any:
        client.write = write  # type: ignore[method-assign]
        ready.wait(30)
        return write(path, **request)

    client.write = wait_and_write  # type: ignore[method-assign]


def keys(bench: Bench) -> list[Any]:
    return [row[0] for row in bench.values()[1:]]


def test_the_first_write_says_who_keeps_the_spreadsheet(bench: Bench) -> None:
    bench.server.reset_stats()
    bench.sync({1: "Ada"})
    assert bench.sent()[:2] == (1, 1)
    assert owners(bench) == [
        {
            "installation": "a1b2c3d4e5",
            "name": "database 'learning' on db.example.org",
            "since": "2026-03-01 12:00:00 UTC",
            "spreadsheet": bench.spreadsheet_id,
        }
    ]


def test_another_pipeline_is_refused_with_who_and_what_to_do(bench: Bench) -> None:
    bench.sync(ROWS)
    staging = another(bench)
    bench.server.reset_stats()
    with pytest.raises(OwnedByAnother) as refused:
        staging.sync(OTHERS)
    assert bench.sent()[1:] == (0, 0)
    assert refused.value.needs_person
    for part in ("'learning' on db.example.org, since 2026-03-01", "'staging'", "SPREADSHEET_ID", "sync --take-over"):
        assert part in str(refused.value)
    assert keys(bench) == list(ROWS)
    assert bench.sync(ROWS).cells == 0


def test_a_copy_that_knows_all_that_we_knew_is_refused_at_its_first_sync(bench: Bench) -> None:
    bench.sync(ROWS)
    staging = another(bench)
    staging.memory = copy.deepcopy(bench.memory)
    staging.use(PEOPLE)
    for sync in (lambda: staging.event({1: "x"}, {"1"}), lambda: staging.sync(OTHERS)):
        with pytest.raises(OwnedByAnother):
            sync()
    assert bench.values()[1][1] == "n1"


def test_writes_of_dead_processes_that_arrive_late_are_no_copys(bench: Bench) -> None:
    bench.sync(ROWS)
    for number in range(3):  # more than once within the hour
        held: list[dict[str, Any]] = []

        def die(_path: str, held: list[dict[str, Any]] = held, **request: Any) -> None:
            held.append(request)
            raise KeyboardInterrupt

        bench.client.write = die  # type: ignore[method-assign, assignment]
        with pytest.raises(KeyboardInterrupt):
            bench.event({1: f"first {number}"}, {"1"})
        bench.use(bench.tab)  # another process
        write = bench.client.write

        def arrives_first(path: str, write: Any = write, held: list[dict[str, Any]] = held, **request: Any) -> Any:
            if held:
                write(path, **held.pop())
            return write(path, **request)

        bench.client.write = arrives_first  # type: ignore[method-assign]
        bench.event({1: f"second {number}"}, {"1"})
        assert bench.values()[1][1] == f"second {number}"


def test_it_is_refused_for_tabs_that_are_not_there_and_for_those_it_only_plans(bench: Bench) -> None:
    bench.sync({1: "Ada"})
    with pytest.raises(OwnedByAnother):
        another(bench, "courses").sync(OTHERS)
    with pytest.raises(OwnedByAnother):
        another(bench).sync(OTHERS, dry_run=True)
    assert len(bench.call("GET", "?fields=sheets.properties.title")["sheets"]) == 2


def test_a_tab_with_nothing_to_write_is_refused_once_there_is(bench: Bench) -> None:
    """It was made by a version that left no marks, and somebody marks the spreadsheet before it changes."""
    bench.sync({1: "Ada"})
    for key in ("sheets_pipeline.owner", "sheets_pipeline.version"):
        lookup = {"developerMetadataLookup": {"metadataKey": key}}
        bench.edit({"deleteDeveloperMetadata": {"dataFilter": lookup}})
    earlier = another(bench)
    assert earlier.memory.facts() is None
    earlier.sync({1: "Ada"})  # adopts the tab; nothing to write, so nothing is marked
    assert owners(bench) == []
    bench.server.reset_stats()
    earlier.sync({1: "Ada"})
    assert bench.sent() == (1, 0, 0)
    another(bench, "courses").ownership.renew()
    third = another(bench, "courses")
    third.ownership = FakeOwnership("0000000000")
    third.use(third.tab)
    third.sync({1: "x"})
    with pytest.raises(OwnedByAnother):
        earlier.event({1: "Bob"}, {"1"})
    assert bench.values()[1][1] == "Ada"


def test_who_takes_over_keeps_it_and_the_other_one_is_refused(bench: Bench) -> None:
    bench.sync(ROWS)
    staging = another(bench)
    staging.sync(ROWS, take_over=True)  # the same rows: nothing else is written
    assert [owner["installation"] for owner in owners(bench)] == ["f9e8d7c6b5"]
    with pytest.raises(OwnedByAnother, match="database 'staging'"):
        bench.event({1: "x"}, {"1"})
    with pytest.raises(OwnedByAnother):
        bench.sync({1: "x"})
    assert staging.sync(ROWS | {1: "y"}).cells == 1
    assert bench.sync(ROWS, take_over=True).cells == 1


def test_a_copy_of_the_file_is_anybodys(bench: Bench) -> None:
    """Its marks came along with it, and name the file that they were made for."""
    bench.sync({1: "Ada"})
    [mark] = owners(bench)
    lookup = {"developerMetadataLookup": {"metadataKey": "sheets_pipeline.owner"}}
    value = json.dumps(mark | {"spreadsheet": "the original"})
    update = {"dataFilters": [lookup], "developerMetadata": {"metadataValue": value}, "fields": "metadataValue"}
    bench.edit({"updateDeveloperMetadata": update})
    staging = another(bench)
    staging.sync({1: "Bob"})
    assert [owner["installation"] for owner in owners(bench)] == ["f9e8d7c6b5"]


def test_of_two_that_start_at_the_same_moment_one_is_refused(bench: Bench) -> None:
    staging = another(bench)
    outcomes = at_once(Race(bench, ROWS).sync, Race(staging, OTHERS).sync)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["OwnedByAnother", "SyncReport"]
    assert sorted(keys(bench)) == list(ROWS)
    assert len(owners(bench)) == 1


def test_of_two_that_write_to_an_unmarked_tab_at_the_same_moment_one_is_refused(bench: Bench) -> None:
    bench.put("Sheet1!A1", [["x"]])
    bench.edit({"addSheet": {"properties": {"title": "people"}}})
    bench.put("people!A1:E2", [["id", "Full name", "score", "seen", "active"], [1, "by hand", 0, 0, True]])
    staging = another(bench)
    outcomes = at_once(Race(bench, ROWS).sync, Race(staging, OTHERS).sync)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["OwnedByAnother", "SyncReport"]
    assert sorted(keys(bench)) == list(ROWS)


def test_two_that_nothing_tells_apart_double_no_row_and_one_of_them_stops(bench: Bench) -> None:
    bench.sync({1: "n1"})
    copied = twin(bench)
    outcomes = at_once(Race(bench, ROWS).sync, Race(copied, ROWS).sync)
    assert not [outcome for outcome in outcomes if not isinstance(outcome, SyncReport)]
    assert sorted(keys(bench)) == list(ROWS)
    stopped = []
    for turn in range(3):
        for one in (bench, copied):
            try:
                one.sync(ROWS | {1: f"turn {turn} of {id(one)}"})
            except OwnedByAnother as error:
                stopped.append((one, str(error)))
    assert {id(one) for one, _ in stopped} == {id(stopped[0][0])}
    other, said = stopped[0]
    assert "copy of this installation" in said
    other.sync(ROWS, take_over=True)
    assert [owner["installation"] for owner in owners(bench)] == [other.ownership.me.installation]
    still = copied if other is bench else bench
    with pytest.raises(OwnedByAnother):
        still.sync(ROWS | {1: "x"})


def test_events_wait_for_a_full_sync_where_the_tab_is_not_at_the_version_that_we_know(bench: Bench) -> None:
    bench.sync({1: "a", 2: "b"})
    earlier = copy.deepcopy(bench.memory)
    bench.sync({1: "a", 2: "c"})
    bench.memory = earlier  # our tables were put back
    bench.use(PEOPLE)
    with pytest.raises(NeedsFullSync):
        bench.event({1: "x"}, {"1"})
    assert bench.sync({1: "a", 2: "c"}).cells == 0
    bench.server.reset_stats()
    assert bench.event({2: "b"}, {"2"}).cells == 1
    assert bench.sent()[:2] == (1, 1)


def test_marks_cost_no_request_and_few_bytes(bench: Bench) -> None:
    bench.sync(ROWS)
    for _ in range(20):
        bench.server.reset_stats()
        report = bench.event({1: f"x{_}"}, {"1"})
        assert bench.sent() == (1, 1, 1)
    assert report.traffic.bytes_sent < 2200
    metadata = bench.call("POST", "/developerMetadata:search", {"dataFilters": [{"gridRange": {"startRowIndex": 0}}]})
    lookup = {"dataFilters": [{"developerMetadataLookup": {"metadataKey": "sheets_pipeline.version"}}]}
    assert metadata is not None
    assert len(bench.call("POST", "/developerMetadata:search", lookup)["matchedDeveloperMetadata"]) <= 8


def test_a_mark_in_the_way_of_ours_is_removed(bench: Bench) -> None:
    """A metadata id that was taken, by whatever: Google refuses the write once, and the next one clears the way."""
    bench.sync({1: "a"})
    lookup = {"dataFilters": [{"developerMetadataLookup": {"metadataKey": "sheets_pipeline.version"}}]}
    [metadata] = bench.call("POST", "/developerMetadata:search", lookup)["matchedDeveloperMetadata"]
    taken = metadata["developerMetadata"] | {"metadataId": metadata["developerMetadata"]["metadataId"] + 1}
    taken["metadataValue"] = "0.a1b2c3d4e5.x.00"
    bench.edit({"createDeveloperMetadata": {"developerMetadata": taken}})
    assert bench.sync({1: "b"}).cells > 0
    assert bench.values()[1][1] == "b"


def test_a_refusal_that_stays_is_told_after_one_more_look(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sync({1: "a"})
    sent = []

    def refuse(path: str, **_request: Any) -> None:
        sent.append(path)
        raise RequestRejected("Google refused a request (400): no")

    monkeypatch.setattr(bench.client, "write", refuse)
    with pytest.raises(RequestRejected):
        bench.sync({1: "b"})
    assert len(sent) == 2


def test_another_pipeline_takes_no_edits_of_the_spreadsheet_and_is_told_whose_it_is(bench: Bench) -> None:
    """Also where it wrote the tab before, and knows what it wrote."""
    bench.sync(ROWS)
    for other in (another(bench), twin(bench)):
        other.ownership = FakeOwnership("f9e8d7c6b5", "database 'staging' on staging.example.org")
        other.use(other.tab)
        with pytest.raises(OwnedByAnother), other.writer.looking():
            pass
