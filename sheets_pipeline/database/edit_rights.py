"""What the database lets this role do to rows of a table."""

from collections.abc import Collection

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


def closed_sequences(connection: sa.Connection, table: str, given: Collection[str] = ()) -> list[str]:
    """Sequences that defaults of a table's columns count by and that this role may not use: each insert is refused.

    Args:
        connection: Of the role that inserts.
        table: With its schema where it has one.
        given: Columns for which inserts give a value.
    """
    if connection.dialect.name != "postgresql":
        return []
    found = connection.execute(sa.text(_CLOSED_SEQUENCES), {"table": quoted(connection, table)})
    return [sequence for column, sequence in found if column not in given]


#: A column of ``serial`` depends on its sequence by its default; an identity column needs no right to its own.
_CLOSED_SEQUENCES = """
    select a.attname, s.oid::regclass::text
    from pg_attribute a
    join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    join pg_depend p on p.classid = 'pg_attrdef'::regclass and p.objid = d.oid and p.refclassid = 'pg_class'::regclass
    join pg_class s on s.oid = p.refobjid
    where a.attrelid = to_regclass(:table)
    and case when s.relkind = 'S' then not has_sequence_privilege(s.oid, 'USAGE, UPDATE') end
    order by a.attnum
"""


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
