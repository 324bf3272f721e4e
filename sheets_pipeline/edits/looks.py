"""Which tabs are to be read soon: people did something there that no message tells in full, or a row waits for its time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit_message
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.row_tables import sheet_tab_look
from sheets_pipeline.database.state import sync_tab
from sheets_pipeline.database.store import insert_ignore
from sheets_pipeline.edits.ledger import now, writing

#: So soon a tab is read when it is asked for, as more may come at once; and never again before so long. In seconds.
SOON_SECONDS, APART_SECONDS = 0.5, 3.0
#: Whoever reads a tab has so long until another tries, in seconds.
_LEASE_SECONDS = 60.0
#: Spreadsheets whose script has sent something within so long are being edited.
_LATELY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A tab that the caller is to read now, ``until`` somebody else may."""

    tab_id: int
    tab: str
    until: datetime


def ask(connection: sa.Connection, tab_id: int, seconds: float = SOON_SECONDS) -> None:
    """Have a tab read in so long; it is read once for all who ask until then."""
    columns = sheet_tab_look.c
    query = sa.select(columns.due_at, columns.looked_at).where(columns.tab_id == tab_id).with_for_update()
    if (row := connection.execute(query).first()) is None:
        insert_ignore(connection, sheet_tab_look, {"tab_id": tab_id})
        row = connection.execute(query).one()
    due = now(connection) + timedelta(seconds=seconds)
    if row.looked_at is not None:
        due = max(due, row.looked_at + timedelta(seconds=APART_SECONDS))
    if row.due_at is None or due < row.due_at:
        connection.execute(sheet_tab_look.update().where(columns.tab_id == tab_id).values(due_at=due))


def poll(engine: sa.Engine, tabs: Collection[str], seconds: float | None) -> None:
    """Have these tabs read that were not read for edits for so long; none where it is None (EDITS_POLL_SECONDS)."""
    if seconds is None:
        return
    columns, of = sheet_tab_look.c, sync_tab.c
    query = sa.select(of.id).outerjoin(sheet_tab_look, columns.tab_id == of.id).where(of.tab.in_(list(tabs)))
    with engine.connect() as connection:
        before = now(connection) - timedelta(seconds=seconds)
        late = columns.due_at.is_(None) & (columns.looked_at.is_(None) | (columns.looked_at <= before))
        ids = list(connection.scalars(query.where(late).order_by(of.id)))
    for tab_id in ids:
        with writing(engine) as connection:
            ask(connection, tab_id, 0)


def ask_after_absence(engine: sa.Engine, tabs: Collection[str]) -> None:
    """Have these tabs read of spreadsheets whose scripts sent something lately: nobody took in what they sent just now."""
    messages, of = sheet_edit_message.c, sync_tab.c
    with writing(engine) as connection:
        lately = messages.received_at >= now(connection) - timedelta(seconds=_LATELY_SECONDS)
        active = sa.select(messages.spreadsheet_id).where(lately)
        query = sa.select(of.id).where(of.tab.in_(list(tabs)), of.spreadsheet_id.in_(active)).order_by(of.id)
        for tab_id in connection.scalars(query).all():
            ask(connection, tab_id, APART_SECONDS)  # not before messages that are being tried again


def claim(engine: sa.Engine, spreadsheet_id: str, tab: str | None) -> Claim | None:
    """The tab of a spreadsheet, or any for None, whose time has come, for this process alone."""
    columns, of = sheet_tab_look.c, sync_tab.c
    due = (columns.due_at <= utc_now()) & (of.id == columns.tab_id) & (of.spreadsheet_id == spreadsheet_id)
    query = sa.select(columns.tab_id, columns.due_at, of.tab).where(due, sa.true() if tab is None else of.tab == tab)
    with writing(engine) as connection:
        for row in connection.execute(query.order_by(columns.due_at)).all():
            moment = now(connection)
            until = moment + timedelta(seconds=_LEASE_SECONDS)
            mine = sheet_tab_look.update().where(columns.tab_id == row.tab_id, columns.due_at == row.due_at)
            if connection.execute(mine.values(due_at=until, looked_at=moment)).rowcount == 1:
                return Claim(row.tab_id, row.tab, until)
    return None


def spreadsheets_due(engine: sa.Engine) -> set[str]:
    """Ids of the spreadsheets in which a tab is to be read by now."""
    columns, of = sheet_tab_look.c, sync_tab.c
    query = sa.select(of.spreadsheet_id).where(columns.due_at <= utc_now(), of.id == columns.tab_id).distinct()
    with engine.connect() as connection:
        return set(connection.scalars(query))


def forget(engine: sa.Engine, spreadsheet_ids: Collection[str]) -> None:
    """Nobody reads these spreadsheets any more."""
    columns, of = sheet_tab_look.c, sync_tab.c
    gone = sa.select(of.id).where(of.spreadsheet_id.in_(list(spreadsheet_ids)))
    with writing(engine) as connection:
        connection.execute(sheet_tab_look.update().where(columns.tab_id.in_(gone)).values(due_at=None))


def finish(engine: sa.Engine, claimed: Claim, seconds: float | None, doubled: Collection[str]) -> None:
    """The tab was read; it is to be read again in so long, or when somebody asks.

    Args:
        engine: Of the pipeline's tables.
        claimed: What ``claim`` gave; whoever has asked since is not forgotten.
        seconds: None where nothing waits.
        doubled: Keys that stand on several rows.
    """
    columns = sheet_tab_look.c
    mine = columns.tab_id == claimed.tab_id
    with writing(engine) as connection:
        due = None if seconds is None else now(connection) + timedelta(seconds=seconds)
        text = orjson.dumps(sorted(doubled)).decode() if doubled else None
        connection.execute(sheet_tab_look.update().where(mine).values(doubled=text))
        connection.execute(sheet_tab_look.update().where(mine, columns.due_at == claimed.until).values(due_at=due))


_DOUBLED = sa.select(sheet_tab_look.c.doubled).where(sheet_tab_look.c.tab_id == sa.bindparam("b_tab"))


def doubled_keys(connection: sa.Connection, tab_id: int) -> set[str]:
    """Keys that stood on several rows of a tab when it was last read."""
    text = connection.scalar(_DOUBLED, {"b_tab": tab_id})
    return set(orjson.loads(text)) if text else set()


def next_due(connection: sa.Connection) -> datetime | None:
    """When the next tab is due; None where none is wanted."""
    moment: datetime | None = connection.scalar(sa.select(sa.func.min(sheet_tab_look.c.due_at)))
    return moment


def are_due_for(connection: sa.Connection, seconds: float) -> bool:
    """Whether a tab has been due for so long."""
    before = now(connection) - timedelta(seconds=seconds)
    return (
        connection.execute(sa.select(sheet_tab_look.c.tab_id).where(sheet_tab_look.c.due_at <= before).limit(1)).first()
        is not None
    )
