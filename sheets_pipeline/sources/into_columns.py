"""Which columns the table of a source has, of which types, and how cells become values of them."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from sheets_pipeline.database.exact_text import ExactText
from sheets_pipeline.sources.canonical import number_text
from sheets_pipeline.sources.content import Cell, SourceColumn
from sheets_pipeline.sync.source import CellType

#: Columns beside the source's own in a table that keeps all versions.
VERSION, READ_AT = "source_version", "source_read_at"

#: PostgreSQL takes so many bytes of a name, MySQL so many characters; a digest and its mark take nine.
_LONGEST_NAME = 63
#: Characters of a key on MySQL, whose indexes hold no longer text.
_LONGEST_KEY = 255

_MYSQL = ("mysql", "mariadb")


@dataclass(frozen=True, slots=True)
class IntoColumn:
    """A column of the table: ``name`` is the source's, ``sql_name`` the table's."""

    name: str
    sql_name: str
    type: CellType
    is_key: bool = False


class NumberTooLarge(Exception):
    """A whole number beyond 64 bits stands in a column of those."""

    def __init__(self, column: str) -> None:
        self.column = column
        super().__init__(column)


def into_columns(
    columns: Sequence[SourceColumn], before: Sequence[IntoColumn], large: set[str], key: Sequence[str] = ()
) -> list[IntoColumn]:
    """Columns as they stand in the table, widened where the source's need it, and those that are new.

    ``large`` are columns with whole numbers beyond 64 bits.
    """
    wanted = {column.name: _of_table(column.type, is_large=column.name in large) for column in columns}
    kept = [
        IntoColumn(
            column.name,
            column.sql_name,
            widened(column.type, wanted.get(column.name, CellType.EMPTY)),
            column.name in key,
        )
        for column in before
    ]
    taken = {column.sql_name.casefold() for column in kept} | {VERSION, READ_AT}
    for name, kind in wanted.items():
        if name not in {column.name for column in kept}:
            sql_name = _free_name(name, taken)
            taken.add(sql_name.casefold())
            kept.append(IntoColumn(name, sql_name, kind, name in key))
    return kept


def widened(one: CellType, other: CellType) -> CellType:
    """The narrowest type that holds the values of both."""
    for narrow, wide in ((CellType.INTEGER, CellType.DECIMAL), (CellType.DATE, CellType.DATETIME)):
        if {one, other} == {narrow, wide}:
            return wide
    if CellType.EMPTY in (one, other):
        return other if one is CellType.EMPTY else one
    return one if one is other else CellType.TEXT


def _of_table(kind: CellType, *, is_large: bool) -> CellType:
    if is_large:
        return CellType.DECIMAL
    return CellType.TEXT if kind is CellType.MIXED else kind


def _free_name(name: str, taken: set[str]) -> str:
    """The name as databases can hold it, with a digest where it is too long or differs in capitals only."""
    if len(name.encode()) <= _LONGEST_NAME and name.casefold() not in taken:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: _LONGEST_NAME - 9].decode(errors='ignore')}_{digest}"


def sql_type(dialect: sa.Dialect, column: IntoColumn) -> sa.types.TypeEngine[Any]:
    """The type of a column. Of spreadsheets' numbers no digit is lost in a double, where there is no boundless decimal."""
    on_mysql = dialect.name in _MYSQL
    if column.type is CellType.INTEGER:
        return sa.BigInteger()
    if column.type is CellType.DECIMAL:
        if on_mysql:
            return sa.Double()
        return sa.Numeric() if dialect.name == "postgresql" else sa.Numeric(asdecimal=False)
    if column.type is CellType.BOOLEAN:
        return sa.Boolean()
    if column.type is CellType.DATE:
        return sa.Date()
    if column.type is CellType.DATETIME:
        return mysql.DATETIME(fsp=6) if on_mysql else sa.DateTime()
    if column.type is CellType.TIME:
        return mysql.TIME(fsp=6) if on_mysql else sa.Time()
    if column.is_key and on_mysql:
        return ExactText(_LONGEST_KEY)
    return mysql.LONGTEXT(charset="utf8mb4") if on_mysql else sa.Text()


def converter(dialect: sa.Dialect, column: IntoColumn) -> Callable[[Cell], Any]:
    """Makes values for this column of cells that are not blank."""
    if column.type is CellType.INTEGER:
        return lambda cell: _whole(column.name, cell)
    if column.type is CellType.DECIMAL:
        return Decimal if dialect.name == "postgresql" else float  # type: ignore[return-value]
    if column.type is CellType.DATETIME:
        return _moment
    if column.type in (CellType.TEXT, CellType.EMPTY):
        return as_text
    return lambda cell: cell


def _whole(column: str, cell: Any) -> Any:
    if -(2**63) <= cell < 2**63:
        return cell
    raise NumberTooLarge(column)


def _moment(cell: Any) -> Any:
    return cell if isinstance(cell, datetime) else datetime.combine(cell, time())


#: What no database's text holds: NUL, and halves of surrogate pairs.
_UNHELD = re.compile("[\0\ud800-\udfff]")


def as_text(cell: Cell) -> str:
    """A cell of any type as text: 1.5, true, 2026-01-31, 2026-01-31 12:00:00."""
    if isinstance(cell, str):
        return _UNHELD.sub("\ufffd", cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return number_text(cell)
    return cell.isoformat(" ") if isinstance(cell, datetime) else str(cell)
