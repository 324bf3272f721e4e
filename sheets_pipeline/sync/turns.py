"""Whose turn a full sync is: each tab has ticks of its own, on whole multiples of its interval since 1970, as cron's are."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

#: So close to a tick the schedule itself is about to start a run, or just did.
_NEAR_A_TICK_SECONDS = 15


def is_tick(moment: datetime, interval_seconds: int) -> bool:
    """Whether the schedule's tick at this moment is one of this interval's."""
    return int(moment.timestamp()) % interval_seconds == 0


def last_tick(now: datetime, interval_seconds: int) -> datetime:
    """The newest tick of this interval."""
    return datetime.fromtimestamp(now.timestamp() // interval_seconds * interval_seconds, UTC)


def next_tick(now: datetime, interval_seconds: int) -> datetime:
    """When the schedule next comes to tabs of this interval."""
    return last_tick(now, interval_seconds) + timedelta(seconds=interval_seconds)


def missed(intervals: Mapping[str, int], asked_for: Mapping[str, datetime], now: datetime) -> set[str]:
    """The tabs whose last tick started no full sync.

    Args:
        intervals: Of each tab, in seconds.
        asked_for: When a full sync of a tab was last asked for; those that never were are left out.
        now: With time zone.
    """
    return {
        title
        for title, seconds in intervals.items()
        if title not in asked_for or asked_for[title] < last_tick(now, seconds)
    }


def overdue(
    intervals: Mapping[str, int], asked_for: Mapping[str, datetime], now: datetime, *, is_trial: bool = False
) -> set[str]:
    """The tabs that should be synced without waiting for a tick; arguments as for ``missed``.

    ``is_trial``: the circuit wants a trial run. Then it is somebody's turn, and no tick that is near is waited for.
    """
    late = missed(intervals, asked_for, now)
    if is_trial:
        shortest = min(intervals.values(), default=0)
        return late or {title for title, seconds in intervals.items() if seconds == shortest}
    return {title for title in late if title not in asked_for or not _is_near_a_tick(now, intervals[title])}


def _is_near_a_tick(now: datetime, interval_seconds: int) -> bool:
    since = (now - last_tick(now, interval_seconds)).total_seconds()
    return min(since, interval_seconds - since) < _NEAR_A_TICK_SECONDS
