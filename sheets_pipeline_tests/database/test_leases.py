"""Leases hold syncs up, end by themselves, and never starve a sync."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.database import leases
from sheets_pipeline.database.leases import Hold, decide


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_lease_holds_syncs_up_until_it_is_given_back(store: sa.Engine) -> None:
    until = leases.take(store, "web-1", 60, "busy")
    assert abs(until - in_seconds(60)) < timedelta(seconds=5)
    assert leases.paused_until(store, 900) == until
    assert leases.release(store, "web-1") == 1
    assert leases.paused_until(store, 900) is None
    assert leases.release(store, "web-1") == 0


def test_the_longest_of_several_leases_counts_and_each_is_its_holders_own(store: sa.Engine) -> None:
    leases.take(store, "web-1", 30)
    longest = leases.take(store, "web-2", 60, "import")
    leases.take(store, "web-1", 40)
    assert [(lease.holder, lease.reason) for lease in leases.leases(store)] == [("web-2", "import"), ("web-1", "")]
    assert leases.paused_until(store, 900) == longest
    leases.release(store, "web-2")
    assert [lease.holder for lease in leases.leases(store)] == ["web-1"]
    leases.take(store, "web-2", 60)
    assert leases.release(store) == 2
    assert leases.leases(store) == []


def test_a_shorter_renewal_shortens_the_lease(store: sa.Engine) -> None:
    leases.take(store, "web-1", 600)
    shorter = leases.take(store, "web-1", 10)
    assert leases.paused_until(store, 900) == shorter


def test_a_lease_ends_by_itself(store: sa.Engine) -> None:
    leases.take(store, "web-1", 60)
    with store.begin() as connection:
        connection.execute(sa.update(leases.sync_pause).values(until=leases.sync_pause.c.until - 61))
    assert leases.paused_until(store, 900) is None
    assert not leases.must_wait(store, "full", 900, until=None)


def test_syncing_goes_on_when_the_limit_is_used_up_and_then_counts_anew(store: sa.Engine) -> None:
    until = leases.take(store, "web-1", 3600)
    assert leases.must_wait(store, "full", 900, until=until)
    _pass(store, 901)
    assert not leases.must_wait(store, "full", 900, until=until)
    assert not leases.must_wait(store, "full", 900, until=until)  # the same sync asks again
    _pass(store, leases.TURN_SECONDS + 1)
    assert leases.must_wait(store, "full", 900, until=until)


def test_event_syncs_and_full_syncs_are_counted_apart(store: sa.Engine) -> None:
    until = leases.take(store, "web-1", 3600)
    assert leases.must_wait(store, "full", 900, until=until)
    _pass(store, 901)
    assert leases.must_wait(store, "events", 900, until=until)
    assert leases.paused_until(store, 900) is not None  # events still wait
    assert not leases.must_wait(store, "full", 900, until=until)


def test_the_limit_shortens_what_is_told(store: sa.Engine) -> None:
    leases.take(store, "web-1", 3600)
    shown = leases.paused_until(store, 100)
    assert shown is not None
    assert abs(shown - in_seconds(100)) < timedelta(seconds=5)


def test_a_limit_of_0_means_that_nothing_is_held_up(store: sa.Engine) -> None:
    until = leases.take(store, "web-1", 60)
    assert leases.paused_until(store, 0) is None
    assert not leases.must_wait(store, "full", 0, until=until)


@pytest.mark.parametrize(("holder", "seconds"), [("", 5), ("web", 0), ("web", -1), ("web", 1e9), ("web", float("nan"))])
def test_a_lease_without_holder_or_sensible_length_is_refused(holder: str, seconds: float) -> None:
    engine = sa.create_engine("sqlite://")
    with pytest.raises(ValueError, match="cannot be taken"):
        leases.take(engine, holder, seconds)


def _pass(engine: sa.Engine, seconds: float) -> None:
    """Let time go by for what was remembered, not for the leases."""
    hold = leases.sync_hold.c
    earlier = {"held_since": hold.held_since - seconds, "turn_at": hold.turn_at - seconds}
    with engine.begin() as connection:
        connection.execute(sa.update(leases.sync_hold).values(earlier))


# --- the decision -----------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.floats(0.01, 400), st.one_of(st.none(), st.floats(-50, 5000))),
    min_size=1,
    max_size=80,
)


@given(steps=steps, limit=st.floats(0, 2000))
def test_nothing_is_held_up_for_longer_than_the_limit(steps: list[tuple[float, float | None]], limit: float) -> None:
    """Whatever reasons come and go, two refusals with no sync between them are less than the limit apart."""
    now, hold, first_refusal = 1_000_000.0, Hold(), None
    for passed, lasts in steps:
        now += passed
        waits, hold = decide(hold, now, None if lasts is None else now + lasts, limit)
        if waits:
            first_refusal = now if first_refusal is None else first_refusal
            assert now - first_refusal < limit
        else:
            first_refusal = None


@given(steps=st.lists(st.floats(1, 100), min_size=5, max_size=80), limit=st.floats(100, 2000))
def test_a_pause_that_never_ends_still_holds_syncs_up_most_of_the_time(steps: list[float], limit: float) -> None:
    """A sync that goes through is one turn, not an end of the pause."""
    now, hold, turns = 0.0, Hold(), []
    for passed in steps:
        now += passed
        waits, hold = decide(hold, now, now + 1e6, limit)
        if not waits:
            turns.append(now)
    starts = [turn for i, turn in enumerate(turns) if i == 0 or turn - turns[i - 1] > leases.TURN_SECONDS]
    assert all(later - earlier >= limit for earlier, later in itertools.pairwise(starts))


def test_a_clock_that_was_set_back_does_not_use_up_the_limit() -> None:
    waits, hold = decide(Hold(held_since=5000.0, turn_at=6000.0), 1000.0, 2000.0, 900)
    assert waits
    assert hold.held_since == 1000.0
