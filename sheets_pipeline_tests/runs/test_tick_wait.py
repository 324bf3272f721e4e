"""A sensor's tick waits as long as it may, and no longer, on idle machines and on busy ones."""

import random

import pytest

from sheets_pipeline.runs.tick_wait import TickWait


def turns_missed(around: tuple[float, float], count: int = 400) -> tuple[int, float]:
    """Of so many turns after the first 30, with so many seconds (from, to) around each tick; and the last wait."""
    rng, wait, now, missed = random.Random(1), TickWait(5.0, most_seconds=4.6), 100.0, 0
    for number in range(count):
        until = wait.begin(now)
        wait.has_waited()
        is_missed = until - now + rng.uniform(*around) > 5.0
        missed += is_missed and number >= 30
        now += 10.0 if is_missed else 5.0
    return missed, wait.seconds


@pytest.mark.parametrize(
    ("around", "most_missed", "waits"),
    [
        ((0.1, 0.3), 0, (4.6, 4.6)),
        ((0.3, 0.8), 25, (4.0, 4.6)),
        ((0.8, 1.5), 25, (3.3, 4.2)),
        ((9.0, 9.0), 400, (2.59, 2.61)),
    ],
)
def test_hardly_a_turn_is_missed_and_the_wait_is_no_shorter_than_that_takes(
    around: tuple[float, float], most_missed: int, waits: tuple[float, float]
) -> None:
    missed, seconds = turns_missed(around)
    assert missed <= most_missed
    assert waits[0] <= seconds <= waits[1]


def test_what_no_wait_explains_changes_none() -> None:
    wait = TickWait(5.0, most_seconds=4.6)
    wait.begin(100.0)
    wait.has_waited()
    wait.begin(400.0)  # the daemon was away
    assert wait.seconds == 4.6
    wait.begin(410.0)  # the tick before asked for a run, which takes its time
    assert wait.seconds == 4.6


def test_a_run_that_a_late_tick_asks_for_stays_for_the_turn_that_may_be_missed() -> None:
    wait = TickWait(5.0, most_seconds=4.6)
    wait.begin(100.0)
    assert wait.seconds_to_next_look(100.2) == 5.0
    assert wait.seconds_to_next_look(104.0) == 5.0
    assert wait.seconds_to_next_look(104.2) == 10.0
