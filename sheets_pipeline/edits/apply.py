"""Applying edits: what waits in the ledger goes into the database, row by row, each in one transaction, or many rows in one.

One transaction holds the change, the edit's state and the base of the cell, where the ledger and the platform share a
database. Where they do not, the platform's is committed first: what is lost between the two is looked at again, the database
holds it by then, and nothing is written twice.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database.edit_refusals import Kind, Refusal, refusal
from sheets_pipeline.database.edit_target import bound
from sheets_pipeline.database.state import sync_tab
from sheets_pipeline.edits import ledger, notes
from sheets_pipeline.edits.base import base_of, note_base
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.places import editable_tab
from sheets_pipeline.edits.row import Later, Row
from sheets_pipeline.edits.row_undo import take_back
from sheets_pipeline.edits.together import Together
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.tab import Tab

logger = logging.getLogger(__name__)

#: Attempts that may fail unexpectedly, and the pauses after them.
MOST_ATTEMPTS = 5
_PAUSES = (1.0, 5.0, 30.0, 120.0)
#: A row that somebody else has locked is tried again after so long, however often: that is no failure of the edit.
_LOCKED_SECONDS = 2.0
#: So often a deadlock is tried again at once.
_DEADLOCKS = 3
_ROWS_AT_ONCE = 200
#: Rows of one transaction: while it is open, nobody else changes them.
_ROWS_TOGETHER = 100


@dataclass(slots=True)
class Counts:
    """What became of edits."""

    by_state: dict[str, int] = field(default_factory=dict)

    def add(self, state: State) -> None:
        """Count one."""
        self.by_state[state.value] = self.by_state.get(state.value, 0) + 1

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_state.values())


def apply_due(pipeline: Ends, *, tab: str | None = None, seconds: float = 30.0) -> Counts:
    """Apply edits that are due, of one tab or of all, until all have had their turn or the time is over.

    Does nothing where EDITS_ENABLED is not set.

    Raises:
        DatabaseError: The database of the ledger cannot be reached.
    """
    counts = Counts()
    if not pipeline.settings.edits_on:
        return counts
    declared = partial(editable_tab, pipeline)
    end, tried = time.monotonic() + seconds, set[tuple[int, str]]()
    while time.monotonic() < end:
        with pipeline.state.connect() as connection:
            chosen = None if tab is None else _tab_ids(connection, tab)
            due = ledger.due(connection, _ROWS_AT_ONCE, chosen)
        rows = [row for row in due if row not in tried]
        for tab_id, row_keys in _by_tab(rows):
            tried.update((tab_id, key) for key in row_keys)
            for state in apply_rows(pipeline, declared, tab_id, row_keys):
                counts.add(state)
            if time.monotonic() > end:
                break
        if len(due) < _ROWS_AT_ONCE or not rows:
            break
    return counts


def _by_tab(rows: list[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """So many rows of a tab as one transaction takes, and then the next."""
    keys: dict[int, list[str]] = {}
    for tab_id, row_key in rows:
        keys.setdefault(tab_id, []).append(row_key)
    for tab_id, some in keys.items():
        for first in range(0, len(some), _ROWS_TOGETHER):
            yield tab_id, some[first : first + _ROWS_TOGETHER]


def editable_tabs() -> dict[str, Tab]:
    """The declared tabs that have editable columns, by title."""
    return {asset.tab.title: asset.tab for asset in tab_assets().values() if asset.problem is None and asset.tab.edited}


def _tab_ids(connection: sa.Connection, tab: str) -> list[int]:
    return list(connection.scalars(sa.select(sync_tab.c.id).where(sync_tab.c.tab == tab)))


def apply_rows(
    pipeline: Ends, declared: Callable[[str, str], Tab | None], tab_id: int, row_keys: list[str]
) -> list[State]:
    """Settle the new edits of rows of a tab, together as far as that goes; the states they ended in."""
    states, left = list[State](), row_keys
    if len(row_keys) > 1:
        try:
            with transactions(pipeline) as (platform, state):
                states, left = Together(platform, state).settle(declared, tab_id, row_keys)
        except Exception as error:
            why = refusal(error)
            if why.kind is Kind.AWAY and isinstance(error, DatabaseError):
                raise
            # Not the error itself: it may quote a row.
            logger.info("Edits of %d rows are applied one by one: %s", len(row_keys), why.reason)
            states, left = [], row_keys
    for row_key in left:
        states += apply_row(pipeline, declared, tab_id, row_key)
    return states


def apply_row(pipeline: Ends, declared: Callable[[str, str], Tab | None], tab_id: int, row_key: str) -> list[State]:
    """Settle the new edits of one row of a tab; the states they ended in, none where they wait.

    ``declared`` gives the declared tab of a spreadsheet's id and a title.
    """
    for attempt in range(_DEADLOCKS):
        try:
            with transactions(pipeline) as (platform, state):
                edits = ledger.claimed(state, tab_id, [row_key])
                if not edits:
                    return []
                tab = declared(edits[0].spreadsheet_id, edits[0].tab)
                if tab is None:
                    reason = "no editable tab of this title is declared"
                    ledger.settle(state, [ledger.Ended(edit, State.REJECTED, reason) for edit in edits])
                    return [State.REJECTED] * len(edits)
                return _settled(platform, state, tab, edits)
        except Later as later:
            _postpone(pipeline, tab_id, row_key, later)
            return []
        except Exception as error:
            why = refusal(error)
            if why.kind is Kind.AGAIN and not why.has_waited and attempt + 1 < _DEADLOCKS:
                time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 # so that two do not meet again
                continue
            return _failed(pipeline, tab_id, row_key, error, why)
    return []


def _settled(platform: sa.Connection, state: sa.Connection, tab: Tab, edits: list[Edit]) -> list[State]:
    """Settle edits of one row, in their order: what is done to cells before or after the row itself comes or goes."""
    states: list[State] = []
    for is_row, some in groupby(edits, lambda edit: edit.column == ledger.ROW):
        if is_row:
            states += [take_back(platform, state, tab, edit) for edit in some]
        else:
            states += Row(platform, state, tab, list(some)).settle()
    return states


@contextmanager
def transactions(pipeline: Ends) -> Iterator[tuple[sa.Connection, sa.Connection]]:
    """One transaction for both, or one each; then the platform's is committed first."""
    with ExitStack() as stack:
        state = stack.enter_context(ledger.writing(pipeline.state))
        if pipeline.platform is pipeline.state:
            bound(state)
            yield state, state
            return
        with pipeline.platform.begin() as platform:
            bound(platform)
            ledger.begin_writing(platform)
            yield platform, state


