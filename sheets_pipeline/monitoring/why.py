"""Collects what explains one row of a tab: the database's row, the tab's, what was written when, events and rules.

One query for the row, one read request for the tab, and the pipeline's own tables. Values go to whoever asked, never to a log.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import dagster as dg
import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import TabAsset, tab_events
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.database import events, held_tabs, history
from sheets_pipeline.database.event_keys import UNLIKE_TEXT, TabEvents, UnusableKey
from sheets_pipeline.database.event_table import Event, pending_event
from sheets_pipeline.database.state import LastWritten, holders
from sheets_pipeline.database.touched import Lookups, touched, waits
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.pipeline import Pipeline, StoredMemory
from sheets_pipeline.runs import gate, trial
from sheets_pipeline.runs.switches import FULL_SYNC_SCHEDULE, interval_seconds, switch_name
from sheets_pipeline.runs.targets import Target, target, targets
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.memory import TabFacts
from sheets_pipeline.sheets.time_zones import zone_for
from sheets_pipeline.sync.cells import key_of
from sheets_pipeline.sync.headers import locate_columns
from sheets_pipeline.sync.snapshot import index_rows
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.values import Misfit, converter
from sheets_pipeline.sync.why import RowFacts, reasons

#: Events that are looked at, the oldest first.
_MOST_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Explanation:
    """One row, and why it is as it is."""

    name: str
    tab: Tab
    key: list[str]
    columns: list[str]
    facts: RowFacts
    #: Row of the tab as people count; None where it has none.
    row_number: int | None
    written_at: datetime | None
    run_id: str | None
    reasons: list[str]

    def as_json(self) -> dict[str, Any]:
        """The shape of ``tabs why --json``; rows are by column name, None where there is none."""

        def some(row: Any) -> Any:
            return None if row is None else {name: row.get(name) for name in self.columns}

        return {
            "tab": self.name,
            "key": self.key,
            "database": some(self.facts.database),
            "sheet": some(self.facts.sheet),
            "row_number": self.row_number,
            "written": some(self.facts.written),
            "written_at": self.written_at.isoformat() if self.written_at else None,
            "run_id": self.run_id,
            "events": self.facts.events,
            "reasons": self.reasons,
        }


def explain(
    instance: dg.DagsterInstance,
    pipeline: Pipeline,
    tab_asset: TabAsset,
    key: list[str],
    column: str | None,
    part: str | None = None,
) -> Explanation:
    """Why a row, or one cell of it, is as it is.

    Args:
        instance: Dagster's, for switches and the circuit.
        pipeline: Reads both ends; writes nothing.
        tab_asset: Of the tab.
        key: A text for each key column.
        column: Name or header; None for all columns.
        part: Of a tab in a list of spreadsheets, the one that is meant; None for where the row belongs, else stands.

    Raises:
        TabProblem: The key or the column cannot be one of the tab.
        SheetsPipelineError: The database or the spreadsheet cannot be reached.
    """
    seconds = pipeline.settings.sync_tab_timeout_seconds
    here, others = _place(pipeline, tab_asset, key, part, seconds)
    default, pipeline = pipeline, here.pipeline
    memory = StoredMemory(pipeline.state, pipeline.spreadsheet.id, tab_asset.tab.title)
    known = memory.facts()
    rows, tab = trial.rows_by_key(
        pipeline.source, tab_asset, [tuple(key)], seconds, lambda tab: _zone(tab, known), here.spreadsheet.part
    )
    row_key = _row_key(tab, key, _zone(tab, known))
    position = rows.position.get(row_key)
    written = memory.last_written(row_key)
    number, sheet = _in_the_tab(pipeline, tab, known, row_key)
    facts = RowFacts(
        database=None if position is None else rows.row(position),
        set_aside=next((row.reason for row in rows.set_aside if row.key in (row_key, "")), None),
        sheet=sheet,
        written=written.cells if written else None,
        is_ours=written is not None and not written.is_gone,
        was_ours=written is not None and written.is_gone,
        events=_events(pipeline, tab_asset, tab, row_key),
        holds=_holds(instance, default, tab_asset),
        last_error=_last_error(pipeline, tab),
        in_archives=tab.archive is not None,
    )
    columns = [_column(tab, column)] if column else [one.name for one in tab.columns]
    at = _moment(written)
    run_id = history.run_at(pipeline.state, pipeline.spreadsheet.id, tab.title, at) if at else None
    every = interval_seconds(tab_asset.tab, pipeline.settings)
    next_sync = f"they come every {every // 60} min"
    why = [*reasons(tab, columns, facts, next_sync), *others]
    return Explanation(here.name, tab, key, columns, facts, number, at, run_id, why)


def _place(
    pipeline: Pipeline, tab_asset: TabAsset, key: list[str], part: str | None, seconds: float
) -> tuple[Target, list[str]]:
    """The copy of the tab that is meant, and a sentence about others that have the row, too."""
    if not isinstance(place := tab_asset.tab.spreadsheet, Each):
        return target(pipeline, tab_asset), []
    everywhere = {str(one.spreadsheet.part): one for one in targets(pipeline, tab_asset)}
    belongs, tab = trial.parts_of_key(pipeline.source, tab_asset, tuple(key), seconds)
    ids = {one.spreadsheet.id: name for name, one in everywhere.items()}
    held = holders(pipeline.state, tab_asset.tab.title, [*ids], {row_key := _row_key(tab, key)})
    stands = {ids[one] for one in held.get(row_key, ())}
    found = [*sorted(belongs & everywhere.keys()), *sorted(stands - belongs)]
    if part is None and not found:
        raise TabProblem(
            tab_asset.tab.name,
            f"the row stands in no spreadsheet of {place.spreadsheets!r}, and belongs into none of them"
            + (f": its {place.by} is {', '.join(map(repr, sorted(belongs)))}." if belongs else "."),
        )
    chosen = found[0] if part is None else part
    if (here := everywhere.get(chosen)) is None:
        raise TabProblem(tab_asset.tab.name, f"{place.spreadsheets!r} has no spreadsheet {chosen!r}.")
    if here.spreadsheet.problem is not None:
        raise TabProblem(here.name, here.spreadsheet.problem)
    told = [
        f"{'It belongs into' if one in belongs else 'A row with its key stands in'} {place.spreadsheets}/{one}, too."
        for one in found
        if one != chosen
    ]
    return here, told


def _zone(tab: Tab, known: TabFacts | None) -> Any:
    return zone_for(tab, known.time_zone) if known else UTC


def _moment(written: LastWritten | None) -> datetime | None:
    return datetime.fromtimestamp(written.at, UTC) if written and written.at else None


def _row_key(tab: Tab, key: list[str], zone: tzinfo = UTC) -> str:
    """The key as rows of the tab have it: of a date or a moment the number that stands in the cell."""
    columns = [tab.column(name) for name in tab.key]
    try:
        parts = [
            key_of(converter(column.type, zone)(part)) if column.type in UNLIKE_TEXT else part
            for part, column in zip(key, columns, strict=True)
        ]
        return TabEvents((), (), tuple(columns)).key_of_values(parts)
    except UnusableKey as error:
        raise TabProblem(tab.title, f"the key {key} {error}.") from None
    except Misfit as error:
        raise TabProblem(tab.title, f"the key {key} has {error} (such as 2026-05-31 for a date).") from None


def _column(tab: Tab, wanted: str) -> str:
    for one in tab.columns:
        if wanted in (one.name, one.header):
            return one.name
    raise TabProblem(
        tab.title, f"there is no column {wanted!r}. It has {', '.join(column.name for column in tab.columns)}."
    )


def _in_the_tab(pipeline: Pipeline, tab: Tab, known: TabFacts | None, row_key: str) -> tuple[int | None, Any]:
    if known is None:
        return None, None
    snapshot, _ = access.read_tab(pipeline.client(), known.sheet_id)
    layout = locate_columns(tab, snapshot, known)
    if not set(tab.key) <= layout.keys():
        raise TabProblem(
            tab.title, "a key column is not in the tab. A full sync says what to do: `sheets-pipeline sync`."
        )
    row = index_rows(tab, snapshot, layout).row_of.get(row_key)
    if row is None:
        return None, None
    cells = {name: (snapshot.columns[place][row : row + 1] or [None])[0] for name, place in layout.items()
             if place < len(snapshot.columns)}  # fmt: skip
    return row + 1, cells


def _events(pipeline: Pipeline, tab_asset: TabAsset, tab: Tab, row_key: str) -> list[str]:
    """Those that touch the row: pending, waiting for another try, set aside."""
    known = tab_events().get(tab_asset.tab.name)
    with pipeline.source.connect() as connection:
        if known is None or not sa.inspect(connection).has_table(pending_event.name):
            return []
        several = [*events.pending(connection, _MOST_EVENTS), *events.failed(connection, _MOST_EVENTS)]
        mine = TabEvents(known.watches, known.entities, tuple(map(tab.column, tab.key)))
        lookups, found = Lookups(), {}
        for event in {event.id: event for event in several}.values():
            if waits(event, {tab.name: mine}):
                hit = touched(connection, [event], {tab.name: mine}, lookups)
                keys = hit.keys.get(tab.name, set())
                if keys is None or row_key in keys:
                    found[event.id] = _told(event)
    return list(found.values())


def _told(event: Event) -> str:
    when = f"{event.created_at:%Y-%m-%d %H:%M:%S} UTC"
    name = f"Event {event.id} ({event.kind} in {event.entity}, {when})"
    if event.set_aside_at:
        return f"{name} is set aside: {event.reason} `sheets-pipeline queue retry` tries it again."
    return f"{name} waits for another try: {event.reason}" if event.attempts else f"{name} is pending."


def _holds(instance: dg.DagsterInstance, pipeline: Pipeline, tab_asset: TabAsset) -> list[str]:
    off, tab = switched_off(instance), tab_asset.tab
    found = []
    if tab.switch is not None and tab.is_left_out:
        found.append(f"The tab is switched off by {tab.switch.variable}=false.")
    if switch_name(tab) in off:
        found.append(f"The tab is switched off ({switch_name(tab)} in the Dagster UI).")
    if tab.name in held_tabs.held(pipeline.state, pipeline.spreadsheet.id):
        found.append("Events passed it by while it was off: it is written as a whole once it is on.")
    if FULL_SYNC_SCHEDULE in off:
        found.append(f"Full syncs are switched off ({FULL_SYNC_SCHEDULE} in the Dagster UI).")
    if reason := gate.reason_to_skip(instance, pipeline, "full"):
        found.append(f"No full sync starts now: {reason}")
    return found


def _last_error(pipeline: Pipeline, tab: Tab) -> str | None:
    newest = history.recent(pipeline.state, tab=tab.title, limit=1, spreadsheet_id=pipeline.spreadsheet.id)
    return newest[0].error if newest and newest[0].outcome in ("failed", "refused") else None
