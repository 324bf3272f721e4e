"""A row with all of its columns, as texts of which the database makes the very same row again; and who refers to it.

Columns that the database computes are left out. What a text of a column is, each database says itself: a driver's values would
lose digits, time zones, and types that no driver knows.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from sheets_pipeline.database.edit_refusals import Kind, refusal
from sheets_pipeline.database.edit_target import TargetRow, describe

#: Column → its text; bytes are ``{"hex": ...}``, and SQLite's numbers are numbers.
Texts = Mapping[str, Any]

#: How PostgreSQL writes values, whatever is set for the role.
_PLAINLY = (
    "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'; "
    "SET LOCAL extra_float_digits = 1"
)


class _Reference(NamedTuple):
    """A foreign key of another table, or of the same, that refers to this one; ``harms``: deleting changes rows there."""

    schema: str | None
    table: str
    columns: list[str]
    referred: list[str]
    harms: bool
    is_own: bool
    is_hidden: bool


class WholeRow(TargetRow):
    """One row of one table, in an open transaction."""

    def __init__(self, connection: sa.Connection, table: str, key: Mapping[str, Any]) -> None:
        """Asks what columns there are, as they may have changed since the process began."""
        known = describe(connection, table)
        stored = [one for one in known.types if one not in known.generated]
        super().__init__(connection, table, key, stored, known=known)

    def texts(self, *, lock: bool = False) -> dict[str, Any] | None:
        """The whole row; None where it is not there. A lock keeps others from changing it, and from referring to it.

        Raises:
            LookupError: The key finds several rows.
        """
        if self.connection.dialect.name == "postgresql":
            self.connection.exec_driver_sql(_PLAINLY)
        query = sa.select(*[self._text(one) for one in self.columns]).where(*self.is_it()).limit(2)
        rows = self.connection.execute(query.with_for_update() if lock else query, self.parameters).all()
        if len(rows) > 1:
            raise LookupError("the key finds several rows")
        if not rows:
            return None
        texts = zip(self.columns, rows[0], strict=True)
        return {one: {"hex": text.hex()} if isinstance(text, bytes) else text for one, text in texts}

    def make(self, texts: Texts) -> None:
        """Insert the row again, its key and numbers that the database counts up among it."""
        over = "OVERRIDING SYSTEM VALUE " if self.connection.dialect.name == "postgresql" else ""
        values = ", ".join(self._value(one, f":v{i}") for i, one in enumerate(texts))
        given = [
            sa.bindparam(f"v{i}", self._given(text), type_=sa.types.NullType()) for i, text in enumerate(texts.values())
        ]
        rest = sa.text(f"{over}VALUES ({values})").bindparams(*given)  # no more than numbered parameters
        columns = [self.table.c[one] for one in texts]
        self.connection.execute(sa.insert(self.table).from_select(columns, rest.columns(*columns)))

    def referring(self) -> list[str]:
        """Tables of which rows refer to this one: they would be lost or changed with it, or keep it from being deleted.

        A table is among them, too, whose rows would be harmed and cannot be looked at. What the database refuses by itself and
        cannot be looked at is left to it.
        """
        found = dict.fromkeys(one.table for one in self._references() if self._is_referred_to_by(one))
        return list(found)

    def _text(self, column: str) -> sa.ColumnElement[Any]:
        plain, kind = sa.type_coerce(self.table.c[column], sa.types.NullType()), self.known.types[column]
        if self.connection.dialect.name == "sqlite":
            return plain
        if self.connection.dialect.name == "postgresql":
            return sa.cast(plain, sa.Text)
        if _is_bytes(kind):
            return sa.func.hex(plain)
        return sa.cast(plain + sa.literal_column("0e0") if isinstance(kind, sa.Float) else plain, sa.CHAR)

    def _value(self, column: str, parameter: str) -> str:
        is_hex = self.connection.dialect.name in ("mysql", "mariadb") and _is_bytes(self.known.types[column])
        return f"UNHEX({parameter})" if is_hex else parameter

    @staticmethod
    def _given(text: Any) -> Any:
        return bytes.fromhex(text["hex"]) if isinstance(text, dict) else text

    # Who refers to it -----------------------------------------------------------------------------------------------------

    def _is_referred_to_by(self, one: _Reference) -> bool:
        own = list(self._key) if one.is_own else []
        child = _named(one.table, [*one.columns, *own], one.schema).alias("child")
        parent = _named(self.table.name, [*one.referred, *self._key], self.table.schema).alias("parent")
        pairs = zip(one.columns, one.referred, strict=True)
        refers = sa.and_(*[child.c[column] == parent.c[referred] for column, referred in pairs])
        query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(parent.join(child, refers))
        query = query.where(*[parent.c[key] == self._bound(key) for key in self._key])
        if own:  # the row itself does not count
            query = query.where(sa.or_(*[child.c[key] != self._bound(key) for key in own]))
        if self.connection.dialect.name in ("mysql", "mariadb"):  # sees what was committed since the transaction began
            query = query.with_for_update(read=True)
        try:
            with self.connection.begin_nested():
                is_seen = self.connection.execute(query.limit(1)).first() is not None
        except Exception as error:
            if refusal(error).kind in (Kind.AGAIN, Kind.AWAY):
                raise
            return one.harms
        return is_seen or (one.is_hidden and one.harms)

    def _bound(self, key: str) -> sa.BindParameter[Any]:
        return sa.bindparam(None, self._key[key], type_=self.table.c[key].type)

    def _references(self) -> list[_Reference]:
        name = self.connection.dialect.name
        if name == "postgresql":
            quote = self.connection.dialect.identifier_preparer
            rows = self.connection.execute(sa.text(_POSTGRESQL), {"name": quote.format_table(self.table)}).all()
            return [_Reference(*row) for row in rows]
        if name == "sqlite":
            return self._references_of_sqlite()
        rows = self.connection.execute(sa.text(_MYSQL), {"schema": self.table.schema, "name": self.table.name}).all()
        found: dict[tuple[Any, ...], _Reference] = {}
        for schema, table, constraint, column, referred, harms, is_own in rows:
            one = _Reference(schema, table, [], [], bool(harms), bool(is_own), is_hidden=False)
            one = found.setdefault((schema, table, constraint), one)
            one.columns.append(column)
            one.referred.append(referred)
        return list(found.values())

    def _references_of_sqlite(self) -> list[_Reference]:
        rows = self.connection.execute(sa.text(_SQLITE), {"name": self.table.name}).all()
        key = sa.inspect(self.connection).get_pk_constraint(self.table.name)["constrained_columns"] if rows else []
        found: dict[tuple[Any, ...], _Reference] = {}
        for table, number, place, column, referred, harms, is_own in rows:
            one = _Reference(None, table, [], [], bool(harms), bool(is_own), is_hidden=False)
            one = found.setdefault((table, number), one)
            one.columns.append(column)
            one.referred.append(referred or key[place])
        return list(found.values())


def _named(table: str, columns: Iterable[str], schema: str | None) -> sa.TableClause:
    return sa.table(table, *map(sa.column, dict.fromkeys(columns)), schema=schema)


def _is_bytes(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether MySQL and MariaDB have no text of such a value."""
    return isinstance(kind, sa.LargeBinary | sa.types._Binary | mysql.BIT | sa.types.NullType)


