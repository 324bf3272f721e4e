"""Edits for people and programs: looked up by state, tab, person and time, as JSON, as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.apply import editable_tabs
from sheets_pipeline.edits.base import as_cell, zone_of
from sheets_pipeline.edits.ledger import Edit
from sheets_pipeline.edits.previews import Preview
from sheets_pipeline.edits.which import Which
from sheets_pipeline.sync.cells import Cell, from_serial, json_key
from sheets_pipeline.sync.merge import Unknown
from sheets_pipeline.sync.tab import ColumnType, Tab


def found(engine: sa.Engine, which: Which, limit: int = 100) -> list[Edit]:
    """Edits, newest first."""
    with engine.connect() as connection:
        return ledger.select(connection, *which.conditions(connection), limit=limit, newest=True)


def as_json(edit: Edit, tabs: Mapping[str, Tab] | None = None) -> dict[str, Any]:
    """All that is known of an edit; a key of several columns is a list, ``shown`` are its values as people read them."""
    values = {name: None if isinstance(cell := getattr(edit, name), Unknown) else cell for name in _VALUES}
    values["typed"] = as_cell(edit.typed, zone_of(edit))
    kind = type_of(edit, editable_tabs() if tabs is None else tabs)
    return {
        "id": edit.id,
        "spreadsheet": edit.spreadsheet_id,
        "tab": edit.tab,
        "key": json_key(edit.row_key),
        "column": edit.column,
        "base": values["base"],
        "typed": values["typed"],
        "database": values["in_database"],
        "stored": values["stored"],
        "shown": {_NAMES.get(name, name): text(value, kind) for name, value in values.items()},
        "state": edit.state.value,
        "reason": edit.reason,
        "editor": edit.editor or None,
        "seen_at": edit.seen_at.isoformat(),
        "seen_by": edit.seen_by,
        "applied_at": edit.settled_at.isoformat() if edit.settled_at and edit.state.value == "applied" else None,
        "batch": edit.batch,
        "decided_by": edit.decided_by,
        "undoes": edit.undoes,
    }


_VALUES = ("base", "in_database", "stored")
_NAMES = {"in_database": "database"}


#: Stands for a row that is not there.
NO_ROW = "no row"


def preview_as_json(one: Preview) -> dict[str, Any]:
    """What taking back would do to a cell: from ``now`` to ``then``, both as people read them."""
    edit, tabs = one.taking.first, editable_tabs()
    facts = as_json(edit, tabs)
    return {
        **{name: facts[name] for name in ("tab", "key", "column")},
        "ids": [edit.id for edit in one.taking.edits],
        "now": NO_ROW if edit.is_whole_row and one.held is None else text(one.held, type_of(edit, tabs)),
        "then": NO_ROW if edit.is_whole_row and edit.in_database is None else facts["shown"]["database"],
        "outcome": one.outcome.value,
        "reason": one.reason,
        "later": [as_json(edit, tabs) for edit in one.taking.later],
    }


def type_of(edit: Edit, tabs: Mapping[str, Tab]) -> ColumnType:
    """The type of an edit's column; text where no such column is declared any more."""
    tab = tabs.get(edit.tab)
    return tab.column(edit.column).type if tab is not None and edit.column in tab.edited else ColumnType.TEXT


def text(cell: Cell | dict[str, Cell], kind: ColumnType) -> str:
    """A cell as people read it: dates and moments by ISO 8601, in the spreadsheet's time zone."""
    if cell is None or isinstance(cell, str):
        return cell or ""
    if isinstance(cell, dict):  # of a whole row
        return ", ".join(f"{name}: {text(one, ColumnType.TEXT)}" for name, one in cell.items() if one is not None)
    if isinstance(cell, bool):
        return str(cell).upper()
    try:
        if kind is ColumnType.DATE:
            return from_serial(cell).date().isoformat()
        if kind is ColumnType.DATETIME:
            return from_serial(cell).isoformat(" ", "seconds")
    except OverflowError:  # a number that is no day
        return str(cell)
    return f"{str(round(cell * 100, 10)).removesuffix('.0')}%" if kind is ColumnType.PERCENT else str(cell)


_COLUMNS = ("id", "seen_at", "editor", "tab", "key", "column", "from", "to", "database", "stored", "state", "reason")
_MORE = ("seen_by", "applied_at", "batch", "decided_by", "undoes", "spreadsheet")


def csv_lines(engine: sa.Engine, which: Which, most: int = 100_000, page: int = 1000) -> Iterator[str]:
    """Edits as CSV, newest first, page by page."""
    yield _line([*_COLUMNS, *_MORE])
    before, left, tabs = which.before, most, editable_tabs()
    while left > 0:
        edits = found(engine, replace(which, before=before), min(page, left))
        yield "".join(_line(_csv_row(as_json(edit, tabs))) for edit in edits)
        if len(edits) < page:
            return
        before, left = edits[-1].id, left - len(edits)


def _csv_row(facts: dict[str, Any]) -> Iterable[str]:
    shown = facts["shown"]
    values = facts | {
        "from": shown["base"],
        "to": shown["typed"],
        "database": shown["database"],
        "stored": shown["stored"],
    }
    for name in (*_COLUMNS, *_MORE):
        value = values[name]
        yield "" if value is None else " / ".join(value) if isinstance(value, list) else str(value)


def _line(values: Iterable[str]) -> str:
    """One line; a text that a spreadsheet would take for a formula gets a quote in front."""
    written = io.StringIO()
    csv.writer(written).writerow(
        [f"'{value}" if value[:1] in _FORMULA and not _is_number(value) else value for value in values]
    )
    return written.getvalue()


#: Source: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _is_number(value: str) -> bool:
    try:
        float(value.removesuffix("%"))
    except ValueError:
        return False
    return True
