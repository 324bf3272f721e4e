"""Whatever request fails or is lost, nothing is lost, doubled, torn or harmed."""

from dataclasses import replace

import pytest

from benchmarks.faults import (
    FAULTS,
    NEW,
    OLD,
    Damage,
    kill_at_random,
    look,
    prepare,
    run,
    run_events,
)
from sheets_pipeline.errors import SheetsUnavailable
from sheets_pipeline.testing import FAST, Bench


@pytest.mark.parametrize("request_index", [0, 1, 2], ids=["read", "write", "delete"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_any_request_harms_nothing(bench: Bench, name: str, request_index: int) -> None:
    damage = run(bench, FAULTS[name], request_index)
    assert damage.total == 0, damage
    assert damage.looks > 1
    assert damage.faults == 1


@pytest.mark.parametrize("request_index", [0, 1, 2], ids=["read of the keys", "write", "delete"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_any_request_of_an_event_sync_harms_nothing(bench: Bench, name: str, request_index: int) -> None:
    damage = run_events(bench, FAULTS[name], request_index)
    assert damage.total == 0, damage
    assert damage.looks > 1
    assert damage.faults == 1


def test_a_lost_answer_is_settled_by_reading_and_not_by_sending_again(bench: Bench) -> None:
    prepare(bench)
    bench.server.reset_stats()
    bench.server.faults(action="reset", after=True, kind="write", count=1)
    report = bench.sync(NEW)
    assert report.rounds == 2
    assert bench.sent()[:2] == (2, 2)  # the deletes are the second write; inserts and updates were not sent again
    damage = Damage()
    look(bench, damage, final=True)
    assert damage.total == 0, damage


def test_a_429_is_waited_out_as_long_as_google_says(bench: Bench) -> None:
    prepare(bench)
    bench.server.faults(action="error", status=429, retry_after=1, kind="write", count=1)
    report = bench.sync(NEW)
    assert (report.traffic.retries, report.traffic.refused_requests) == (1, 1)
    assert report.seconds >= 1


def test_a_server_that_stays_away_is_given_up_with_a_clear_message(bench: Bench) -> None:
    prepare(bench)
    bench.policy = replace(FAST, total_seconds=1)
    bench.use(bench.tab)
    bench.server.faults(action="error", status=503, count=None)
    with pytest.raises(SheetsUnavailable, match="The next sync goes on where this one stopped"):
        bench.sync(NEW)
    bench.server.clear_faults()
    assert bench.sync(NEW).inserts == 4


def test_a_random_storm_of_faults_harms_nothing(bench: Bench) -> None:
    prepare(bench)
    bench.server.faults(
        {"action": "error", "status": 503, "probability": 0.15, "seed": 1, "count": None},
        {"action": "reset", "after": True, "probability": 0.15, "seed": 2, "count": None, "kind": "write"},
        {"action": "error", "status": 429, "probability": 0.1, "seed": 3, "count": None},
    )
    for rows in (NEW, OLD, NEW, OLD, NEW):
        try:
            bench.sync(rows)
        except SheetsUnavailable:
            continue
    bench.server.clear_faults()
    bench.sync(NEW)
    keys = [row[0] for row in bench.values()[1:]]
    assert sorted(keys) == sorted(NEW)


def test_kill_9_at_random_moments_harms_nothing(bench: Bench, database_url: str) -> None:
    damage = kill_at_random(bench, database_url, kills=16, seed=5)
    assert damage.total == 0, damage
    assert damage.faults == 16
