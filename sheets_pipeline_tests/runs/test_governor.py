"""The governor: what it decides, who is asked to wait, and what ends a wait."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets_pipeline.database import events, leases
from sheets_pipeline.database import quota as quota_module
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.quota import BULK, URGENT, Kind, sync_quota_slot
from sheets_pipeline.defs import event_sync
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import governor, stay
from sheets_pipeline.runs.governor import Situation, decide, seconds_between_rounds, wait_after_round, wait_before_round
from sheets_pipeline.runs.parts import Part
from sheets_pipeline.sync.watch import Priority
from sheets_pipeline_tests.defs.test_jobs import pending
from sheets_pipeline_tests.learning_platform import Platform
from sheets_pipeline_tests.runs.test_event_round import run

_LIMITS: dict[Kind, int] = {"read": 60, "write": 60}


def sent(*ages: float) -> dict[Kind, list[float]]:
    """Reads of these ages, no writes."""
    return {"read": list(ages), "write": []}


@pytest.mark.parametrize(
    ("ages", "apart"),
    [
        pytest.param(sent(), 0, id="nothing was sent"),
        pytest.param(sent(*range(29)), 0, id="half of the budget is left"),
        pytest.param(sent(*(i * 1.25 for i in range(45))), 60 / 45, id="a steady stream goes on at its pace"),
        pytest.param(sent(*(i * 0.5 for i in range(30))), 45.5 / 31, id="a burst makes the rest last until it is back"),
        pytest.param(sent(*[10] * 60), 50, id="nothing is left"),
        pytest.param(sent(*[10] * 62), 50, id="others use the same credential"),
        pytest.param({"read": [], "write": [5.0] * 50}, 55 / 11, id="writes are the shorter ones"),
    ],
)
def test_rounds_slow_down_as_quota_gets_short(ages: dict[Kind, list[float]], apart: float):
    assert seconds_between_rounds(ages, _LIMITS) == pytest.approx(apart, abs=0.05)


@settings(deadline=None)
@given(
    before=st.lists(st.floats(0, 59.9), max_size=55),
    full_syncs=st.lists(st.floats(0, 300), max_size=2),
    round_seconds=st.floats(0.2, 1),
)
def test_a_steady_stream_never_runs_into_a_full_stop(
    before: list[float], full_syncs: list[float], round_seconds: float
):
    """However the budget was used before, and with full syncs of eight requests each between: a round is always near."""
    moments, now, longest = sorted(-age for age in before), 0.0, 0.0
    while now < 300:
        for moment in [moment for moment in full_syncs if moment <= now]:
            full_syncs = [other for other in full_syncs if other != moment]
            moments += [now] * 8
        ages = [now - moment for moment in moments if now - moment < 60]
        apart = max(round_seconds, seconds_between_rounds(sent(*ages), _LIMITS))
        now += apart
        if len([moment for moment in moments if now - moment < 60]) < 60:
            moments.append(now)
        longest = max(longest, apart) if now - apart > 60 else longest
    assert longest < 10


@pytest.mark.parametrize(
    ("situation", "seconds", "because"),
    [
        pytest.param(Situation(), 0, "", id="nothing is known"),
        pytest.param(Situation(0.1, 0, 0.05), 1.9, "first, after 0.10 s", id="a twentieth of the time at work"),
        pytest.param(Situation(0.1, 0, 0.5), 0.1, "SYNC_WORK_SHARE", id="half of the time"),
        pytest.param(Situation(0.1, 0, 1.0), 0, "", id="all of the time"),
        pytest.param(Situation(20, 0, 0.05, 300), 15, "SYNC_WORK_SHARE", id="never so long that a sync is late"),
        pytest.param(Situation(0.1, 1.5, 0.05), 0.4, "SYNC_WORK_SHARE", id="some of it has passed"),
        pytest.param(Situation(0.1, 5, 0.05), 0, "", id="all of it has passed"),
        pytest.param(Situation(0.1, 0, 0.05, events_per_second=49.9), 0, "", id="the application is quiet"),
        pytest.param(Situation(0.1, 0, 0.05, events_per_second=50), 1.9, "while 50 or more", id="it is busy"),
        pytest.param(Situation(ages=sent(*[10] * 60), limits=_LIMITS, since_round_seconds=20), 30, "quota", id="quota"),
        pytest.param(Situation(ages=sent(*[10] * 60), limits=_LIMITS), 0, "", id="no round to keep away from"),
        pytest.param(
            Situation(0.1, 0, 0.05, ages=sent(*[10] * 60), limits=_LIMITS, since_round_seconds=20),
            30,
            "quota",
            id="the longer wait counts",
        ),
    ],
)
def test_it_says_when_a_sync_goes_on_and_why(situation: Situation, seconds: float, because: str):
    decision = decide(situation)
    assert decision.seconds == pytest.approx(seconds, abs=0.06)  # a slot counts for 60.05 s
    assert because in str(decision)
    assert ("because" in str(decision)) == (seconds > 0)


@pytest.mark.parametrize(
    ("tags", "waits"),
    [
        pytest.param({"dagster/schedule_name": "every_interval"}, 4 + 3, id="the schedule"),
        pytest.param({"dagster/sensor_name": "overdue_full_sync"}, 0, id="the sensor that catches up"),
        pytest.param({}, 0, id="a person"),
    ],
)
def test_only_full_syncs_that_nobody_waits_for_make_way(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str], waits: int
):
    waited: list[float] = []
    monkeypatch.setattr(governor, "time", SimpleNamespace(sleep=waited.append))
    assert run(platform, "full_sync", tags=tags).success
    assert len(waited) == waits
    assert all(seconds > 0 for seconds in waited)


def record(engine: sa.Engine, number: int = 1, priority: Priority = Priority.NORMAL) -> None:
    """Learner 7 has changed, so many times."""
    event = {"entity": "user", "key": "7", "kind": "update", "changed": '["email"]', "priority": int(priority)}
    with engine.begin() as connection:
        connection.execute(pending_event.insert(), [event] * number)


@contextmanager
def stream(engine: sa.Engine, *, per_second: int) -> Iterator[None]:
    """Events that keep coming, so many a second."""
    over = threading.Event()

    def write() -> None:
        began, written = time.monotonic(), 0
        while not over.wait(0.02):  # so often that even a short round sees some
            owed = int((time.monotonic() - began) * per_second) - written  # as many on a machine under load
            record(engine, owed)
            written += owed

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long it was asked to wait, each time; so that a machine under load changes nothing."""
    asked, wait = list[float](), governor._wait_for_urgent

    def noted(pipeline: Pipeline, seconds: float) -> bool:
        asked.append(seconds)
        return wait(pipeline, seconds)

    monkeypatch.setattr(governor, "_wait_for_urgent", noted)
    return asked


