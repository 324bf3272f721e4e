"""Which rows of which tabs an event touches, as the tabs' watches say; the changed row may be gone by now.

What the row held stands in the event, or is looked up by its key where an application recorded the event by hand.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.event_faults import is_no_key
from sheets_pipeline.database.event_keys import TabEvents, UnusableKey, shown
from sheets_pipeline.database.event_table import Event
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.parameters import positional
from sheets_pipeline.sync.privacy import without_values
from sheets_pipeline.sync.watch import TRUNCATE, Watch

#: Where more changed rows than this would have to be asked about one by one, the tab is written as a whole.
MOST_QUERIES = 1000


@dataclass(slots=True)
class Touched:
    """What events lead to.

    ``keys`` are row keys by the title of their tab, None for the whole tab. ``failed`` are tabs whose ``keys_sql`` fails, with
    the reason; ``unusable`` events that can name no row of some tab, by id.
    """

    keys: dict[str, set[str] | None] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    unusable: dict[int, str] = field(default_factory=dict)


def touched(
    connection: sa.Connection,
    events: Iterable[Event],
    tabs: Mapping[str, TabEvents],
    lookups: "Lookups | None" = None,
    most_queries: int | None = MOST_QUERIES,
) -> Touched:
    """The rows that these events touch, whether they still exist or not.

    An event that waits for some tabs only touches no others. ``lookups`` is given where the same is asked again. Where more
    than ``most_queries`` would be needed for a tab, it is written as a whole; never for None.
    """
    outcome = Touched()
    found = lookups or Lookups()
    good = [event for event in events if not is_no_key(event.key)]
    for title, tab in tabs.items():
        some = [event for event in good if event.tabs is None or title in event.tabs]
        try:
            keys = _of_tab(connection, tab, some, found, outcome.unusable, most_queries)
        except _Failed as error:
            outcome.failed[title] = str(error)
            continue
        if keys is None or keys:
            outcome.keys[title] = keys
    return outcome


def waits(event: Event, tabs: Mapping[str, TabEvents]) -> list[str]:
    """Titles of the tabs that an event may touch, as far as can be told without the database."""
    if event.tabs is not None:
        return sorted(event.tabs & tabs.keys())
    return [title for title, tab in tabs.items() if event.entity in tab.entities or any(_hit(tab, event))]


def _hit(tab: TabEvents, event: Event) -> Iterator[Watch]:
    for watch in tab.watches:
        if watch.entity == event.entity and watch.is_hit(event.kind, event.changed_columns):
            yield watch


def _of_tab(
    connection: sa.Connection,
    tab: TabEvents,
    events: list[Event],
    lookups: "Lookups",
    unusable: dict[int, str],
    most_queries: int | None,
) -> set[str] | None:
    if any(event.kind == TRUNCATE and any(_hit(tab, event)) for event in events):
        return None
    keys: set[str] = set()
    asked: dict[Watch, set[tuple[str | None, ...]]] = {}

    def add(event: Event, key: Callable[[], str]) -> None:
        try:
            keys.add(key())
        except UnusableKey as error:
            unusable.setdefault(event.id, f"its key {shown(event.key)} {error}; record it with the key of its row")

    for event in events:
        if event.entity in tab.entities:
            add(event, partial(tab.row_key, event.key))
        for watch in _hit(tab, event):
            try:
                values = lookups.values(connection, event, watch)
            except UnusableKey as error:
                unusable.setdefault(event.id, f"its key {shown(event.key)} {error}; record it with the key of its row")
                continue
            if values is not None and watch.key:
                add(event, partial(tab.key_of_values, values))
            elif values is not None:
                asked.setdefault(watch, set()).add(values)
    if most_queries is not None and sum(map(len, asked.values())) > most_queries:
        return None
    for watch, several in asked.items():
        keys.update(_usable(tab, lookups.keys(connection, watch, several)))
    return keys


def _usable(tab: TabEvents, rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The query gives NULL where a row leads to none, and a key that no row of the tab can have for one that is not shown."""
    for values in rows:
        if any(value is not None for value in values):
            try:
                yield tab.key_of_values(values)
            except UnusableKey as error:
                raise _Failed(f"keys_sql gives a key that {error}") from None


class _Failed(Exception):
    """The keys of a tab's rows cannot be told."""


