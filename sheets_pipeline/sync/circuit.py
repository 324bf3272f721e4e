"""The circuit breaker: whether syncs should be started at all, decided from the newest runs and nothing else.

It belongs to one spreadsheet and one credential; whoever reads the runs takes only those of both. What concerns a
single tab (a renamed header, a refused delete, keys that stand twice) shows that the spreadsheet can be reached, so it
never opens the circuit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from sheets_pipeline.errors import SheetsPipelineError, error_class

#: Pauses before a trial run: 60 s, twice as long after each trial that failed, at most half an hour.
FIRST_PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 1800

#: After so many failed trials the pause grows no more, so older runs need not be looked at.
GROWING_PAUSES = 6


class RunState(StrEnum):
    """How far a run got, as far as the circuit cares."""

    UNDER_WAY = "under_way"
    #: It succeeded, or failed for a reason of one tab only: the spreadsheet answered.
    REACHED = "reached"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """One run; ``ended_at`` is None while it is under way, ``error`` the class of what it failed of."""

    state: RunState
    ended_at: datetime | None = None
    error: str | None = None
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class Circuit:
    """``until`` is when the pause ends or ended; ``failures`` counts failed runs in a row, also while closed."""

    state: Literal["closed", "open", "half_open"] = "closed"
    until: datetime | None = None
    failures: int = 0
    reason: str = ""
    remedy: str = ""
    trial_under_way: bool = False
    error: str | None = None
    needs_person: bool = False

    @property
    def allows_run(self) -> bool:
        """Whether a run may start now: any while closed, one while half open."""
        return self.state == "closed" or (self.state == "half_open" and not self.trial_under_way)


def circuit(
    runs: Iterable[RunOutcome],
    now: datetime,
    *,
    max_failures: int,
    credential: str = "the service account",
    url: str = "the spreadsheet",
) -> Circuit:
    """The state of the circuit after these runs.

    Args:
        runs: Newest first; the last ``max_failures + GROWING_PAUSES`` that ended are enough.
        now: With time zone.
        max_failures: Failed runs in a row that open the circuit. One that only a person can mend opens it alone.
        credential: Name of the account, for the remedy.
        url: Address of the spreadsheet, for the remedy.
    """
    failed: list[RunOutcome] = []
    under_way = False
    for run in runs:
        if run.state is RunState.UNDER_WAY:
            under_way = True
        elif run.state is RunState.REACHED:
            break
        else:
            failed.append(run)
    if not failed:
        return Circuit()
    newest = failed[0]
    if newest.ended_at is None:
        raise ValueError("Expected a time of end for every failed run, found None.")
    failures, trials = len(failed), _failed_trials(failed, max_failures)
    remedy = (error_class(newest.error) or SheetsPipelineError).remedy.format(credential=credential, url=url)
    times = "once" if failures == 1 else f"{failures} times in a row"
    reason = f"Runs failed {times}, the last one of {newest.error or 'an unexpected error'}."
    if trials is None:
        return Circuit("closed", None, failures, reason, remedy, error=newest.error, needs_person=newest.needs_person)
    until = newest.ended_at + timedelta(seconds=pause_seconds(trials))
    state: Literal["open", "half_open"] = "open" if now < until else "half_open"
    trial = under_way and state == "half_open"
    return Circuit(state, until, failures, reason, remedy, trial, newest.error, newest.needs_person)


def pause_seconds(failed_trials: int) -> int:
    """How long the circuit stays open after so many failed trials."""
    return int(min(FIRST_PAUSE_SECONDS * 2 ** min(failed_trials, GROWING_PAUSES), LONGEST_PAUSE_SECONDS))


def _failed_trials(failed: list[RunOutcome], max_failures: int) -> int | None:
    """How many runs failed after the one that opened the circuit; None while it is closed. Newest first."""
    for number, run in enumerate(reversed(failed), start=1):
        if run.needs_person or number >= max_failures:
            return len(failed) - number
    return None


def why_not(state: Circuit) -> str | None:
    """Why no run may start now, until when, and what to do; None where one may."""
    if state.allows_run:
        return None
    if state.trial_under_way:
        return f"A trial run is under way, others wait for it. {state.reason} {state.remedy}"
    until = state.until.strftime("%H:%M:%S UTC") if state.until else "the next trial"
    return f"Paused until {until}, then one trial run. {state.reason} {state.remedy}"
