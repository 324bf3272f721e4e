"""How many edits there are, by what became of them and by which way found them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit, sheet_edit_message
from sheets_pipeline.database.state import sync_tab
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import State

#: States that a person may have to look at.
LOOK_AT = (State.NEW, State.AWAITING, State.CONFLICT, State.REJECTED, State.DEAD)
#: Ways are compared over this time.
LATELY = timedelta(days=1)
WAYS = ("webhook", "read")
#: Rejections are told of for so long.
REJECTED_LATELY = timedelta(hours=1)
#: So many edits that only reading found tell that the webhook is silent.
SILENT_AFTER = 3


@dataclass(frozen=True, slots=True)
class Traffic:
    """Edits of late and what waits: ``waiting`` by state, all that the ledger keeps; ``found_by`` webhook or read in the last day."""

    enabled: bool
    waiting: dict[str, int]
    found_by: dict[str, int]
    #: Within the last hour, and not by a person.
    rejected_lately: int
    last_message: datetime | None
    #: Whether reading finds edits of which no message tells, though messages are taken.
    webhook_is_silent: bool


def _by_state(connection: sa.Connection) -> dict[str, int]:
    columns = sheet_edit.c
    query = sa.select(columns.state, sa.func.count()).where(columns.state.in_([one.value for one in LOOK_AT]))
    found = {row[0]: row[1] for row in connection.execute(query.group_by(columns.state))}
    return {one.value: found.get(one.value, 0) for one in LOOK_AT}


def traffic(ends: Ends) -> Traffic:
    """All counts; each comes from an index."""
    columns = sheet_edit.c
    with ends.state.connect() as connection:
        now = ledger.now(connection)
        ways = (
            sa.select(columns.seen_by, sa.func.count()).where(columns.seen_at >= now - LATELY).group_by(columns.seen_by)
        )
        found = {row[0]: row[1] for row in connection.execute(ways)}
        found_by = {way: found.get(way, 0) for way in WAYS}
        rejected = (columns.state == State.REJECTED.value) & (columns.settled_at >= now - REJECTED_LATELY)
        query = sa.select(sa.func.count()).where(rejected, columns.decided_by.is_(None))
        return Traffic(
            enabled=ends.settings.edits_on,
            waiting=_by_state(connection),
            found_by=found_by,
            rejected_lately=connection.scalar(query) or 0,
            last_message=connection.scalar(sa.select(sa.func.max(sheet_edit_message.c.received_at))),
            webhook_is_silent=takes_messages(ends)
            and found_by["read"] >= SILENT_AFTER
            and not found_by["webhook"]
            and not _has_told(connection, now - LATELY),
        )


def _has_told(connection: sa.Connection, since: datetime) -> bool:
    """Whether a message told of what people did: one of a long paste asks only for the tab to be read."""
    columns = sheet_edit_message.c
    told = (columns.received_at >= since) & (columns.kind != "probe")
    return connection.execute(sa.select(columns.id).where(told).limit(1)).first() is not None


def takes_messages(ends: Ends) -> bool:
    """Whether the Apps Script is meant to tell of edits; a local spreadsheet gets it by itself."""
    return ends.settings.edits_webhook_secret is not None or ends.settings.spreadsheet_id is None


def settled(connection: sa.Connection, since: datetime, until: datetime) -> dict[tuple[str, str], dict[str, int]]:
    """What became of edits that were settled in a time: spreadsheet and title of the tab → state → how many."""
    columns, of = sheet_edit.c, sync_tab.c
    query = (
        sa.select(of.spreadsheet_id, of.tab, columns.state, sa.func.count())
        .join(sync_tab, of.id == columns.tab_id)
        .where(columns.settled_at > since, columns.settled_at <= until)
        .group_by(of.spreadsheet_id, of.tab, columns.state)
    )
    found: dict[tuple[str, str], dict[str, int]] = {}
    for spreadsheet_id, tab, state, number in connection.execute(query):
        found.setdefault((spreadsheet_id, tab), {})[state] = number
    return found


def waiting_in_tab(connection: sa.Connection, tab: str, seconds: float) -> dict[str, int]:
    """Edits of a tab that nothing goes on with: new for longer than so long, for a person, or dead; by state."""
    columns = sheet_edit.c
    late = (columns.state == State.NEW.value) & (columns.seen_at < ledger.now(connection) - timedelta(seconds=seconds))
    stuck = late | columns.state.in_([State.AWAITING.value, State.DEAD.value])
    tabs = sa.select(sync_tab.c.id).where(sync_tab.c.tab == tab)
    query = sa.select(columns.state, sa.func.count()).where(stuck, columns.tab_id.in_(tabs)).group_by(columns.state)
    return {row[0]: row[1] for row in connection.execute(query)}