_POSTGRESQL = """
select n.nspname, r.relname,
  array(select a.attname::text from unnest(c.conkey) with ordinality k(number, place)
    join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number order by k.place),
  array(select a.attname::text from unnest(c.confkey) with ordinality k(number, place)
    join pg_catalog.pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number order by k.place),
  c.confdeltype in ('c', 'n', 'd'), c.conrelid = c.confrelid, pg_catalog.row_security_active(c.conrelid)
from pg_catalog.pg_constraint c
  join pg_catalog.pg_class r on r.oid = c.conrelid
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
where c.contype = 'f' and c.confrelid = pg_catalog.to_regclass(:name) and c.conparentid = 0
order by c.conname
"""
_MYSQL = """
select k.table_schema, k.table_name, k.constraint_name, k.column_name, k.referenced_column_name,
  r.delete_rule in ('CASCADE', 'SET NULL', 'SET DEFAULT'),
  k.table_schema = k.referenced_table_schema and k.table_name = k.referenced_table_name
from information_schema.key_column_usage k
  join information_schema.referential_constraints r on r.constraint_schema = k.constraint_schema
    and r.constraint_name = k.constraint_name and r.table_name = k.table_name
where k.referenced_table_schema = coalesce(:schema, database()) and k.referenced_table_name = :name
order by k.table_schema, k.table_name, k.constraint_name, k.ordinal_position
"""
_SQLITE = """
select m.name, f.id, f.seq, f."from", f."to", f.on_delete in ('CASCADE', 'SET NULL', 'SET DEFAULT'),
  lower(m.name) = lower(:name)
from sqlite_master m, pragma_foreign_key_list(m.name) f
where m.type = 'table' and lower(f."table") = lower(:name)
order by m.name, f.id, f.seq
"""
