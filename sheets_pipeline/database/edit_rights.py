"""What the database lets this role do to rows of a table."""

import sqlalchemy as sa


def may(connection: sa.Connection, privilege: str, table: str, column: str | None = None) -> bool:
    """Whether this role has UPDATE or INSERT of a column, or DELETE of a table's rows.

    SQLite knows no rights, and of rights by roles MySQL and MariaDB tell nothing here.
    """
    if connection.dialect.name == "sqlite":
        return True
    if connection.dialect.name != "postgresql":
        return _may_in_mysql(connection, privilege, table, column)
    function = "has_table_privilege(:table" if column is None else "has_column_privilege(:table, :column"
    named = {"table": quoted(connection, table), "privilege": privilege} | ({"column": column} if column else {})
    return bool(connection.scalar(sa.text(f"select {function}, :privilege)"), named))


def quoted(connection: sa.Connection, table: str) -> str:
    """The table's name as the server takes it."""
    return ".".join(map(connection.dialect.identifier_preparer.quote, table.split(".")))


def _may_in_mysql(connection: sa.Connection, privilege: str, table: str, column: str | None) -> bool:
    schema, _, name = table.rpartition(".")
    named: dict[str, str | None] = {"privilege": privilege}
    named |= {"schema": schema or connection.scalar(sa.text("select database()")), "table": name, "column": column}
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
        f"select 1 from information_schema.{level}_privileges where grantee = :grantee and privilege_type = :privilege{where}"
        for level, where in {
            "user": "",
            "schema": " and :schema like table_schema",
            "table": " and table_schema = :schema and table_name = :table",
            "column": " and table_schema = :schema and table_name = :table and column_name = :column",
        }.items()
    )
    + ")"
)
