"""What the database says of tables into which people put rows and from which they take some out."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_rights import closed_sequences, may, quoted
from sheets_pipeline.sync.editing import Edits, Place
from sheets_pipeline.sync.tab import Tab

#: What a column that says that a row is deleted may hold.
_MOMENTS = (sa.DateTime, sa.Date, sa.Boolean, sa.Integer)

_Columns = Mapping[str, Any]


def row_problems(connection: sa.Connection, tab: Tab, columns: _Columns) -> Iterator[tuple[Place, str]]:
    """What keeps rows of people's from being inserted or deleted.

    Args:
        connection: Of the role that applies edits.
        tab: With ``edits``.
        columns: Of the table into which rows go: name → what the database says of it.
    """
    edits = tab.edits
    if edits is None:
        return
    table, place = edits.own.table, ("edits", "deleted_rows")
    if edits.new_rows:
        given = _given(tab, edits)
        if not all(may(connection, "INSERT", table, one) for one in given if one in columns):
            grant = f"GRANT INSERT ({', '.join(given)}) ON {table} TO ..."
            yield ("edits", "new_rows"), f"the role of DATABASE_URL may not insert rows. Let its owner run: {grant}"
        for sequence in closed_sequences(connection, table, given):
            grant = f"GRANT USAGE ON SEQUENCE {sequence} TO ..."
            told = f"the role of DATABASE_URL may not count up {sequence} for new rows. Let its owner run: {grant}"
            yield ("edits", "new_rows"), told
        yield from _not_given(connection, table, columns, given)
    if edits.deleted_rows == "hard" and not may(connection, "DELETE", table):
        grant = f"GRANT DELETE ON {table} TO ..."
        yield place, f"the role of DATABASE_URL may not delete rows. Let its owner run: {grant}"
    elif edits.deleted_rows == "soft" and (text := _soft_problem(connection, edits, columns)):
        yield place, text


def _given(tab: Tab, edits: Edits) -> list[str]:
    """The columns of the table that an inserted row gives."""
    editable = [one.target.column for one in tab.edited.values() if one.target.table == edits.own.table]
    return [*(column for column, name in edits.own.key.items() if name in edits.needs), *editable]


def _not_given(
    connection: sa.Connection, table: str, columns: _Columns, given: Collection[str]
) -> Iterator[tuple[Place, str]]:
    schema, _, name = table.rpartition(".")
    key = sa.inspect(connection).get_pk_constraint(name, schema=schema or None)["constrained_columns"]
    lacking = [
        one
        for one, column in columns.items()
        if one not in given and not _is_filled(connection, column, is_key=key == [one])
    ]
    if lacking and not _has_trigger(connection, table):
        text = (
            f"a row that people type gives no value for {', '.join(lacking)} of {table}, which may not be NULL and has no "
            "default: every insert would be refused. Give it a default, or make it editable (key columns: name them in needs)"
        )
        yield ("edits", "new_rows"), text


def _is_filled(connection: sa.Connection, column: Any, *, is_key: bool) -> bool:
    """Whether a column may be left out of an INSERT; in SQLite a key that is a whole number counts by itself."""
    counts_up = column.get("autoincrement") is True or column.get("identity")
    if connection.dialect.name == "sqlite" and is_key:
        counts_up = isinstance(column["type"], sa.Integer)
    return bool(column["nullable"] or column.get("default") is not None or column.get("computed") or counts_up)


def _has_trigger(connection: sa.Connection, table: str) -> bool:
    """Whether a trigger sees rows before they are inserted, and may fill columns; in SQLite none can."""
    if connection.dialect.name == "sqlite":
        return False
    schema, _, name = table.rpartition(".")
    named = {"schema": schema or None, "table": name}
    query = _TRIGGERED
    if connection.dialect.name == "postgresql":  # for each row, before, insert
        query = "select exists (select 1 from pg_trigger where tgrelid = to_regclass(:table) and tgtype & 7 = 7)"
        named = {"table": quoted(connection, table)}
    return bool(connection.scalar(sa.text(query), named))


_TRIGGERED = (
    "select exists (select 1 from information_schema.triggers where event_object_schema = coalesce(:schema, database()) "
    "and event_object_table = :table and action_timing = 'BEFORE' and event_manipulation = 'INSERT')"
)


def _soft_problem(connection: sa.Connection, edits: Edits, columns: _Columns) -> str | None:
    table, name = edits.own.table, edits.deleted_column
    if (column := columns.get(name)) is None:
        return (
            f"the table {table!r} has no column {name!r} that says that a row is deleted; it has {', '.join(columns)}"
        )
    if not isinstance(column["type"], _MOMENTS):
        return (
            f"{table}.{name} says that a row is deleted; expected a moment, a day, true or false, or a whole number, found "
            f"{column['type']}"
        )
    if not may(connection, "UPDATE", table, name):
        return f"the role of DATABASE_URL may not change {table}.{name}. Let its owner run: GRANT UPDATE ({name}) ON {table} TO ..."
    return None


def hidden_tables(connection: sa.Connection, tab: Tab) -> list[str]:
    """Tables of a tab's edits whose row-level security applies to this role: it hides rows, or may do so."""
    if connection.dialect.name != "postgresql":
        return []
    query = sa.text("select coalesce(row_security_active(to_regclass(:table)), false)")
    tables = dict.fromkeys(row.table for row in (tab.edits.rows if tab.edits else ()))
    return [one for one in tables if connection.scalar(query, {"table": quoted(connection, one)})]
