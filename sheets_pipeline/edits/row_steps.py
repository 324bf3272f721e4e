"""What messages tell of rows that have no key yet, or have lost it: who typed their cells, who may have taken rows out."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.row_tables import sheet_row_step
from sheets_pipeline.edits.ledger import ROW, STEPS_KEPT, Edit, now
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.typists import Step, typists

#: No more steps of a tab than so many are looked at.
_MOST = 500
#: Whoever took a row out did it, by their message, so long before it was missed, or its message came so long after.
_BEFORE, _AFTER = timedelta(seconds=60), timedelta(seconds=20)

_COLUMNS = sheet_row_step.c


def note(
    connection: sa.Connection,
    tab_ids: Sequence[int],
    editor: str,
    typed_at: float,
    rows: Sequence[tuple[Mapping[str, Cell], Mapping[str, Cell]]] = (),
) -> None:
    """Note what a person typed in rows (touched cells, the rest of them); without rows, that some may have been taken out."""
    common = {"editor": editor[:254], "typed_at": typed_at, "received_at": utc_now()}
    cells: list[tuple[str | None, str | None]] = [
        (orjson.dumps(touched).decode(), orjson.dumps(rest).decode()) for touched, rest in rows
    ]
    for tab_id in tab_ids:
        for touched, rest in cells or [(None, None)]:
            values = {"tab_id": tab_id, "touched": touched, "rest": rest, **common}
            connection.execute(sheet_row_step.insert().values(values))


def typists_of(connection: sa.Connection, tab_id: int, cells: Mapping[str, Cell]) -> dict[str, set[str]]:
    """Who may have typed each filled editable cell of a new row; a blank stands for somebody unknown."""
    return typists(cells, [step for _, step in _steps(connection, tab_id)])


def forget(connection: sa.Connection, tab_id: int, cells: Mapping[str, Cell]) -> None:
    """The row is inserted: the steps that made it so tell of no other. Old steps go, too."""
    steps = [one for one in _steps(connection, tab_id) if _held(one[1].left) == _held(cells)]
    alike = {frozenset(step.touched): i for i, step in steps}  # rows that hold the same have steps of their own
    old = _COLUMNS.received_at < now(connection) - STEPS_KEPT
    connection.execute(sheet_row_step.delete().where(_COLUMNS.id.in_(list(alike.values())) | old))


def who_took_out(connection: sa.Connection, line: Edit) -> str:
    """Who took out the row of a line; blank where nobody or several may have.

    What was done before another row was missed is not asked: when that was read, this row was still there.
    """
    columns = sheet_edit.c
    others = (columns.tab_id == line.tab_id) & (columns.column_name == ROW) & (columns.row_key != "")
    last = connection.scalar(sa.select(sa.func.max(columns.seen_at)).where(others, columns.seen_at < line.seen_at))
    since = max(filter(None, (last, line.seen_at - _BEFORE)))
    span = _COLUMNS.received_at.between(since, line.seen_at + _AFTER)
    query = sa.select(_COLUMNS.editor).where(_COLUMNS.tab_id == line.tab_id, _COLUMNS.touched.is_(None), span)
    editors = list(connection.scalars(query.distinct()))
    return editors[0] if len(editors) == 1 else ""


def _steps(connection: sa.Connection, tab_id: int) -> list[tuple[int, Step]]:
    query = sa.select(sheet_row_step).where(_COLUMNS.tab_id == tab_id, _COLUMNS.touched.is_not(None))
    rows = connection.execute(query.order_by(_COLUMNS.typed_at.desc(), _COLUMNS.id.desc()).limit(_MOST)).all()
    return [(row.id, Step(row.editor, orjson.loads(row.touched), orjson.loads(row.rest))) for row in reversed(rows)]


def _held(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    return {name: cell for name, cell in cells.items() if cell not in (None, "")}