@dataclass(slots=True)
class Lookups:
    """What the database says about changed rows, asked once each."""

    _keys: dict[tuple[str, tuple[str | None, ...]], list[Sequence[object]]] = field(default_factory=dict)
    _rows: dict[tuple[str, str], dict[str, str | None]] = field(default_factory=dict)
    _primary: dict[str, list[str]] = field(default_factory=dict)
    _columns: dict[str, set[str]] = field(default_factory=dict)

    def keys(
        self, connection: sa.Connection, watch: Watch, several: Iterable[tuple[str | None, ...]]
    ) -> Iterator[Sequence[object]]:
        """What ``keys_sql`` gives for these rows."""
        query, names = positional(watch.keys_sql, "?" if connection.dialect.name == "sqlite" else "%s")
        new = [values for values in several if (watch.keys_sql, values) not in self._keys]
        try:
            with connection.begin_nested() if new else nullcontext():
                for values in new:
                    held = dict(zip(watch.needs, values, strict=True))
                    # Texts of no type: each database takes one for what it is compared with.
                    rows = connection.exec_driver_sql(query, tuple(held[name] for name in names)).all()
                    self._keys[watch.keys_sql, values] = [tuple(row) for row in rows]
        except (sa.exc.DBAPIError, DatabaseError) as error:
            if isinstance(error, DatabaseError) and error.is_transient:
                raise
            raise _Failed(f"The keys_sql of its watch of {watch.table} fails ({_said_by(error)})") from error
        for values in several:
            yield from self._keys[watch.keys_sql, values]

    def values(self, connection: sa.Connection, event: Event, watch: Watch) -> tuple[str | None, ...] | None:
        """The values of the columns that a watch needs; None where nobody knows them, or they are NULL.

        Of a key of several columns some may be NULL; ``keys_sql`` is given no NULL.

        Raises:
            UnusableKey: The event's key can be that of no row of the table.
        """
        held = event.row
        if not held.keys() >= set(watch.needs):
            held = self._row(connection, event, watch) | held
        values = tuple(held.get(name) for name in watch.needs)
        is_known = held.keys() >= set(watch.needs) and any(value is not None for value in values)
        return values if is_known and (watch.key or None not in values) else None

    def _row(self, connection: sa.Connection, event: Event, watch: Watch) -> dict[str, str | None]:
        schema, _, table = watch.table.rpartition(".")
        if watch.table not in self._primary:
            inspector = sa.inspect(connection)
            constraint = inspector.get_pk_constraint(table, schema=schema or None)
            self._primary[watch.table] = constraint["constrained_columns"]
            self._columns[watch.table] = {
                str(column["name"]) for column in inspector.get_columns(table, schema or None)
            }
        if missing := sorted(set(watch.needs) - self._columns[watch.table]):
            raise _Failed(f"Its watch of {watch.table} names the column {missing[0]}, which the table does not have")
        primary = self._primary[watch.table]
        named = dict(zip(primary, _parts(event.key, primary), strict=True))
        if named.keys() >= set(watch.needs):
            return dict(named)
        known = self._rows.setdefault((watch.table, event.key), dict(named))
        if not known.keys() >= set(watch.needs):
            known |= _looked_up(connection, sa.table(table, schema=schema or None), named, watch.needs)
        return known


def _said_by(error: sa.exc.DBAPIError | DatabaseError) -> str:
    return without_values(error) if isinstance(error, sa.exc.DBAPIError) else str(error)


def _looked_up(
    connection: sa.Connection, table: sa.TableClause, named: dict[str, str], needs: Iterable[str]
) -> dict[str, str | None]:
    """The columns of a row of which the primary key is known; none where it is gone."""
    same = [sa.column(name) == sa.bindparam(None, part, type_=sa.types.NullType()) for name, part in named.items()]
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in needs]
    query = sa.select(*columns).select_from(table).where(*same)
    try:
        with connection.begin_nested():
            row = connection.execute(query).mappings().first()
    except sa.exc.DBAPIError as error:
        raise UnusableKey(f"is none of table {table.name} ({without_values(error)})") from error
    return {} if row is None else {name: None if value is None else str(value) for name, value in row.items()}


def _parts(key: str, primary: list[str]) -> list[str]:
    if len(primary) == 1:
        return [key]
    try:
        parts: Any = json.loads(key)
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != len(primary):
        raise UnusableKey(f"is not a JSON array of {len(primary)} values, for the key columns {', '.join(primary)}")
    return [str(part) for part in parts]
