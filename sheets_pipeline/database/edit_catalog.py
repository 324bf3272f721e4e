"""What the database says of the columns that edits go to: whether they are there, can be written, and by us."""

from collections.abc import Iterator

import sqlalchemy as sa

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
        elif found.get("computed"):
            yield place, f"the database computes {target} itself: it cannot be edited"
        elif target.column in _key(connection, target.table):
            yield place, f"{target} is part of the table's primary key: it cannot be edited"
        elif not _may_update(connection, target.table, target.column):
            grant = f"GRANT UPDATE ({target.column}) ON {target.table} TO ..."
            yield place, f"the role of DATABASE_URL may not change {target}. Let its owner run: {grant}"
    for i, row in enumerate(tab.edits.rows if tab.edits else ()):
        columns = tables.get(row.table)
        names = [one["name"] for one in columns or ()]
        for name in row.key if columns is not None else ():
            if name not in names:
                yield ("edits", "row", i, "key"), f"the table {row.table!r} has no column {name!r}"


def _columns(connection: sa.Connection, table: str) -> "list[sa.engine.interfaces.ReflectedColumn] | None":
    schema, _, name = table.rpartition(".")
    try:
        return sa.inspect(connection).get_columns(name, schema=schema or None)
    except sa.exc.NoSuchTableError:
        return None


def _key(connection: sa.Connection, table: str) -> list[str]:
    schema, _, name = table.rpartition(".")
    return sa.inspect(connection).get_pk_constraint(name, schema=schema or None)["constrained_columns"]


def _may_update(connection: sa.Connection, table: str, column: str) -> bool:
    """As the database tells; SQLite knows no rights, and of rights by roles MySQL and MariaDB tell nothing here."""
    if connection.dialect.name == "sqlite":
        return True
    if connection.dialect.name != "postgresql":
        return _may_update_in_mysql(connection, table, column)
    quoted = ".".join(map(connection.dialect.identifier_preparer.quote, table.split(".")))
    query = sa.text("select has_column_privilege(:table, :column, 'UPDATE')")
    return bool(connection.scalar(query, {"table": quoted, "column": column}))


def _may_update_in_mysql(connection: sa.Connection, table: str, column: str) -> bool:
    schema, _, name = table.rpartition(".")
    named = {"schema": schema or connection.scalar(sa.text("select database()")), "table": name, "column": column}
    user, _, host = str(connection.scalar(sa.text("select current_user()"))).rpartition("@")
    named["grantee"] = f"'{user}'@'{host}'"
    granted = connection.scalar(sa.text(_GRANTED), named)
    return bool(granted) or _has_role(connection)


def _has_role(connection: sa.Connection) -> bool:
    try:
        with connection.begin_nested():
            return connection.scalar(sa.text("select current_role()")) not in (None, "NONE")
    except sa.exc.DBAPIError:  # a server that knows no roles
        return False


#: Levels at which a column may be given; the name of a database may hold wildcards.
_GRANTED = (
    "select exists ("
    + " union all ".join(
        f"select 1 from information_schema.{level}_privileges where grantee = :grantee and privilege_type = 'UPDATE'{where}"
        for level, where in {
            "user": "",
            "schema": " and :schema like table_schema",
            "table": " and table_schema = :schema and table_name = :table",
            "column": " and table_schema = :schema and table_name = :table and column_name = :column",
        }.items()
    )
    + ")"
)
