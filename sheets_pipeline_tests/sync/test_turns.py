"""Whose turn a full sync is, by the ticks of each tab's interval."""

from datetime import UTC, datetime, timedelta

import pytest

from sheets_pipeline.sync.turns import is_tick, next_tick, overdue

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked_ago", "seconds_into_interval", "is_trial", "is_overdue"),
    [
        pytest.param(None, 0, False, True, id="never ran"),
        pytest.param(100, 100, False, False, id="ran at the last tick"),
        pytest.param(101, 100, False, True, id="the last tick started none"),
        pytest.param(5000, 5, False, False, id="the schedule is about to start one"),
        pytest.param(5000, 290, False, False, id="the next tick is near"),
        pytest.param(5000, 290, True, True, id="a trial run waits for no tick"),
        pytest.param(70, 100, True, True, id="a trial run is due"),
    ],
)
def test_a_full_sync_is_overdue_when_the_last_tick_started_none(
    asked_ago: float | None, seconds_into_interval: float, is_trial: bool, is_overdue: bool
) -> None:
    now = MIDNIGHT + timedelta(seconds=seconds_into_interval)
    asked = {} if asked_ago is None else {"a": now - timedelta(seconds=asked_ago)}
    assert (overdue({"a": 300}, asked, now, is_trial=is_trial) == {"a"}) is is_overdue


def test_each_tab_is_overdue_by_its_own_ticks() -> None:
    now = MIDNIGHT + timedelta(hours=13, minutes=2)
    intervals = {"often": 300, "hourly": 3600, "daily": 86_400, "new": 86_400}
    asked = dict.fromkeys(("often", "hourly", "daily"), MIDNIGHT + timedelta(hours=12, minutes=59))
    assert overdue(intervals, asked, now) == {"often", "hourly", "new"}
    assert overdue(intervals, dict.fromkeys(intervals, now), now) == set()
    assert overdue(intervals, dict.fromkeys(intervals, now), now, is_trial=True) == {"often"}
    assert overdue({}, {}, now, is_trial=True) == set()


def test_ticks_fall_on_whole_multiples() -> None:
    ticks = [MIDNIGHT + timedelta(minutes=minutes) for minutes in range(0, 61, 5)]
    assert [tick.minute for tick in ticks if is_tick(tick, 900)] == [0, 15, 30, 45, 0]
    assert next_tick(MIDNIGHT, 900) == MIDNIGHT + timedelta(minutes=15)
    assert next_tick(MIDNIGHT - timedelta(seconds=1), 86_400) == MIDNIGHT
