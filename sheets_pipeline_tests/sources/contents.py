"""Contents for tests of stores."""

from datetime import date, datetime, time
from decimal import Decimal

from sheets_pipeline.sources.content import Cell, Content, Row, SourceColumn
from sheets_pipeline.sync.source import CellType

PEOPLE = (
    SourceColumn("id", "ID", CellType.INTEGER),
    SourceColumn("name", "Name", CellType.TEXT),
    SourceColumn("score", "Score", CellType.DECIMAL),
    SourceColumn("born", "Born", CellType.DATE),
    SourceColumn("seen", "Seen", CellType.DATETIME),
    SourceColumn("at", "At", CellType.TIME),
    SourceColumn("active", "Active?", CellType.BOOLEAN),
    SourceColumn("note", "Note", CellType.MIXED),
    SourceColumn("empty", "", CellType.EMPTY),
)


def person(number: int, name: str = "Ada", note: Cell = None) -> Row:
    moment = datetime(2026, 1, 31, 12, number % 60, 30, 250_000)
    score = Decimal(number) if number % 2 else Decimal("0.25") + number
    return (number, name, score, date(1990, 1, 1), moment, time(8, 30), number % 2 == 0, note, None)


def people(count: int, *changed: Row) -> Content:
    """So many, of whom some are others."""
    rows = [person(i) for i in range(count)]
    for row in changed:
        rows[row[0]] = row  # type: ignore[index]
    return Content(PEOPLE, rows)
