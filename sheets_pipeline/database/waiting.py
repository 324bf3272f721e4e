"""How long changes have been waiting for each tab, however long the queue is.

Events of one kind that wait for the same tabs touch the same ones, so the oldest of them stands for all.
"""

from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.event_table import pending_event, utc_now
from sheets_pipeline.database.events import Event, affected_keys
from sheets_pipeline.database.platform import quizzes
from sheets_pipeline.sync.health import TabWait


def waiting(connection: sa.Connection) -> dict[str, TabWait]:
    """Tab title → number and age of the events that wait for it; tabs without any are left out."""
    columns = pending_event.c
    course = sa.func.coalesce(columns.course_id, quizzes.c.course_id)
    groups = (
        sa.select(
            sa.func.min(columns.id).label("first_id"),
            sa.func.count().label("events"),
            sa.func.min(columns.created_at).label("since"),
        )
        .select_from(pending_event.outerjoin(quizzes, quizzes.c.id == columns.quiz_id))
        .where(columns.set_aside_at.is_(None))
        .group_by(columns.entity, columns.kind, course.is_(None), columns.user_id.is_(None), columns.waits_for)
        .subquery()
    )
    query = (
        sa.select(pending_event, course.label("of_course"), groups.c.events, groups.c.since, _now().label("now"))
        .select_from(pending_event.outerjoin(quizzes, quizzes.c.id == columns.quiz_id))
        .join(groups, groups.c.first_id == columns.id)
    )
    found: dict[str, TabWait] = {}
    for row in connection.execute(query).mappings().all():
        age = max(0.0, (row["now"] - row["since"]).total_seconds())
        for title in affected_keys(connection, [_event(row)]):
            known = found.get(title, TabWait(0, age))
            found[title] = TabWait(known.events + row["events"], max(age, known.oldest_seconds or 0.0))
    return found


def _now() -> sa.ColumnElement[Any]:
    return sa.type_coerce(utc_now(), pending_event.c.created_at.type)


def _event(row: sa.RowMapping) -> Event:
    return Event(**{name: row["of_course"] if name == "course_id" else row[name] for name in Event._fields})
