"""How long changes have been waiting for each tab, however long the queue is.

Events of one kind that wait for the same tabs touch the same ones, so the oldest of them stands for all.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.event_faults import number, readable_moment
from sheets_pipeline.database.event_keys import OwnRows
from sheets_pipeline.database.event_table import Event, pending_event, utc_now
from sheets_pipeline.database.events import affected_keys
from sheets_pipeline.platform.tables import quizzes
from sheets_pipeline.sync.health import TabWait
from sheets_pipeline.sync.tab import Column


def waiting(connection: sa.Connection, own_tabs: Mapping[str, OwnRows] | None = None) -> dict[str, TabWait]:
    """Tab title → number and age of the events that wait for it; tabs without any are left out.

    ``own_tabs`` are tabs with entities of their own, by title.
    """
    any_key = {title: OwnRows(rows.entities, (Column("key"),)) for title, rows in (own_tabs or {}).items()}
    columns = pending_event.c
    course = sa.func.coalesce(columns.course_id, quizzes.c.course_id)
    groups = (
        sa.select(
            sa.func.min(columns.id).label("first_id"),
            sa.func.count().label("events"),
            sa.func.min(readable_moment(columns.created_at), type_=columns.created_at.type).label("since"),
        )
        .select_from(pending_event.outerjoin(quizzes, quizzes.c.id == columns.quiz_id))
        .where(columns.set_aside_at.is_(None))
        .group_by(columns.entity, columns.kind, course.is_(None), columns.user_id.is_(None), columns.waits_for)
        .subquery()
    )
    query = (
        sa.select(*_COLUMNS, course.label("of_course"), groups.c.events, groups.c.since, _now().label("now"))
        .select_from(pending_event.outerjoin(quizzes, quizzes.c.id == columns.quiz_id))
        .join(groups, groups.c.first_id == columns.id)
    )
    waits: dict[str, TabWait] = {}
    for row in connection.execute(query).mappings().all():
        age = max(0.0, (row["now"] - row["since"]).total_seconds()) if row["since"] else 0.0
        for title in affected_keys(connection, [_event(row)], any_key):
            known = waits.get(title, TabWait(0, age))
            waits[title] = TabWait(known.events + row["events"], max(age, known.oldest_seconds or 0.0))
    return waits


def _now() -> sa.ColumnElement[Any]:
    return sa.type_coerce(utc_now(), pending_event.c.created_at.type)


#: Without the moments, which may be none and are not needed.
_COLUMNS = [
    column for column in pending_event.columns if column.name in {*Event._fields} - {"created_at", "set_aside_at"}
]


def _event(row: sa.RowMapping) -> Event:
    values = {column.name: row[column.name] for column in _COLUMNS}
    # The oldest may be malformed, the others of its group need not be: any key stands for them.
    key = values["key"] if number(values["key"]) is not None else "0"
    return Event(**values | {"course_id": row["of_course"], "key": key, "created_at": row["now"], "set_aside_at": None})