@pytest.fixture
def busy(platform: Platform, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """The application is busy as the round ends, and during each wait."""
    record(platform.engine, 100)
    wait = governor._wait_for_urgent

    def more_come(pipeline: Pipeline, seconds: float) -> bool:
        record(platform.engine, 200)
        return wait(pipeline, seconds)

    monkeypatch.setattr(governor, "_wait_for_urgent", more_come)


def rested(platform: Platform, busy_seconds: float) -> tuple[bool, float]:
    """Whether it rested after a round of one second, and for how long."""
    began = time.monotonic()
    answer = wait_after_round(dg.build_op_context(), platform.pipeline, 1.0, busy_seconds)
    return answer, time.monotonic() - began


def test_a_quiet_application_keeps_nothing_waiting(platform: Platform, waits: list[float]):
    record(platform.engine, 40)
    answer, _ = rested(platform, 1)
    assert not answer
    assert waits == []


def test_a_busy_application_is_left_alone_for_its_share_of_the_time(platform: Platform, busy: None, waits: list[float]):
    answer, seconds = rested(platform, 0.2)
    assert answer
    assert seconds >= 0.2 * 19
    assert sum(waits) < 0.2 * 19 + 0.01


def test_parts_count_the_load_of_all_and_have_the_share_together(platform: Platform):
    record(platform.engine, 40)
    with platform.engine.begin() as connection:
        connection.exec_driver_sql("update pending_event set part = 200")
    first, second = (
        wait_after_round(dg.build_op_context(), platform.pipeline, 1.0, 0.01, Part(number, 2)) for number in (0, 1)
    )
    assert first
    assert not second
    assert governor.share_of_each(0.05, 4) == 0.05 / 4
    assert governor.share_of_each(1, 4) == 1


def test_a_rest_is_over_once_the_burst_is(platform: Platform, waits: list[float]):
    record(platform.engine, 500)
    answer, _ = rested(platform, 10)
    assert answer
    assert waits == [1.0]


def test_an_urgent_event_ends_a_rest(
    platform: Platform, busy: None, waits: list[float], monkeypatch: pytest.MonkeyPatch
):
    urgent, wait = threading.Timer(0.3, record, (platform.engine, 1, Priority.URGENT)), governor._wait_for_urgent

    def begin_second(*args: Any) -> bool:
        if len(waits) == 1:
            urgent.start()
        return wait(*args)

    monkeypatch.setattr(governor, "_wait_for_urgent", begin_second)
    answer, _ = rested(platform, 10)
    urgent.join()
    assert answer
    assert 1 < len(waits) < 10


def waited_with(platform: Platform, monkeypatch: pytest.MonkeyPatch, slots: int, priority: int) -> float:
    """Seconds after so many writes of this priority, the last of them just now, until a round goes on; 0 for at once.

    The clock stands still, so that a machine under load changes nothing.
    """
    context = dg.build_op_context()
    quota, now, waits = platform.pipeline.quota(URGENT), time.time(), list[float]()
    monkeypatch.setattr(quota_module, "database_time", lambda _: now)
    monkeypatch.setattr(governor, "_wait_for_urgent", lambda _, seconds: waits.append(seconds))
    slot = {"credential": quota.credential, "kind": "write", "priority": priority, "state": "answered"}
    with platform.engine.begin() as connection:
        connection.execute(sync_quota_slot.delete())
        connection.execute(sync_quota_slot.insert(), [slot | {"at": now - min(number, 1)} for number in range(slots)])
    wait_before_round(context, platform.pipeline)
    return sum(waits)


@pytest.mark.parametrize(
    ("slots", "priority", "has_events", "least", "most"),
    [
        pytest.param(40, URGENT, True, 0, 0, id="more than half is left"),
        pytest.param(95, URGENT, True, 1.4, 4, id="little is left"),  # 59 s until the next is back, and 41 rounds
        pytest.param(95, URGENT, False, 0, 0, id="there is nothing to write"),
        pytest.param(95, BULK, True, 0, 0, id="there was no round"),
    ],
)
def test_a_round_waits_as_long_as_quota_demands(
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    slots: int,
    priority: int,
    has_events: bool,
    least: float,
    most: float,
):
    monkeypatch.setenv("SHEETS_WRITES_PER_MINUTE", "135")
    platform.reopen()
    if has_events:
        record(platform.engine)
    assert least <= waited_with(platform, monkeypatch, slots, priority) <= most


def test_an_urgent_event_ends_the_wait_for_quota(platform: Platform, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(governor, "seconds_between_rounds", lambda *_: 20.0)
    with platform.pipeline.quota(URGENT).slot("read"):
        record(platform.engine)
    context = dg.build_op_context()  # which takes its time: not while the urgent event is on its way
    urgent = threading.Timer(0.5, record, (platform.engine, 1, Priority.URGENT))
    began = time.monotonic()
    urgent.start()
    wait_before_round(context, platform.pipeline)
    assert 0.4 < time.monotonic() - began < 15
    urgent.join()


def test_a_run_under_load_stays_beyond_the_tick_and_writes_what_gathered(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SYNC_WORK_SHARE", "0.5")
    platform.reopen()
    tick, rested, wait = 1000.0, list[bool](), governor.wait_after_round

    def waits(*args: Any) -> bool:
        record(platform.engine, 3000)  # they came during the round, also if that took long
        rested.append(wait(*args))
        return rested[-1]

    # A moment after the tick, and once it has rested twice, past the longest stay; rounds take long on a machine under load.
    now = SimpleNamespace(time=lambda: tick + 1 + stay.LONGEST_SECONDS * (len(rested) > 1), sleep=time.sleep)
    monkeypatch.setattr(event_sync, "time", now)
    monkeypatch.setattr(governor, "wait_after_round", waits)
    run(platform, "full_sync")
    record(platform.engine)
    result = run(platform, "event_sync", tags={"sheets_pipeline/next_tick": str(tick)})
    assert result.success
    assert rested == [True, True]
    logged = [record.user_message for record in platform.instance.all_logs(result.run_id)]
    assert sum("the application comes first while 50 or more" in line for line in logged) == 2
    assert len([event for event in result.all_events if event.is_step_materialization]) == 2


def test_a_pause_is_heeded_between_rounds(platform: Platform):
    run(platform, "full_sync")
    record(platform.engine)
    with stream(platform.engine, per_second=300):
        timer = threading.Timer(2, leases.take, (platform.pipeline.state, "a person", 60))
        timer.start()
        result = run(platform, "event_sync", tags={"sheets_pipeline/next_tick": str(time.time() + 60)})
        timer.join()
    assert result.success
    assert pending(platform) > 0
    logged = [record.user_message for record in platform.instance.all_logs(result.run_id)]
    assert any("Paused by a person" in line for line in logged)


def test_urgent_events_are_told_from_others(platform: Platform):
    record(platform.engine)
    assert events.wait_for_event(platform.engine, 0)
    assert not events.wait_for_event(platform.engine, 0, urgent=True)
    record(platform.engine, 1, Priority.URGENT)
    assert events.wait_for_event(platform.engine, 0, urgent=True)