def _postpone(pipeline: Ends, tab_id: int, row_key: str, later: Later) -> None:
    with ledger.writing(pipeline.state) as connection:
        edits = ledger.claimed(connection, tab_id, [row_key])
        ledger.postpone(connection, edits, later.seconds, later.reason, counts=False)


def _failed(pipeline: Ends, tab_id: int, row_key: str, error: Exception, why: Refusal) -> list[State]:
    """An attempt that nobody expected to fail: again after a pause, dead after the fifth."""
    if why.kind is Kind.AWAY and isinstance(error, DatabaseError):
        raise error
    if why.kind is Kind.AGAIN:
        _postpone(pipeline, tab_id, row_key, Later(_LOCKED_SECONDS, why.reason))
        return []
    # Not the error itself: it may quote the row.
    logger.warning("Edits of a row could not be applied: %s (%s)", why.reason, type(error).__name__)
    states = []
    with ledger.writing(pipeline.state) as connection:
        edits = ledger.claimed(connection, tab_id, [row_key])
        for edit in edits:
            # By a rule that is looked at when the transaction ends; a right that is missing may be given yet.
            is_refused = why.kind is Kind.REFUSED and not isinstance(error, DatabaseError)
            reason = why.reason if is_refused else f"{why.reason}; tried {edit.attempts + 1} times"
            if is_refused or edit.attempts + 1 >= MOST_ATTEMPTS:
                ended = ledger.Ended(edit, State.REJECTED if is_refused else State.DEAD, reason)
                ledger.settle(connection, [ended])
                note_base(connection, [([edit], base_of(connection, edit))])
                notes.wish(connection, [ended])
                states.append(ended.state)
            else:
                ledger.postpone(connection, [edit], _PAUSES[edit.attempts], reason, counts=True)
    return states
