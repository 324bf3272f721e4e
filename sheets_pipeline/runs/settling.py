"""Settling: what becomes of events once their rows have been written, could not be, or cannot be made sense of."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import dagster as dg

from sheets_pipeline.components.tab_asset import tab_assets, tab_events
from sheets_pipeline.database import event_parts, events
from sheets_pipeline.database.event_faults import is_shown, malformed, told
from sheets_pipeline.database.event_table import Event
from sheets_pipeline.database.touched import Lookups, touched
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.sync.report import SyncReport

_LONGEST_REASON = 1000
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be written: these keys of a tab, or all of them where ``keys`` is None.

    ``error`` is what fails the run; None where the failure is the events' own and counts as an attempt.
    """

    tab: str
    reason: str
    keys: frozenset[str] | None = None
    error: SheetsPipelineError | None = None

    def concerns(self, keys: Collection[str] | None) -> bool:
        """Whether an event that touches these keys of the tab, None for all, is held back by it."""
        return self.keys is None or keys is None or not self.keys.isdisjoint(keys)


@dataclass(slots=True)
class Round:
    """What one round did.

    Of a part of the spreadsheets, ``here`` and ``elsewhere`` are the keys by tab that have led to spreadsheets of this part and
    to those of others.
    """

    events: int = 0
    reports: dict[str, SyncReport] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    set_aside: int = 0
    seconds: float = 0.0
    materializations: list[dg.AssetMaterialization] = field(default_factory=list)
    here: dict[str, set[str]] = field(default_factory=dict)
    elsewhere: dict[str, set[str]] = field(default_factory=dict)

    def has_strayed(self, title: str, keys: Collection[str]) -> bool:
        """Whether these keys of a tab lead to other parts alone."""
        return not self.elsewhere.get(title, set()).isdisjoint(keys) and self.here.get(title, set()).isdisjoint(keys)

    @property
    def busy_seconds(self) -> float:
        """Time in which it did not wait for quota."""
        waits = [report.traffic.quota_wait_seconds for report in self.reports.values()]
        return max(0.0, self.seconds - max(waits, default=0.0))

    @property
    def error(self) -> SheetsPipelineError | None:
        """What fails the run; an error that only a person can mend goes before others."""
        errors = [failure.error for failure in self.failures if failure.error is not None]
        return next((error for error in errors if error.needs_person), errors[0] if errors else None)


def without_malformed(
    pipeline: Pipeline, due: list[Event], unusable: Mapping[int, str], log: logging.Logger
) -> tuple[list[Event], int]:
    """The events that lead somewhere; the others are set aside at once, with their reason, and counted.

    While a declaration cannot be used, those that no tab shows may be its own: a full sync writes it once it can be.
    """
    if broken := [tab_asset.tab.name for tab_asset in tab_assets().values() if tab_asset.problem is not None]:
        tabs = tab_events()
        unshown = [event for event in due if not is_shown(event.entity, tabs)]
        if unshown:
            text = "%d events that no other tab shows are passed by: %s cannot be used, and is written whole once it can be."
            log.warning(text, len(unshown), ", ".join(broken))
        due = [event for event in due if event not in unshown]
        with pipeline.platform.begin() as connection:
            events.delete(connection, [event.id for event in unshown])
    if not (reasons := malformed(due, tab_events(), unusable)):
        return due, 0
    with pipeline.platform.begin() as connection:
        number = events.put_aside(connection, reasons)
    listed = list(reasons.items())[:_LISTED]
    by_id = {event.id: event for event in due}
    for reason, ids in listed:
        said = told(by_id[ids[0]], reason)
        log.error("%d events set aside (`sheets-pipeline queue status`). %s", len(ids), said)
    if (more := number - sum(len(ids) for _, ids in listed)) > 0:
        log.error("%d events set aside for other reasons.", more)
    left_out = {event_id for ids in reasons.values() for event_id in ids}
    return [event for event in due if event.id not in left_out], number


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of events: tabs that could not be written, why an attempt counts, tabs that lead to other parts by now."""

    failed: frozenset[str] = frozenset()
    reason: str | None = None
    strayed: frozenset[str] = frozenset()


def settle(pipeline: Pipeline, due: list[Event], done: Round, log: logging.Logger, only: events.Only = ()) -> int:
    """Delete what has been written, count attempts of what cannot be; returns how many events were set aside.

    While nothing at all could be written, an outage for instance, the events are left as they are. So are those for which the
    conditions ``only`` do not hold any more. Whose those are that lead to other parts by now, is told anew.
    """
    max_attempts = pipeline.settings.sync_event_max_attempts
    given_up = 0
    with pipeline.platform.begin() as connection:
        for outcome, ids in _outcomes(pipeline, due, done).items():
            tabs = outcome.failed | outcome.strayed
            if not tabs:
                events.delete(connection, ids, only)
            elif outcome.reason is not None:
                number = events.record_failure(connection, ids, outcome.reason, max_attempts, waits_for=tabs, only=only)
                given_up += number
                tell(log, ids, outcome.failed, outcome.reason, number)
            elif done.reports or outcome.strayed:
                events.keep_for(connection, ids, tabs, only)
            if outcome.strayed:
                event_parts.unplace(connection, ids, only)
    return given_up


def _outcomes(pipeline: Pipeline, due: list[Event], done: Round) -> dict[_Outcome, list[int]]:
    outcomes: dict[_Outcome, list[int]] = {}
    if not done.failures and not done.elsewhere:
        return {_Outcome(): [event.id for event in due]} if due else {}
    tabs_of_events, lookups = tab_events(), Lookups()
    with pipeline.source.connect() as reading:
        for event in due:
            leads_to = touched(reading, [event], tabs_of_events, lookups)
            keys = leads_to.keys | dict.fromkeys(leads_to.failed)
            held_back = [one for one in done.failures if one.tab in keys and one.concerns(keys[one.tab])]
            strayed = frozenset(title for title, some in keys.items() if some and done.has_strayed(title, some))
            failed = frozenset(failure.tab for failure in held_back)
            outcome = _Outcome(failed, counted_reason(held_back), strayed)
            outcomes.setdefault(outcome, []).append(event.id)
    return outcomes


def counted_reason(failures: Iterable[Failure]) -> str | None:
    """Why an attempt counts; None where none of the failures is the events' own."""
    reasons = sorted({failure.reason for failure in failures if failure.error is None})
    return " ".join(reasons)[:_LONGEST_REASON] or None


def tell(log: logging.Logger, ids: Collection[int], tabs: Collection[str], reason: str, given_up: int) -> None:
    """Log what could not be written, and what is given up."""
    listed = ", ".join(map(str, sorted(ids)[:_LISTED])) + (" ..." if len(ids) > _LISTED else "")
    where = ", ".join(sorted(tabs))
    log.warning("Events %s could not be written to %s: %s", listed, where, reason)
    if given_up:
        log.error(
            "%d events were set aside after the last attempt. Mend the cause, then `sheets-pipeline queue retry`; "
            "`queue status` lists them.",
            given_up,
        )
