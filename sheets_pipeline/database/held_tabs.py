"""Tabs that were switched off while events touched them: the promise to write them as a whole once they are on again.

One row per tab stands for any number of events, so that a tab that is off for months lets no queue grow.
"""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import insert_ignore, state_metadata
from sheets_pipeline.database.types import UtcDateTime

sync_held_tab = sa.Table(
    "sync_held_tab",
    state_metadata,
    sa.Column("spreadsheet_id", ExactText(100), primary_key=True),
    sa.Column("tab", ExactText(100), primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False, comment="when the first event passed it by"),
    comment="Tabs that are switched off and no longer up to date.",
    **UNICODE,
)


def hold(engine: sa.Engine, spreadsheet_id: str, titles: Collection[str]) -> None:
    """Note that events touched these tabs while they were off; before those events are deleted."""
    missing = set(titles) - held(engine, spreadsheet_id)
    if not missing:
        return
    with engine.begin() as connection:
        since = connection.scalar(sa.select(sa.type_coerce(utc_now(), sync_held_tab.c.since.type)))
        for title in sorted(missing):
            row = {"spreadsheet_id": spreadsheet_id, "tab": title, "since": since}
            insert_ignore(connection, sync_held_tab, row)


def held(engine: sa.Engine, spreadsheet_id: str) -> set[str]:
    """Titles of tabs that are to be written as a whole once they are on."""
    query = sa.select(sync_held_tab.c.tab).where(sync_held_tab.c.spreadsheet_id == spreadsheet_id)
    with engine.connect() as connection:
        return set(connection.scalars(query))


def hold_anew(engine: sa.Engine, spreadsheet_id: str, title: str) -> None:
    """Note it with the time of now, also where it is noted already: whoever writes the tab at this moment does not release it."""
    mine = (sync_held_tab.c.spreadsheet_id == spreadsheet_id) & (sync_held_tab.c.tab == title)
    with engine.begin() as connection:
        now = connection.scalar(sa.select(sa.type_coerce(utc_now(), sync_held_tab.c.since.type)))
        row = {"spreadsheet_id": spreadsheet_id, "tab": title, "since": now}
        insert_ignore(connection, sync_held_tab, row)
        connection.execute(sync_held_tab.update().where(mine).values(since=now))


def since(engine: sa.Engine) -> dict[tuple[str, str], datetime]:
    """(id of the spreadsheet, title) → when it was noted, of all."""
    columns = (sync_held_tab.c.spreadsheet_id, sync_held_tab.c.tab, sync_held_tab.c.since)
    with engine.connect() as connection:
        return {(one.spreadsheet_id, one.tab): one.since for one in connection.execute(sa.select(*columns))}


def release(engine: sa.Engine, spreadsheet_id: str, title: str, *, noted_at: datetime | None = None) -> None:
    """Forget the promise: the tab has been written as a whole. With ``noted_at`` only that of then."""
    mine = (sync_held_tab.c.spreadsheet_id == spreadsheet_id) & (sync_held_tab.c.tab == title)
    if noted_at is not None:
        mine &= sync_held_tab.c.since == noted_at
    with engine.begin() as connection:
        connection.execute(sync_held_tab.delete().where(mine))
