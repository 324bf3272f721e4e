"""How long changes have been waiting for each tab, however long the queue is.

Events of one table that changed the same columns may touch the same tabs, so the oldest of them stands for all.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from sheets_pipeline.database.event_faults import readable_moment
from sheets_pipeline.database.event_keys import TabEvents
from sheets_pipeline.database.event_table import Event, pending_event, utc_now
from sheets_pipeline.database.touched import waits
from sheets_pipeline.sync.health import TabWait


def waiting(connection: sa.Connection, tabs: Mapping[str, TabEvents]) -> dict[str, TabWait]:
    """Tab title → number and age of the events that may wait for it; tabs without any are left out."""
    columns = pending_event.c
    alike = (columns.entity, columns.kind, columns.changed, columns.waits_for)
    query = (
        sa.select(
            *alike,
            sa.func.count().label("events"),
            sa.func.min(readable_moment(columns.created_at), type_=columns.created_at.type).label("since"),
            sa.type_coerce(utc_now(), columns.created_at.type).label("now"),
        )
        .where(columns.set_aside_at.is_(None))
        .group_by(*alike)
    )
    by_title: dict[str, TabWait] = {}
    for row in connection.execute(query).mappings().all():
        age = max(0.0, (row["now"] - row["since"]).total_seconds()) if row["since"] else 0.0
        event = Event(
            0, row["entity"], "", row["kind"], 1, None, row["changed"], row["now"], 0, None, None, row["waits_for"]
        )
        for title in waits(event, tabs):
            known = by_title.get(title, TabWait(0, age))
            by_title[title] = TabWait(known.events + row["events"], max(age, known.oldest_seconds or 0.0))
    return by_title
