"""The circuit breaker, as a pure function of the newest runs."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline import errors
from sheets_pipeline.sync.circuit import (
    FIRST_PAUSE_SECONDS,
    GROWING_PAUSES,
    LONGEST_PAUSE_SECONDS,
    Circuit,
    RunOutcome,
    RunState,
    circuit,
    pause_seconds,
    why_not,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def failed(ago: float = 0, error: str = "SheetsUnavailable", *, needs_person: bool = False) -> RunOutcome:
    return RunOutcome(RunState.FAILED, NOW - timedelta(seconds=ago), error, needs_person)


def reached(ago: float = 0) -> RunOutcome:
    return RunOutcome(RunState.REACHED, NOW - timedelta(seconds=ago))


UNDER_WAY = RunOutcome(RunState.UNDER_WAY)


def after(*runs: RunOutcome, now: datetime = NOW, max_failures: int = 3) -> Circuit:
    return circuit(runs, now, max_failures=max_failures, credential="robot@example.com", url="https://sheets/1")


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        pytest.param([], "closed", id="nothing ever ran"),
        pytest.param([failed(), failed()], "closed", id="fewer failures than allowed"),
        pytest.param([failed(), failed(), failed()], "open", id="as many failures as allowed"),
        pytest.param([failed(), failed(), reached(), failed()], "closed", id="a success in between counts anew"),
        pytest.param([failed(needs_person=True)], "open", id="one error that only a person can mend"),
        pytest.param([UNDER_WAY, failed(needs_person=True)], "open", id="a run under way changes nothing"),
        pytest.param([failed(61, needs_person=True)], "half_open", id="the pause is over"),
        pytest.param([reached(), failed(61, needs_person=True)], "closed", id="the trial run succeeded"),
        pytest.param([failed(61), failed(70, needs_person=True)], "open", id="the trial failed: twice the pause"),
        pytest.param([failed(121), failed(190, needs_person=True)], "half_open", id="the second pause is over"),
    ],
)
def test_the_state_follows_from_the_newest_runs(runs: list[RunOutcome], state: str) -> None:
    assert after(*runs).state == state


def test_an_open_circuit_says_until_when_why_and_whom_to_ask() -> None:
    text = why_not(after(failed(error="NotShared", needs_person=True)))
    assert text
    for part in ("12:01:00 UTC", "NotShared", "robot@example.com", "https://sheets/1", "Share"):
        assert part in text


def test_each_error_that_stops_all_tabs_has_a_remedy_of_its_own() -> None:
    def below(kind: type[errors.SheetsError]) -> set[str]:
        return {kind.__name__}.union(*(below(special) for special in kind.__subclasses__()))

    settled_by_reading, of_one_tab = {"SheetsError", "OutcomeUnknown"}, {"RequestRejected", "RowsMoved"}
    for name in below(errors.SheetsError) - settled_by_reading - of_one_tab:
        told = after(failed(error=name, needs_person=True)).remedy
        assert "Look at the failed run" not in told, name
        assert ("press Share" in told) == (name == "NotShared")


def test_while_a_trial_is_under_way_others_wait_for_it() -> None:
    state = after(UNDER_WAY, failed(61, needs_person=True))
    assert not state.allows_run
    assert "trial run is under way" in str(why_not(state))


def test_failures_are_counted_while_the_circuit_is_still_closed() -> None:
    state = after(failed(), failed())
    assert (state.state, state.failures, why_not(state)) == ("closed", 2, None)


def test_a_failed_run_without_an_end_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="time of end"):
        after(RunOutcome(RunState.FAILED))


@given(st.integers(0, 200))
def test_pauses_never_shrink_and_end_at_half_an_hour(trials: int) -> None:
    assert FIRST_PAUSE_SECONDS <= pause_seconds(trials) <= pause_seconds(trials + 1) <= LONGEST_PAUSE_SECONDS


runs_newest_first = st.lists(
    st.builds(
        RunOutcome,
        st.sampled_from([RunState.FAILED, RunState.FAILED, RunState.REACHED]),
        st.just(NOW),
        st.sampled_from(["AccessDenied", "SheetsUnavailable", None]),
        st.booleans(),
    ),
    max_size=40,
)


@given(runs_newest_first, st.integers(1, 10))
def test_one_run_that_reached_the_spreadsheet_closes_it_whatever_was_before(
    runs: list[RunOutcome], max_failures: int
) -> None:
    assert after(reached(), *runs, max_failures=max_failures) == Circuit()


@given(runs_newest_first, st.integers(1, 10), st.floats(0, 4000))
def test_older_runs_than_are_asked_for_do_not_matter(
    runs: list[RunOutcome], max_failures: int, seconds_later: float
) -> None:
    now = NOW + timedelta(seconds=seconds_later)
    enough = runs[: max_failures + GROWING_PAUSES]
    whole, part = (after(*r, now=now, max_failures=max_failures) for r in (runs, enough))
    assert (whole.state, whole.until) == (part.state, part.until)


@given(
    st.lists(st.tuples(st.floats(1, 3000), st.booleans(), st.floats(0.5, 40)), min_size=1, max_size=40),
    st.integers(1, 5),
    st.booleans(),
)
def test_no_more_than_one_run_starts_in_each_pause_however_often_is_asked(
    asks: list[tuple[float, bool, float]], max_failures: int, needs_person: bool
) -> None:
    """Time passes, somebody asks whether a run may start, and runs take their time and fail or succeed."""
    now, history, started = NOW, list[RunOutcome](), list[tuple[datetime, Circuit]]()
    for wait, succeeds, lasts in asks:
        now += timedelta(seconds=wait)
        state = circuit(history, now, max_failures=max_failures)
        if not state.allows_run:
            continue
        started.append((now, state))
        assert circuit([UNDER_WAY, *history], now, max_failures=max_failures).allows_run is (state.state == "closed")
        now += timedelta(seconds=lasts)
        kind = RunState.REACHED if succeeds else RunState.FAILED
        history.insert(0, RunOutcome(kind, now, "X", needs_person))
    trials = [(at, state) for at, state in started if state.state == "half_open"]
    for (_, before), (at, state) in pairwise(trials):
        assert before.until
        assert state.until
        assert state.until > before.until
        assert at >= state.until
