"""Tabs of a round share their requests: each part is sent once, and what becomes of one harms no other."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.faults import (
    FAULTS,
    NEW,
    OLD,
    Damage,
    look,
    prepare,
    run_together,
    sync_together,
    tabs_of_one_spreadsheet,
)
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.errors import OutcomeUnknown, RequestRejected, SheetsUnavailable
from sheets_pipeline.sheets import shared_requests
from sheets_pipeline.sheets.client import NoQuota, SheetsClient
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sheets.shared_requests import Participant, SharedRequests
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.testing import Bench

# What decides -----------------------------------------------------------------------------------------------------------


@dataclass
class Post:
    """Sends parts and remembers which went together; answers with each part in capitals."""

    sent: list[list[str]] = field(default_factory=list)
    errors: dict[str, Exception] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, parts: list[str]) -> dict[str, str]:
        with self.lock:
            self.sent.append(list(parts))
        for part in parts:
            if part in self.errors:
                raise self.errors[part]
        return {part: part.upper() for part in parts}

    @property
    def together(self) -> list[set[str]]:
        return [set(parts) for parts in self.sent]


def ask(participant: Participant, post: Post, *parts: str, size: int = 0, after: float = 0.0) -> list[Any]:
    """One tab: joins, works, sends its parts one after the other; an error stands in the place of its answer."""
    answers: list[Any] = []
    with participant.at_work():
        time.sleep(after)
        for part in parts:
            kind = "write" if part.startswith("w") else "read"
            try:
                answers.append(participant.together(kind, part, size, post.send)[0][part])
            except Exception as error:
                answers.append(error)
    return answers


def at_once(*tabs: Any) -> list[Any]:
    """What each tab, a function of its participant, gives; all join before the first of them begins."""
    shared = SharedRequests()
    participants = [shared.join() for _ in tabs]
    with ThreadPoolExecutor(max(1, len(tabs))) as pool:
        return list(pool.map(lambda tab, participant: tab(participant), tabs, participants))


@pytest.mark.usefixtures("patient_tabs")
def test_what_tabs_read_and_write_goes_together() -> None:
    post = Post()
    answers = at_once(
        lambda participant: ask(participant, post, "r1", "w1"),
        lambda participant: ask(participant, post, "r2", "w2", after=0.1),
        lambda participant: ask(participant, post, "r3"),
    )
    assert answers == [["R1", "W1"], ["R2", "W2"], ["R3"]]
    assert post.together == [{"r1", "r2", "r3"}, {"w1", "w2"}]


def test_reads_and_writes_are_not_mixed() -> None:
    post = Post()
    at_once(lambda participant: ask(participant, post, "r1"), lambda participant: ask(participant, post, "w2"))
    assert sorted(post.sent) == [["r1"], ["w2"]]


@pytest.mark.usefixtures("patient_tabs")
def test_parts_that_do_not_fit_together_go_apart() -> None:
    post = Post()
    answers = at_once(*(lambda participant, n=n: ask(participant, post, f"w{n}", size=900_000) for n in range(3)))
    assert answers == [["W0"], ["W1"], ["W2"]]
    assert sorted(map(len, post.sent)) == [1, 2]


def test_without_others_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 30)
    monkeypatch.setattr(shared_requests, "_ENTRY_SECONDS", 30)
    post, began = Post(), time.monotonic()
    assert at_once(lambda participant: ask(participant, post, *(f"r{n}" for n in range(50)))) == [
        [f"R{n}" for n in range(50)]
    ]
    assert time.monotonic() - began < 15


def test_before_it_takes_its_seat_a_tab_sends_alone() -> None:
    post, shared = Post(), SharedRequests()
    participant, _ = shared.join(), shared.join()
    assert participant.together("read", "r1", 0, post.send) == ({"r1": "R1"}, False)


def test_a_tab_that_waits_for_its_lock_holds_up_others_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 30)
    post, shared = Post(), SharedRequests()
    participant, _ = shared.join(), shared.join()
    began = time.monotonic()
    assert ask(participant, post, "r1", "w1") == ["R1", "W1"]
    assert time.monotonic() - began < 15


def test_a_tab_that_works_for_long_holds_up_others_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 0.1)
    post, over = Post(), threading.Event()

    def quick(participant: Participant) -> None:
        ask(participant, post, "r1")
        over.set()

    def late(participant: Participant) -> None:
        with participant.at_work():
            assert over.wait(30)
            participant.together("read", "r2", 0, post.send)

    at_once(quick, late)
    assert post.sent == [["r1"], ["r2"]]


def test_a_tab_that_is_late_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 1.0)
    post, over = Post(), threading.Event()

    def quick(participant: Participant) -> float:
        began = time.monotonic()
        ask(participant, post, *(f"w{n}" for n in range(8)))
        over.set()
        return time.monotonic() - began

    def late(participant: Participant) -> None:
        with participant.at_work():
            over.wait(30)

    assert at_once(quick, late)[0] < 6  # a second for the first of eight


def test_a_tab_that_was_late_is_waited_for_once_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post()
    gate = threading.Event()

    def late(participant: Participant) -> None:
        with participant.at_work():
            assert gate.wait(30)
            participant.together("write", "w2", 0, post.send)

    def early(participant: Participant) -> None:
        with participant.at_work():
            participant.together("read", "r1", 0, post.send)
            monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 30)
            gate.set()
            deadline = time.monotonic() + 30
            while not participant._shared._waiting:  # until the other one is there
                assert time.monotonic() < deadline
                time.sleep(0.01)
            participant.together("write", "w1", 0, post.send)

    at_once(early, late)
    assert post.together == [{"r1"}, {"w1", "w2"}]


def test_a_tab_that_has_nothing_to_send_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 30)
    post, began = Post(), time.monotonic()
    at_once(lambda participant: ask(participant, post, "r1"), lambda participant: ask(participant, post, after=0.1))
    assert post.sent == [["r1"]]
    assert time.monotonic() - began < 15


def test_a_tab_may_leave_its_seat_and_take_it_again() -> None:
    post = Post()

    def twice(participant: Participant) -> list[Any]:
        return ask(participant, post, "r1") + ask(participant, post, "r2", "r3")

    assert at_once(twice, lambda participant: ask(participant, post, "rx")) == [["R1", "R2", "R3"], ["RX"]]


@pytest.mark.usefixtures("patient_tabs")
def test_after_a_refusal_each_part_is_sent_alone() -> None:
    post = Post(errors={"w2": RequestRejected("Google refused a request (400): protected", status=400)})
    answers = at_once(*(lambda participant, n=n: ask(participant, post, f"w{n}") for n in (1, 2, 3)))
    assert answers[0] == ["W1"]
    assert answers[2] == ["W3"]
    assert isinstance(answers[1][0], RequestRejected)
    assert post.together[0] == {"w1", "w2", "w3"}
    assert sorted(map(sorted, post.together[1:])) == [["w1"], ["w2"], ["w3"]]


@pytest.mark.usefixtures("patient_tabs")
@pytest.mark.parametrize("kind", [OutcomeUnknown, SheetsUnavailable, ValueError])
def test_any_other_error_is_everybodys_and_nothing_is_sent_again(kind: type[Exception]) -> None:
    post = Post(errors={"w2": kind("lost")})
    answers = at_once(*(lambda participant, n=n: ask(participant, post, f"w{n}") for n in (1, 2, 3)))
    errors = [answer for [answer] in answers]
    assert all(type(error) is kind and str(error) == "lost" for error in errors)
    assert len(post.sent) == 1


@pytest.mark.usefixtures("patient_tabs")
def test_an_error_that_cannot_be_copied_leaves_nobody_waiting() -> None:
    class Odd(Exception):
        def __init__(self, message: str, *, code: int) -> None:
            super().__init__(f"{message} {code}")

    post = Post(errors={"w2": Odd("lost", code=7)})
    answers = at_once(*(lambda participant, n=n: ask(participant, post, f"w{n}") for n in (1, 2, 3)))
    assert [str(error) for [error] in answers] == ["lost 7"] * 3


_SCRIPT = st.lists(st.sampled_from(["r", "w"]), max_size=4)


@settings(deadline=None, max_examples=60)
@given(st.lists(_SCRIPT, min_size=1, max_size=4), st.sampled_from(["", "r0.0", "w1.0", "r1.1"]), st.integers(0, 3))
def test_whatever_tabs_do_each_part_is_sent_once_and_gets_its_own_answer(
    scripts: list[list[str]], refused: str, slow: int
) -> None:
    post = Post(errors={refused: RequestRejected("no", status=400)})

    def tab(number: int) -> Any:
        parts = [f"{what}{number}.{i}" for i, what in enumerate(scripts[number])]
        return parts, lambda participant: ask(participant, post, *parts, after=0.005 * (number == slow))

    tabs = [tab(number) for number in range(len(scripts))]
    answers = at_once(*(work for _, work in tabs))
    for (parts, _), got in zip(tabs, answers, strict=True):
        for part, answer in zip(parts, got, strict=True):
            assert isinstance(answer, RequestRejected) if part == refused else answer == part.upper()
    gone = [part for parts in post.sent if refused not in parts or len(parts) == 1 for part in parts]
    assert sorted(gone) == sorted(part for parts, _ in tabs for part in parts)
    assert all(len({part[0] for part in parts}) == 1 for parts in post.sent)


# Through HTTP -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tabs(sheets_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Bench]]:
    """Three tabs with the old rows; they wait for each other on a slow machine, too, as requests are counted."""
    monkeypatch.setattr(shared_requests, "_ENTRY_SECONDS", 30)
    monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 30)
    sheets_server.clear_faults()
    benches = tabs_of_one_spreadsheet(sheets_server)
    for bench in benches:
        prepare(bench)
    yield benches
    sheets_server.clear_faults()


def before_writing(bench: Bench, act: Callable[[], object]) -> None:
    """Have something done once, after the tab was read and before its first write."""
    intend, left = bench.memory.intend, [act]

    def intend_after(keys: Collection[str]) -> None:
        if left:
            left.pop()()
        intend(keys)

    bench.memory.intend = intend_after  # type: ignore[method-assign]


def assert_new(*benches: Bench) -> None:
    """Every row once and right, every note beside its row."""
    damage = Damage()
    for bench in benches:
        look(bench, damage, final=True)
    assert damage.total == 0, damage


def test_three_tabs_cost_as_many_requests_as_one(tabs: list[Bench]) -> None:
    tabs[0].server.reset_stats()
    reports = sync_together(tabs)
    assert tabs[0].sent()[:2] == (1, 2)  # the second write deletes rows
    assert_new(*tabs)
    traffic = [report.traffic for report in reports.values() if isinstance(report, SyncReport)]
    assert sum(one.read_requests for one in traffic) == 1
    assert sum(one.write_requests for one in traffic) == 2
    assert sum(one.shared_requests for one in traffic) == 2 + 4


@pytest.mark.parametrize("request_index", [0, 1, 2], ids=["read", "write", "delete"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_a_shared_request_harms_no_tab(
    sheets_server: LocalSheetsServer, name: str, request_index: int
) -> None:
    damage = run_together(sheets_server, FAULTS[name], request_index)
    assert damage.total == 0, damage
    assert damage.looks > 1
    assert damage.faults == 1


def test_a_lost_answer_is_settled_by_one_reading_for_all(tabs: list[Bench]) -> None:
    server = tabs[0].server
    server.reset_stats()
    server.faults(action="reset", after=True, kind="write", count=1)
    reports = sync_together(tabs)
    # Only keys are read, so touched rows are sent again, but new ones are found where they stand; then the deletes.
    assert tabs[0].sent()[:2] == (2, 3)
    assert [getattr(report, "rounds", report) for report in reports.values()] == [2, 2, 2]
    assert_new(*tabs)


def test_what_google_refuses_of_one_tab_keeps_no_other_from_being_written(tabs: list[Bench]) -> None:
    """Google applies a request as a whole or not at all; here one tab is deleted between its reading and the write."""
    gone = tabs[2].sheet()["sheetId"]
    before_writing(tabs[2], lambda: tabs[2].edit({"deleteSheet": {"sheetId": gone}}))
    reports = sync_together(tabs)
    assert isinstance(reports["Leute!"], NeedsFullSync)
    assert_new(*tabs[:2])


def test_a_tab_that_is_gone_keeps_no_other_from_being_written(tabs: list[Bench]) -> None:
    tabs[2].edit({"deleteSheet": {"sheetId": tabs[2].sheet()["sheetId"]}})
    assert isinstance(sync_together(tabs)["Leute!"], NeedsFullSync)
    assert_new(*tabs[:2])


def test_a_tab_renamed_while_all_are_written_is_read_and_written_again(tabs: list[Bench]) -> None:
    properties = {"sheetId": tabs[0].sheet()["sheetId"], "title": "Menschen"}
    rename = {"updateSheetProperties": {"properties": properties, "fields": "title"}}
    before_writing(tabs[0], lambda: tabs[0].edit(rename))
    assert all(isinstance(report, SyncReport) for report in sync_together(tabs).values())
    tabs[0].tab = replace(tabs[0].tab, title="Menschen")
    assert_new(*tabs)


def test_rows_that_people_sort_in_one_tab_concern_that_tab_alone(tabs: list[Bench]) -> None:
    span = {"sheetId": tabs[0].sheet()["sheetId"], "startRowIndex": 1}
    sort = {"sortRange": {"range": span, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]}}
    before_writing(tabs[0], lambda: tabs[0].edit(sort))
    assert isinstance(sync_together(tabs)["people"], NeedsFullSync)
    assert_new(*tabs[1:])


# Full syncs -------------------------------------------------------------------------------------------------------------

#: As the old rows, with a row changed and one more.
SMALL = OLD | {7: ("Grace", 7.5), 41: ("Hedy", 41)}


def sync_small(bench: Bench) -> SyncReport:
    return bench.sync(SMALL)


def sync_all_new(bench: Bench) -> SyncReport:
    return bench.sync(NEW)


def shown(bench: Bench) -> dict[int, tuple[str, float]]:
    return {row[0]: (row[1], row[2]) for row in bench.values()[1:]}


def counted(tabs: list[Bench], how: Callable[[Bench], SyncReport] = sync_small) -> tuple[int, int]:
    """Reads and writes that full syncs of the tabs, all at once, take."""
    tabs[0].server.reset_stats()
    reports = sync_together(tabs, how)
    assert all(isinstance(report, SyncReport) for report in reports.values()), reports
    return tabs[0].sent()[:2]


def test_full_syncs_of_tabs_with_small_changes_cost_one_read_and_one_write(tabs: list[Bench]) -> None:
    assert counted(tabs) == (1, 1)
    assert [shown(bench) for bench in tabs] == [SMALL] * 3
    assert counted(tabs) == (1, 0)


def test_full_syncs_that_delete_share_their_second_write_too(tabs: list[Bench]) -> None:
    assert counted(tabs, sync_all_new) == (1, 2)
    assert_new(*tabs)


def test_full_syncs_after_a_day_ask_once_for_all_where_their_tabs_are(tabs: list[Bench]) -> None:
    for bench in tabs:
        facts = bench.memory.facts()
        assert facts
        bench.memory.save_facts(replace(facts, seen_at=bench.memory.now() - 100_000))
    assert counted(tabs) == (2, 1)


def test_full_syncs_look_once_for_all_at_marks_that_are_not_as_expected(tabs: list[Bench]) -> None:
    for bench in tabs:
        facts = bench.memory.facts()
        assert facts
        bench.memory.save_facts(replace(facts, version="1.somebody.else.", intended=[]))
        bench.use(bench.tab)
    assert counted(tabs, lambda bench: bench.sync(OLD))[0] == 2


@pytest.mark.parametrize(("cells", "reads"), [(99_999, 2), (None, 2), (45_000, 1)], ids=["large", "unknown", "both"])
def test_a_tab_that_is_too_large_to_be_read_with_others_is_read_alone(
    tabs: list[Bench], cells: int | None, reads: int
) -> None:
    facts = tabs[1].memory.facts()
    assert facts
    assert facts.cells == 41 * 5  # as it was made
    tabs[1].memory.save_facts(replace(facts, cells=cells))
    sent = counted(tabs)
    assert sent[0] == reads
    assert sent[1] <= reads  # nobody waits to write with a tab that is still being read
    assert [shown(bench) for bench in tabs] == [SMALL] * 3
    facts = tabs[1].memory.facts()
    assert facts
    assert facts.cells == 41 * 5 + 40  # with people's notes, the last of which is blank


def test_what_is_refused_of_one_tab_keeps_no_other_from_its_full_sync(tabs: list[Bench]) -> None:
    gone = tabs[2].sheet()["sheetId"]
    before_writing(tabs[2], lambda: tabs[2].edit({"deleteSheet": {"sheetId": gone}}))
    counted(tabs)
    assert [shown(bench) for bench in tabs] == [SMALL] * 3  # it was made anew


@pytest.mark.usefixtures("patient_tabs")
def test_tabs_that_are_not_there_are_made_in_their_order(sheets_server: LocalSheetsServer) -> None:
    sheets_server.clear_faults()
    tabs = tabs_of_one_spreadsheet(sheets_server)
    for position, bench in zip([30, 10, 20], tabs, strict=True):
        bench.tab = replace(bench.tab, position=position)
    assert counted(tabs)[1] == 3
    sheets = tabs[0].call("GET", "?fields=sheets.properties(title)")["sheets"]
    titles = [sheet["properties"]["title"] for sheet in sheets]
    assert titles == ["Sheet1", "People's friends", "Leute!", "people"]
    assert [shown(bench) for bench in tabs] == [SMALL] * 3
    assert counted(tabs) == (1, 0)


@pytest.mark.parametrize("shares", [False, True])
def test_quota_is_held_by_the_tab_or_where_it_shares_requests_by_whoever_starts_the_round(shares: bool) -> None:
    class Budget(NoQuota):
        held = 0

        def reserved(self) -> AbstractContextManager[None]:
            self.held += 1
            return super().reserved()

    identity, participant = Identity(AnonymousCredentials(), "robot@example.org"), SharedRequests().join()
    client = SheetsClient(identity, "s", budget=(budget := Budget()), participant=participant if shares else None)
    with client.quota_reserved():
        assert budget.held == (0 if shares else 1)


def test_waits_for_others_grow_with_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_requests, "_ENTRY_SECONDS", 0.02)
    monkeypatch.setattr(shared_requests, "_LONGEST_WAIT_SECONDS", 0.02)
    post, shared = Post(), SharedRequests(patience=1000)
    participants = [shared.join() for _ in range(2)]

    def begin_late(participant: Participant) -> None:
        time.sleep(0.1)
        ask(participant, post, "r2", after=0.1)

    with ThreadPoolExecutor(2) as pool:
        pool.submit(ask, participants[0], post, "r1")
        pool.submit(begin_late, participants[1])
    assert post.together == [{"r1", "r2"}]
