"""What a source held at one time: a typed table. Equal tables have equal hashes, whoever read them and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from sheets_pipeline.sync.source import CellType

#: A cell; None is a blank one. No float: what Google sends becomes an int or a Decimal without losing a digit.
Cell = None | str | int | Decimal | bool | date | datetime | time
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column: its stable name (``grade``, ``grade_2``), the header as people wrote it, and the type of its cells."""

    name: str
    header: str
    type: CellType


@dataclass(frozen=True, slots=True)
class Content:
    """A typed table: rows as tuples in the order of the columns and of the sheet."""

    columns: tuple[SourceColumn, ...]
    rows: Sequence[Row]
