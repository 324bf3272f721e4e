"""What the database says of the columns that edits go to: whether they are there, can be written, and by us."""

from collections.abc import Iterator

import sqlalchemy as sa

from sheets_pipeline.database.edit_rights import may
from sheets_pipeline.database.edit_target import NO_CELL
from sheets_pipeline.database.row_catalog import row_problems
from sheets_pipeline.sync.editing import Place
from sheets_pipeline.sync.tab import Tab


def edit_problems(connection: sa.Connection, tab: Tab) -> Iterator[tuple[Place, str]]:
    """What keeps edits of a tab from being applied, and where in its declaration it stands."""
    tables: dict[str, list[sa.engine.interfaces.ReflectedColumn] | None] = {}
    for i, column in enumerate(tab.columns):
        if column.editing is None:
            continue
        target, place = column.editing.target, ("columns", i, "writes_to")
        if target.table not in tables:
            tables[target.table] = _columns(connection, target.table)
        columns = tables[target.table]
        if columns is None:
            yield place, f"there is no table {target.table!r} for edits of the column {column.name!r}"
            continue
        found = next((one for one in columns if one["name"] == target.column), None)
        if found is None:
            known = ", ".join(one["name"] for one in columns)
            yield place, f"the table {target.table!r} has no column {target.column!r}; it has {known}"
        elif isinstance(found["type"], NO_CELL):
            yield place, f"{target} is {found['type']}, which is not edited in a cell"
        elif found.get("computed"):
            yield place, f"the database computes {target} itself: it cannot be edited"
        elif target.column in _key(connection, target.table):
            yield place, f"{target} is part of the table's primary key: it cannot be edited"
        elif not may(connection, "UPDATE", target.table, target.column):
            grant = f"GRANT UPDATE ({target.column}) ON {target.table} TO ..."
            yield place, f"the role of DATABASE_URL may not change {target}. Let its owner run: {grant}"
    for i, row in enumerate(tab.edits.rows if tab.edits else ()):
        columns = tables.get(row.table)
        names = [one["name"] for one in columns or ()]
        for name in row.key if columns is not None else ():
            if name not in names:
                yield ("edits", "row", i, "key"), f"the table {row.table!r} has no column {name!r}"
    if tab.edits is not None and tab.edits.rows and (columns := tables.get(tab.edits.own.table)) is not None:
        yield from row_problems(connection, tab, {one["name"]: one for one in columns})


def _columns(connection: sa.Connection, table: str) -> "list[sa.engine.interfaces.ReflectedColumn] | None":
    schema, _, name = table.rpartition(".")
    try:
        return sa.inspect(connection).get_columns(name, schema=schema or None)
    except sa.exc.NoSuchTableError:
        return None


def _key(connection: sa.Connection, table: str) -> list[str]:
    schema, _, name = table.rpartition(".")
    return sa.inspect(connection).get_pk_constraint(name, schema=schema or None)["constrained_columns"]
