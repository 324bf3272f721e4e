"""How many edits there are, by what became of them and by which way found them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit, sheet_edit_message
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.ledger import State

#: States that a person may have to look at.
LOOK_AT = (State.NEW, State.AWAITING, State.CONFLICT, State.REJECTED, State.DEAD)
#: Ways are compared over this time.
LATELY = timedelta(days=1)
#: So many edits that only reading found tell that the webhook is silent.
SILENT_AFTER = 3


@dataclass(frozen=True, slots=True)
class Traffic:
    """Edits of late and what waits; counts by state are of all that the ledger keeps, those of ways of the last day."""

    by_state: dict[str, int]
    found_by: dict[str, int]
    rejected_lately: int
    last_message: datetime | None
    now: datetime

    @property
    def webhook_is_silent(self) -> bool:
        """Whether reading finds edits of which no message tells."""
        return self.found_by.get("read", 0) >= SILENT_AFTER and not self.found_by.get("webhook")


def waiting(engine: sa.Engine) -> dict[str, int]:
    """How many edits are in which of the states that a person may have to look at."""
    with engine.connect() as connection:
        return _by_state(connection)


def _by_state(connection: sa.Connection) -> dict[str, int]:
    columns = sheet_edit.c
    query = sa.select(columns.state, sa.func.count()).where(columns.state.in_([one.value for one in LOOK_AT]))
    found = {row[0]: row[1] for row in connection.execute(query.group_by(columns.state))}
    return {one.value: found.get(one.value, 0) for one in LOOK_AT}


def traffic(engine: sa.Engine, rejected_within: timedelta = timedelta(hours=1)) -> Traffic:
    """All counts; each comes from an index."""
    columns = sheet_edit.c
    with engine.connect() as connection:
        now = ledger.now(connection)
        ways = (
            sa.select(columns.seen_by, sa.func.count()).where(columns.seen_at >= now - LATELY).group_by(columns.seen_by)
        )
        rejected = (columns.state == State.REJECTED.value) & (columns.settled_at >= now - rejected_within)
        return Traffic(
            by_state=_by_state(connection),
            found_by={row[0]: row[1] for row in connection.execute(ways)},
            rejected_lately=connection.scalar(sa.select(sa.func.count()).where(rejected, columns.decided_by.is_(None)))
            or 0,
            last_message=connection.scalar(sa.select(sa.func.max(sheet_edit_message.c.received_at))),
            now=now,
        )
