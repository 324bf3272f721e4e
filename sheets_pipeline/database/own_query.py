"""A tab's query, as its declaration writes it: all rows, or those of some keys, with every value as the database has it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.database.frames import typed_frame, types_of
from sheets_pipeline.database.query_text import Asked, Query, chunks, lateral, one_by_one, parse, with_condition
from sheets_pipeline.database.result_types import ResultColumn, column_types
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.sync.tab import ColumnType

#: Under this name a frame's attributes hold the columns of the result, in order.
COLUMNS = "sheets_pipeline_columns"

_CHUNK_ROWS = 20_000
#: Whole numbers as databases write them; ``007`` is a text.
_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
#: Keys that one statement asks for, where each is a part of its text.
_KEYS_AT_ONCE = 100
#: Keys that one statement asks for, where they are an array.
_KEYS_IN_ARRAY = 10_000


@dataclass
class OwnQuery:
    """The query of a tab with its key columns, by their names in the result."""

    title: str
    query: Query
    key: tuple[str, ...]
    #: SQLAlchemy's types of the columns, where it is a statement of SQLAlchemy's.
    types: Mapping[str, sa.types.TypeEngine[Any]] = field(default_factory=dict)
    #: PostgreSQL's names of the key columns' types, once they have been asked for.
    _key_types: list[str] = field(default_factory=list)

    def read(self, connection: sa.Connection, keys: Collection[Any] | None = None) -> pd.DataFrame:
        """All rows, or those of the given keys: texts, tuples of texts where the key has several columns.

        Values are objects as the driver gives them, so that no digit is lost; ``frame.attrs[COLUMNS]`` says what they are.

        Raises:
            TabProblem: A column holds bytes, or the result lacks a key column.
        """
        if keys is None:
            return self._frame(connection, [(self.query.all_rows, None)])
        asked = {tuple(map(str, key)) if isinstance(key, tuple | list) else (str(key),) for key in keys}
        wanted = sorted(asked, key=lambda key: [_turn(part) for part in key])
        return _once(self._frame(connection, self._statements(connection, wanted)), self.key)

    def describe(self, connection: sa.Connection, rows: int = 0) -> pd.DataFrame:
        """The first rows of the result, with what its columns are."""
        return self._frame(connection, [(f"SELECT * FROM (\n{self.query.all_rows}\n) AS q LIMIT {rows:d}", None)])

    def certain_columns(self, connection: sa.Connection, asked: Collection[str] | None) -> pd.DataFrame | None:
        """The columns without rows; None where only values tell the type of one that is asked for (all for None)."""
        if connection.dialect.name == "sqlite":
            return None
        frame = self.describe(connection)
        is_exact = connection.dialect.name == "postgresql"
        wanted = {kind for name, kind in result_columns(frame) if asked is None or name in asked}
        return frame if is_exact or ColumnType.BOOLEAN not in wanted else None  # of MySQL's TINYINT(1) values tell

    def _statements(self, connection: sa.Connection, keys: list[tuple[str, ...]]) -> list[tuple[str, Any]]:
        """What gives the rows of these keys; those with blank parts have statements of their own, so that all others are found
        by index."""
        names = [connection.dialect.identifier_preparer.quote_identifier(name) for name in self.key]
        dialect = connection.dialect.name
        if dialect != "sqlite":
            names = [name.replace("%", "%%") for name in names]
        patterns: dict[tuple[bool, ...], list[tuple[str, ...]]] = {}
        for key in keys:
            patterns.setdefault(tuple(len(key) > 1 and not part for part in key), []).append(key)
        statements: list[tuple[str, Any]] = []
        for blank, some in patterns.items():
            statements += self._of_pattern(connection, Asked(tuple(names), blank, dialect), some)
        if dialect in {"mysql", "mariadb"} and not self.query.names_keys:
            return [self._no_rows(), *statements]  # a union of MySQL's has other types
        return statements

    def _of_pattern(
        self, connection: sa.Connection, asked: Asked, keys: list[tuple[str, ...]]
    ) -> Iterator[tuple[str, Any]]:
        flat = _flat_of_both_kinds if asked.dialect == "sqlite" else _flat
        shown = [tuple(part for part, is_blank in zip(key, asked.blank, strict=True) if not is_blank) for key in keys]
        if self.query.names_keys:
            for some in chunks(shown, _KEYS_AT_ONCE):
                yield with_condition(self.query, asked, len(some)), flat(some) * len(self.query.columns)
        elif asked.dialect == "postgresql":
            statement = lateral(self.query, asked, self._types_of_key(connection))
            for some in chunks(keys, _KEYS_IN_ARRAY):
                parts = zip(asked.blank, zip(*some, strict=True), strict=True)
                yield statement, tuple([None] * len(some) if is_blank else list(part) for is_blank, part in parts)
        else:
            for some in chunks(shown, _KEYS_AT_ONCE):
                yield one_by_one(self.query, asked, len(some)), flat(some)

    def _types_of_key(self, connection: sa.Connection) -> list[str]:
        if not self._key_types and all(isinstance(self.types.get(name), sa.Integer) for name in self.key):
            self._key_types[:] = ["bigint"] * len(self.key)
        if not self._key_types:
            with connection.exec_driver_sql(self._no_rows()[0], execution_options={"no_parameters": True}) as result:
                oids = {column[0]: column[1] for column in (result.cursor.description if result.cursor else None) or ()}
            self._missing_key(list(oids))
            asked = sa.text("select format_type(cast(:oid as oid), -1)")
            self._key_types[:] = [str(connection.scalar(asked, {"oid": oids[name]})) for name in self.key]
        return self._key_types

    def _frame(self, connection: sa.Connection, statements: Sequence[tuple[str, Any]]) -> pd.DataFrame:
        """The rows of all statements, which have the same columns."""
        values: list[list[Any]] = []
        description: Sequence[Any] = ()
        fields: Sequence[Any] = ()
        for sql, parameters in statements or [self._no_rows()]:
            options = {"no_parameters": True} if parameters is None else {}
            result = connection.exec_driver_sql(sql, parameters, execution_options=options)
            cursor: Any = result.cursor
            if not description:
                description, fields = cursor.description, getattr(getattr(cursor, "_result", None), "fields", ())
                values = [[] for _ in description]
            while rows := cursor.fetchmany(_CHUNK_ROWS):  # the driver's own tuples need no Row objects around them
                for column, some in zip(values, zip(*rows, strict=True), strict=True):
                    column.extend(some)
            result.close()
        self._missing_key([column[0] for column in description])
        if self.types:
            return typed_frame(self.types, values)
        columns = column_types(connection, description, fields, values, self.query.all_rows)
        self._refuse_bytes(columns)
        return _object_frame(columns, values)

    def _no_rows(self) -> tuple[str, None]:
        """A statement that gives columns alone."""
        return f"SELECT * FROM (\n{self.query.all_rows}\n) AS q LIMIT 0", None

    def _missing_key(self, names: list[str]) -> None:
        for name in self.key:
            if name not in names:
                raise TabProblem(
                    self.title,
                    f"the key column {name!r} is not in the query's result, which has {', '.join(map(repr, names))}. "
                    "Add it to the query, or correct key.",
                )
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise TabProblem(
                self.title,
                f"the query gives the columns {doubled} more than once. Give each column a name of its own (AS).",
            )

    def _refuse_bytes(self, columns: Sequence[ResultColumn]) -> None:
        if binary := [f"{column.name!r} ({column.binary})" for column in columns if column.binary]:
            raise TabProblem(
                self.title,
                f"binary data in {', '.join(binary)}, which no cell can hold. Leave the column out of the query, or turn it "
                "into text there (encode(x, 'hex') on PostgreSQL, hex(x) on MySQL, MariaDB and SQLite).",
            )


@lru_cache(maxsize=256)
def own_query(title: str, key: tuple[str, ...], query: str | sa.Select[Any], dialect: sa.Dialect) -> OwnQuery:
    """What reads a tab's rows by a query that its function gives; the same one is looked at once.

    Raises:
        UnusableQuery: It is no query, or ``:keys`` stands wrongly in it.
    """
    if isinstance(query, str):
        return OwnQuery(title, parse(query, len(key)), key)
    text = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    if dialect.paramstyle in {"format", "pyformat"}:  # as drivers take it that look for parameters
        text = text.replace("%%", "%")
    return OwnQuery(title, parse(text, len(key)), key, types_of(query))


def _turn(part: str) -> tuple[float, str]:
    """Rows of keys come in this order, in which new ones are put into the tab: numbers as numbers."""
    return (int(part), "") if _NUMBER.fullmatch(part) else (float("inf"), part)


def _flat(keys: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(part for key in keys for part in key)


def _flat_of_both_kinds(keys: Sequence[tuple[str, ...]]) -> tuple[str | int, ...]:
    """Each part as text and as the number that it is: to SQLite 7 and '7' differ where a column has no declared type."""
    return tuple(kind for part in _flat(keys) for kind in (part, int(part) if _NUMBER.fullmatch(part) else part))


class _Known(tuple[tuple[str, ColumnType], ...]):
    """Names and types of columns. pandas copies what a frame knows with every column that is taken from it."""

    __slots__ = ()

    def __deepcopy__(self, _memo: object) -> "_Known":
        return self


def _object_frame(columns: Sequence[ResultColumn], values: Sequence[Sequence[Any]]) -> pd.DataFrame:
    kept: dict[str, Any] = {}
    for column, some in zip(columns, values, strict=True):
        if (change := column.change) is not None:
            some = [None if value is None else change(value) for value in some]
        kept[column.name] = pd.Series(some, dtype=object)
    frame = pd.DataFrame(kept, columns=[column.name for column in columns])
    frame.attrs[COLUMNS] = _Known((column.name, column.type) for column in columns)
    return frame


def _once(frame: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    """Each row once: what two spellings of a key find is one row to MySQL and MariaDB, which look at no case, accents and
    trailing blanks, and to any database where two keys differ in how a number or a moment is written."""
    if not frame.duplicated(list(key)).any():
        return frame
    kept = frame.loc[~frame.astype(str).duplicated()].reset_index(drop=True)
    kept.attrs.update(frame.attrs)
    return kept


def result_columns(frame: pd.DataFrame) -> tuple[tuple[str, ColumnType], ...]:
    """Name and type of each column of a frame that ``OwnQuery`` has read."""
    columns: tuple[tuple[str, ColumnType], ...] = frame.attrs[COLUMNS]
    return columns
