"""The four states of health: which rule gives which, and with what sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.health import (
    Answers,
    Health,
    LastError,
    QuotaUse,
    Steering,
    TabHealth,
    TabHistory,
    TabWait,
    overall,
    tab_health,
    with_failures,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEERING = Steering(Circuit(), NOW, 300, next_full_sync=NOW + timedelta(seconds=120))
GOOD = TabHistory(
    total_syncs=10,
    successful_syncs=9,
    failed_syncs=1,
    last_success=NOW - timedelta(seconds=100),
    last_duration_seconds=1.0,
    average_duration_seconds=2.0,
)
NO_WAIT = TabWait()
ERROR = LastError("HeaderMismatch", "Rename the headers back.", True, NOW, "run-1")
OPEN = Circuit("open", NOW + timedelta(seconds=30), 5, "Runs failed 5 times in a row.", "Check the network.")


def health(
    history: TabHistory = GOOD, wait: TabWait = NO_WAIT, steering: Steering = STEERING, *, enabled: bool = True
) -> TabHealth:
    return tab_health("grades", history, wait, steering, enabled=enabled)


def failures(number: int) -> TabHistory:
    return replace(GOOD, consecutive_failures=number, last_error=ERROR)


@pytest.mark.parametrize(
    ("tab", "expected", "says"),
    [
        pytest.param(health(), Health.HEALTHY, "In step", id="all is well"),
        pytest.param(health(enabled=False), Health.STOPPED, "switched off", id="its switch is off"),
        pytest.param(
            health(steering=replace(STEERING, full_sync_on=False, event_sync_on=False)),
            Health.STOPPED,
            "both switched off",
            id="both kinds of sync are off",
        ),
        pytest.param(
            health(steering=replace(STEERING, circuit=replace(OPEN, needs_person=True))),
            Health.STOPPED,
            "Check the network",
            id="the circuit is open on an error for a person",
        ),
        pytest.param(
            health(steering=replace(STEERING, circuit=OPEN)),
            Health.DEGRADED,
            "5 times in a row",
            id="the circuit is open on transient errors",
        ),
        pytest.param(health(failures(2)), Health.DEGRADED, "Rename the headers", id="two failures in a row"),
        pytest.param(
            health(wait=TabWait(3, 601)), Health.DEGRADED, "lags 601 s", id="an event waits longer than two intervals"
        ),
        pytest.param(
            health(replace(GOOD, last_success=NOW - timedelta(seconds=700))),
            Health.DEGRADED,
            "700 s ago",
            id="no sync for two intervals",
        ),
        pytest.param(health(failures(1)), Health.WARNING, "last sync failed", id="one failure"),
        pytest.param(health(TabHistory()), Health.WARNING, "not been synced yet", id="never synced"),
        pytest.param(health(replace(GOOD, set_aside_rows=1)), Health.WARNING, "1 row is set aside", id="a row aside"),
        pytest.param(
            health(steering=replace(STEERING, full_sync_on=False)), Health.WARNING, "drift", id="no full syncs"
        ),
        pytest.param(
            health(steering=replace(STEERING, event_sync_on=False)), Health.WARNING, "next full", id="no event syncs"
        ),
    ],
)
def test_each_rule_gives_its_state_and_says_why(tab: TabHealth, expected: Health, says: str) -> None:
    assert tab.health is expected
    assert says in tab.reason


@pytest.mark.parametrize(
    ("history", "wait", "steering", "lag"),
    [
        pytest.param(GOOD, TabWait(), STEERING, 0.0, id="nothing waits and the last sync succeeded"),
        pytest.param(GOOD, TabWait(2, 7.5), STEERING, 7.5, id="the age of the oldest event"),
        pytest.param(failures(1), TabWait(), STEERING, 100.0, id="failed since: time since the last success"),
        pytest.param(GOOD, TabWait(), replace(STEERING, records_events=False), 100.0, id="no triggers"),
        pytest.param(TabHistory(), TabWait(2, 7.5), STEERING, None, id="never synced"),
    ],
)
def test_lag_is_what_the_tab_lies_behind(
    history: TabHistory, wait: TabWait, steering: Steering, lag: float | None
) -> None:
    assert health(history, wait, steering).lag_seconds == lag


@pytest.mark.parametrize(
    ("wait", "steering", "seconds"),
    [
        pytest.param(TabWait(), STEERING, 120, id="the schedule's next tick"),
        pytest.param(TabWait(1, 1.0), STEERING, 0, id="at once while events wait"),
        pytest.param(TabWait(), replace(STEERING, full_sync_on=False), None, id="never while full syncs are off"),
        pytest.param(TabWait(1, 1.0), replace(STEERING, circuit=OPEN), 30, id="not before the circuit's trial"),
        pytest.param(
            TabWait(), replace(STEERING, paused_until=NOW + timedelta(seconds=500)), 500, id="not before the pause ends"
        ),
    ],
)
def test_the_next_sync_is_foreseen(wait: TabWait, steering: Steering, seconds: float | None) -> None:
    assert health(GOOD, wait, steering).next_sync_in_seconds == seconds


def test_the_success_rate_counts_syncs_that_ended() -> None:
    assert health().success_rate_percent == 90.0
    assert health(TabHistory(total_syncs=1)).success_rate_percent is None


def test_failures_without_a_record_count_and_the_newest_is_shown() -> None:
    newest = replace(ERROR, at=NOW, message="newest")
    before = replace(ERROR, at=NOW - timedelta(seconds=200))
    result = with_failures(GOOD, [newest, before])
    assert (result.total_syncs, result.failed_syncs, result.consecutive_failures) == (12, 3, 1)
    assert result.last_error == newest
    assert with_failures(GOOD, []) is GOOD


def test_the_whole_is_as_bad_as_its_worst_tab_and_names_it() -> None:
    tabs = {"a": health(), "b": replace(health(failures(2)), title="b")}
    assert overall(tabs, STEERING) == (Health.DEGRADED, "b: " + tabs["b"].reason)


def test_a_tab_that_somebody_switched_off_does_not_stop_the_whole() -> None:
    tabs = {"a": health(), "b": health(enabled=False)}
    assert overall(tabs, STEERING)[0] is Health.HEALTHY
    assert overall({"b": tabs["b"]}, STEERING) == (Health.STOPPED, "Every tab is switched off.")


@pytest.mark.parametrize(
    ("steering", "quota", "aside", "says"),
    [
        pytest.param(replace(STEERING, paused_until=NOW), [], 0, "paused until 12:00:00", id="paused"),
        pytest.param(STEERING, [QuotaUse("read", 54, 60), QuotaUse("write", 1, 60)], 0, "quota of read", id="quota"),
        pytest.param(STEERING, [], 2, "2 events are set aside", id="events set aside"),
        pytest.param(
            replace(STEERING, circuit=Circuit(failures=1, reason="Runs failed once.")), [], 0, "once", id="a failed run"
        ),
    ],
)
def test_what_concerns_all_tabs_is_a_warning_of_the_whole(
    steering: Steering, quota: list[QuotaUse], aside: int, says: str
) -> None:
    result, reason = overall({"a": health()}, steering, quota=quota, set_aside_events=aside)
    assert result is Health.WARNING
    assert says in reason


@pytest.mark.parametrize(
    ("answers", "expected", "says"),
    [
        pytest.param(Answers(answered=3), Health.HEALTHY, "in step", id="all answered"),
        pytest.param(Answers(3, failed=1, failing_seconds=4), Health.HEALTHY, "in step", id="a failure just now"),
        pytest.param(Answers(3, failed=9), Health.HEALTHY, "in step", id="failures that are over"),
        pytest.param(
            Answers(3, failed=4, failing_seconds=25),
            Health.DEGRADED,
            "answered no request for 25 s; 4 have failed",
            id="down",
        ),
        pytest.param(Answers(3, silent_seconds=29), Health.HEALTHY, "in step", id="a request that takes long"),
        pytest.param(
            Answers(3, silent_seconds=40),
            Health.DEGRADED,
            "answered no request for 40 s; 0 have failed, and one is still waiting.",
            id="silent",
        ),
        pytest.param(Answers(3, refused=2), Health.HEALTHY, "in step", id="429 once or twice"),
        pytest.param(Answers(3, refused=7), Health.WARNING, "7 of 10 requests", id="429 now and then"),
        pytest.param(Answers(0, 3, 1, 15.0), Health.DEGRADED, "service account that nobody else", id="only 429"),
    ],
)
def test_how_google_answers_is_told_before_any_tab_is_late(answers: Answers, expected: Health, says: str) -> None:
    result, reason = overall({"a": health()}, STEERING, answers=answers)
    assert result is expected
    assert says in reason


def test_a_full_disk_goes_before_what_follows_from_it() -> None:
    late = health(GOOD, TabWait(3, 700))
    answers = Answers(failed=4, failing_seconds=25)
    result, reason = overall({"a": late}, STEERING, answers=answers, full_disk="The database x has no room left.")
    assert (result, reason) == (Health.DEGRADED, "The database x has no room left.")


def test_a_silent_google_is_the_reason_for_late_tabs() -> None:
    late = health(GOOD, TabWait(3, 700))
    assert late.health is Health.DEGRADED
    result, reason = overall({"a": late}, STEERING, answers=Answers(failed=4, failing_seconds=25))
    assert result is Health.DEGRADED
    assert reason.startswith("Google has answered no request for 25 s")


@pytest.mark.parametrize(
    ("wait", "steering", "expected", "says"),
    [
        pytest.param(TabWait(1, 0.4), STEERING, Health.HEALTHY, "changes of the last 0 s", id="just now"),
        pytest.param(TabWait(2, 29), STEERING, Health.HEALTHY, "changes of the last 29 s", id="not late yet"),
        pytest.param(TabWait(2, 31), STEERING, Health.WARNING, "2 changes are not in the tab yet", id="late"),
        pytest.param(TabWait(1, 120), STEERING, Health.WARNING, "the oldest has waited 120 s", id="a silent Google"),
        pytest.param(TabWait(1, 601), STEERING, Health.DEGRADED, "lags 601 s", id="two intervals"),
        pytest.param(
            TabWait(1, 120), replace(STEERING, event_sync_on=False), Health.WARNING, "Event syncs are switched off", id="off"
        ),
        pytest.param(
            NO_WAIT, replace(STEERING, records_events=False), Health.HEALTHY, "as the database was", id="no triggers"
        ),
    ],
)  # fmt: skip
def test_in_step_is_never_said_of_a_tab_for_which_changes_wait(
    wait: TabWait, steering: Steering, expected: Health, says: str
) -> None:
    tab = health(GOOD, wait, steering)
    result, reason = overall({"a": health(), "grades": tab}, steering)
    assert (tab.health, result) == (expected, expected)
    assert says.lower() in tab.reason.lower()
    assert says.lower() in reason.lower()
    assert "in step with the database" not in f"{tab.reason} {reason}".lower()


def test_a_declaration_that_cannot_be_used_is_told_of_its_tab_unless_it_is_off() -> None:
    broken = tab_health("grades", TabHistory(), NO_WAIT, STEERING, problem="grades.py, line 3: SyntaxError.")
    assert broken.health is Health.DEGRADED
    assert "grades.py, line 3" in broken.reason
    off = tab_health("grades", TabHistory(), NO_WAIT, STEERING, problem="why", enabled=False)
    assert off.health is Health.STOPPED


@given(st.lists(st.sampled_from(Health), min_size=1, max_size=6))
def test_the_whole_is_never_better_than_any_tab_that_is_on(states: list[Health]) -> None:
    tabs = {str(i): replace(health(), health=state, reason="why") for i, state in enumerate(states)}
    assert overall(tabs, STEERING)[0] is max(states, key=lambda state: state.badness)
