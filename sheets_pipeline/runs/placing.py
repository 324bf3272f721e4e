"""Placing: telling of new events which parts of the spreadsheets they lead to, where several event syncs are at work.

What decides is the code that makes the jobs of a round, so an event is placed where that round would write. One process
places at a time; another one that comes to it meanwhile leaves it to that one. Where two do it all the same, the first wins.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset, tab_events
from sheets_pipeline.database import event_parts, events, held_tabs
from sheets_pipeline.database.event_faults import malformed
from sheets_pipeline.database.event_keys import keys_of_tab
from sheets_pipeline.database.event_table import Event
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.touched import Lookups, Touched, touched
from sheets_pipeline.errors import TabBusy
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.event_round import jobs_of_tab, usable
from sheets_pipeline.runs.parts import part_of, pieces
from sheets_pipeline.runs.settling import Failure, Round, counted_reason, tell, without_malformed
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab

#: Events placed at once by a run, so that parts begin to write them; and by the sensor, in whose tick others wait.
_MOST, _MOST_IN_TICK = 5_000, 200


def place_events(pipeline: Pipeline, context: dg.OpExecutionContext, total: Round, of: int) -> None:
    """Place what has come; where that cannot be told, an attempt is counted. What fails is added to ``total``."""
    with _alone(pipeline) as is_alone:
        if not is_alone:
            return
        due, leads_to = _looked_up(pipeline, of, _MOST)
        unusable = {number: reason for one in leads_to.values() for number, reason in one.unusable.items()}
        due, set_aside = without_malformed(pipeline, due, unusable, context.log)
        total.set_aside += set_aside
        places = _places(pipeline, context.instance, [leads_to[event.id] for event in due], of)
        _settle(pipeline, {event.id: places.of(leads_to[event.id]) for event in due}, of, context.log, total)
        total.failures += places.failures


def place_plain_events(pipeline: Pipeline, instance: dg.DagsterInstance, of: int) -> None:
    """Place what has come as far as nothing is wrong with it; the rest is left for a run, which tells what is.

    Raises:
        SheetsPipelineError: A database does not answer.
    """
    with _alone(pipeline) as is_alone:
        if not is_alone:
            return
        due, leads_to = _looked_up(pipeline, of, _MOST_IN_TICK)
        unusable = {number: reason for one in leads_to.values() for number, reason in one.unusable.items()}
        wrong = {number for ids in malformed(due, tab_events(), unusable).values() for number in ids}
        plain = [event for event in due if event.id not in wrong]
        places = _places(pipeline, instance, [leads_to[event.id] for event in plain], of)
        led = {event.id: places.of(leads_to[event.id]) for event in plain}
        _settle(pipeline, {number: one for number, one in led.items() if not one.held_back}, of)


@contextmanager
def _alone(pipeline: Pipeline) -> Iterator[bool]:
    with ExitStack() as stack:
        try:
            stack.enter_context(named_lock(pipeline.state, "Events are told apart", timeout_seconds=0))
        except TabBusy:
            yield False
            return
        yield True


def _looked_up(pipeline: Pipeline, of: int, limit: int) -> tuple[list[Event], dict[int, Touched]]:
    """The events of which no part is known, and what each of them leads to."""
    with pipeline.platform.connect() as connection:
        due = events.pending(connection, limit, event_parts.unplaced(of))
    if not due:
        return [], {}
    tabs, lookups = tab_events(), Lookups()
    with pipeline.source.connect() as reading:
        return due, {event.id: touched(reading, [event], tabs, lookups, most_queries=None) for event in due}


@dataclass(slots=True)
class _Led:
    """Where one event leads: numbers of parts by tab, tabs that nobody can write now, and what holds others back."""

    parts: dict[str, set[int]] = field(default_factory=dict)
    passed_by: set[str] = field(default_factory=set)
    held_back: list[Failure] = field(default_factory=list)


@dataclass(slots=True)
class _Places:
    """Where rows stand or belong: numbers of parts by tab and key, of all keys where ``everywhere`` has the tab.

    ``declared`` are the tabs that can be written, with what their declaration leaves to the rows; the part ``home`` writes
    whole tabs of a list.
    """

    home: int
    declared: dict[str, Tab] = field(default_factory=dict)
    everywhere: dict[str, set[int]] = field(default_factory=dict)
    by_key: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def of(self, leads_to: Touched) -> _Led:
        """Where this leads."""
        led = _Led(passed_by=(leads_to.keys.keys() | leads_to.failed.keys()) - self.declared.keys())
        for title in self.declared.keys() & (leads_to.keys.keys() | leads_to.failed.keys()):
            keys = self._like_rows(title, leads_to.keys.get(title))
            led.held_back += [one for one in self.failures if one.tab == title and one.concerns(keys)]
            if title in leads_to.keys:
                led.parts[title] = self._parts(title, keys)
        return led

    def _like_rows(self, title: str, keys: Collection[str] | None) -> Collection[str] | None:
        is_parted = title in self.by_key and keys is not None
        return keys_of_tab(self.declared[title], keys or ()) if is_parted else keys

    def _parts(self, title: str, keys: Collection[str] | None) -> set[int]:
        if keys is None:
            return {self.home}
        if title in self.everywhere:
            return self.everywhere[title]
        known = self.by_key.get(title, {})
        return set().union(*(known.get(key, ()) for key in keys))


def _places(pipeline: Pipeline, instance: dg.DagsterInstance, leads_to: Iterable[Touched], of: int) -> _Places:
    on = {tab_asset.tab.name: tab_asset for tab_asset in usable(instance, others=False)}
    home = part_of(pipeline.spreadsheet.id, of).number
    places = _Places(home, {name: tab_asset.tab for name, tab_asset in on.items()})
    asked: dict[str, set[str]] = {}
    failed: dict[str, str] = {}
    for one in leads_to:
        failed |= one.failed
        for title, keys in one.keys.items():
            if title in on and keys is not None:
                asked.setdefault(title, set()).update(keys)
    places.failures += [Failure(title, f"Tab {title!r}: {why}") for title, why in failed.items() if title in on]
    for title, some in asked.items():
        _find(pipeline, on[title], some, places, of)
    return places


def _find(pipeline: Pipeline, tab_asset: TabAsset, keys: Collection[str], places: _Places, of: int) -> None:
    """Note where the rows of these keys of a tab stand or belong."""
    name, done = tab_asset.tab.name, Round()
    jobs = jobs_of_tab(pipeline, tab_asset, keys, done, may_be_whole=False)
    places.failures += done.failures
    if jobs is None:
        places.everywhere[name] = {places.home}
        return
    if not isinstance(tab_asset.tab.spreadsheet, Each):
        places.everywhere[name] = {part_of(job.target.spreadsheet.id, of).number for job in jobs}
        return
    places.declared[name] = next((job.tab for job in jobs if job.tab is not None), tab_asset.tab)
    known = places.by_key.setdefault(name, {})
    for job in jobs:
        for key in () if job.departs else job.keys or ():
            known.setdefault(key, set()).add(part_of(job.target.spreadsheet.id, of).number)


def _settle(
    pipeline: Pipeline,
    led: Mapping[int, _Led],
    of: int,
    log: logging.Logger | None = None,
    total: Round | None = None,
) -> None:
    """Hand each event to its parts; count an attempt of those that are held back."""
    if passed_by := set().union(*(one.passed_by for one in led.values())):
        held_tabs.hold(pipeline.state, pipeline.spreadsheet.id, passed_by)
    if not led:
        return
    failed: dict[tuple[frozenset[str], str], list[int]] = {}
    for number, one in led.items():
        if reason := counted_reason(one.held_back):
            failed.setdefault((frozenset(failure.tab for failure in one.held_back), reason), []).append(number)
    with event_parts.placing(pipeline.platform) as connection:
        divided = {number: pieces(one.parts, {failure.tab for failure in one.held_back}) for number, one in led.items()}
        event_parts.place(connection, divided, of)
        for (tabs, reason), ids in failed.items():
            most, only = pipeline.settings.sync_event_max_attempts, event_parts.unplaced(of)
            given_up = events.record_failure(connection, ids, reason, most, waits_for=tabs, only=only)
            if log and total:
                total.set_aside += given_up
                tell(log, ids, tabs, reason, given_up)
