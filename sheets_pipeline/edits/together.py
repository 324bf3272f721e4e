"""Edits of many rows of a tab in one transaction: what a paste, a fill or a sort leaves to be applied.

What is out of the ordinary in a row (the database refuses it, somebody has it locked, a sync is writing it, it is not found)
leaves that row as it was: it is settled alone afterwards, as it would have been without the others.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import sqlalchemy as sa

from sheets_pipeline.database.edit_batch import Change, TargetRows
from sheets_pipeline.database.edit_refusals import Kind, refusal
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.base import bases_of
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.row import Row, Wish, note_ends
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.values import Misfit

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Writing:
    """What is to be written for a row in one table: its number there, and wishes."""

    target: TargetRows
    number: int
    held: dict[str, object]
    wishes: list[Wish]

    @property
    def change(self) -> Change:
        return self.number, self.held, {wish.target: wish.value for wish in self.wishes}


@dataclass(slots=True)
class _Planned:
    """A row, and what is to be written for it, table by table."""

    row: Row
    writings: list[_Writing] = field(default_factory=list)

    @property
    def shape(self) -> list[tuple[int, tuple[str, ...]]]:
        """Tables and columns: rows of one shape are written by the same statements."""
        return [(id(one.target), tuple(wish.target for wish in one.wishes)) for one in self.writings]


class _NotAsRead(Exception):
    """A row did not hold any more what it was read to hold."""


class Together:
    """The new edits of rows of one tab, in open transactions."""

    def __init__(self, platform: sa.Connection, state: sa.Connection) -> None:
        self.platform, self.state = platform, state

    def settle(
        self, declared: Callable[[str, str], Tab | None], tab_id: int, keys: Sequence[str]
    ) -> tuple[list[State], list[str]]:
        """Settle what can be settled together: the states in which edits ended, and the keys of rows that are left."""
        edits = ledger.claimed(self.state, tab_id, keys, skip_locked=True)
        by_key: dict[str, list[Edit]] = {}
        for edit in edits:
            by_key.setdefault(edit.row_key, []).append(edit)
        whole = {edit.row_key for edit in edits if edit.column == ledger.ROW}
        if not edits or (tab := declared(edits[0].spreadsheet_id, edits[0].tab)) is None:
            return [], list(by_key)
        bases = bases_of(self.state, tab_id, by_key, skip_locked=True)
        rows = [
            Row(self.platform, self.state, tab, mine, base)
            for key, mine in by_key.items()
            if (base := bases.get(key)) and key not in whole
        ]
        done = self._written(self._planned(rows))
        states = note_ends(self.platform, self.state, tab, [one.row for one in done])
        settled = {one.row.key for one in done}
        return states, [key for key in by_key if key not in settled]

    def _planned(self, rows: Sequence[Row]) -> list[_Planned]:
        """Rows with what is to be written for them; those that are not found are left out."""
        planned = {row.key: _Planned(row) for row in rows}
        by_table: dict[str, dict[str, list[Edit]]] = {}
        for row in rows:
            for table, edits in row.by_table().items():
                by_table.setdefault(table, {})[row.key] = edits
        for table, edits_of in by_table.items():
            asked = {key: edits for key, edits in edits_of.items() if key in planned}
            found = self._found(table, [planned[key].row for key in asked], asked)
            for key, edits in asked.items():
                if key not in found:
                    del planned[key]
                    continue
                target, number, held = found[key]
                if wishes := planned[key].row.wishes(edits, held):
                    planned[key].writings.append(_Writing(target, number, held, wishes))
        return list(planned.values())

    def _found(
        self, table: str, rows: Sequence[Row], edits: dict[str, list[Edit]]
    ) -> dict[str, tuple[TargetRows, int, dict[str, object]]]:
        keys = {}
        for row in rows:
            try:
                keys[row.key] = row.target_key(table)
            except (LookupError, Misfit):  # said when it is settled alone
                continue
        if not keys:
            return {}
        columns = dict.fromkeys(name for row in rows for name in row.target_columns(edits[row.key]))
        target = TargetRows(self.platform, table, list(keys.values()), list(columns))
        held = target.read(range(len(keys)), lock=True)
        return {key: (target, n, held[n]) for n, key in enumerate(keys) if n in held}

    # Writing --------------------------------------------------------------------------------------------------------------

    def _written(self, planned: Sequence[_Planned]) -> list[_Planned]:
        """Those that the database took, or for which nothing is to be written."""
        done = list(self._taken(planned))
        numbers: dict[TargetRows, set[int]] = {}
        for writing in (writing for one in done for writing in one.writings):
            numbers.setdefault(writing.target, set()).add(writing.number)
        held = {target: target.read(some) for target, some in numbers.items()}
        for one in done:
            for writing in one.writings:
                one.row.written(writing.wishes, held[writing.target].get(writing.number))
        return done

    def _taken(self, planned: Sequence[_Planned]) -> Iterator[_Planned]:
        """Write them all; where the database refuses that, the first half and then the other, down to single rows."""
        if self._attempt(planned):
            yield from planned
        elif len(planned) > 1:
            middle = len(planned) // 2
            yield from self._taken(planned[:middle])
            yield from self._taken(planned[middle:])

    def _attempt(self, planned: Sequence[_Planned]) -> bool:
        try:
            with self.platform.begin_nested():
                for _, some in groupby(planned, lambda one: one.shape):
                    self._write(list(some))
        except _NotAsRead:
            return False
        except Exception as error:
            if refusal(error).kind is not Kind.REFUSED:
                raise
            return False
        return True

    def _write(self, rows: Sequence[_Planned]) -> None:
        for i, first in enumerate(rows[0].writings):
            if not first.target.change([row.writings[i].change for row in rows]):
                raise _NotAsRead
