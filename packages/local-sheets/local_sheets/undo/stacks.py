"""What each person can take back, and do again: one stack per page that is open, in memory only, as with Google."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from local_sheets.api_error import ApiError
from local_sheets.engine import Engine
from local_sheets.formulas.shift import Change as Shift
from local_sheets.model.transaction import Transaction
from local_sheets.undo.steps import Step, place_after, step_of
from local_sheets.undo.taking_back import take_back

MOST_STEPS = 100
MOST_PEOPLE = 50
#: Rows held for the steps of all people; beyond them the oldest step of whoever does something goes.
MOST_ROWS = 2_000_000

#: Kinds of changes that are another one when they are taken back.
_OPPOSITES = {"INSERT_ROW": "REMOVE_ROW", "INSERT_COLUMN": "REMOVE_COLUMN", "INSERT_GRID": "REMOVE_GRID"}
_OPPOSITES |= {there: back for back, there in _OPPOSITES.items()}


@dataclass(frozen=True, slots=True)
class Doer:
    """Who acts: a page that is open, and the group that all changes from one cause belong to."""

    client: str
    group: object = field(default_factory=object)


_doer: ContextVar[Doer | None] = ContextVar("doer", default=None)


@contextmanager
def doing(client: str) -> Iterator[None]:
    """Within the block, and in tasks started there, changes are those of this page's person: also what scripts do."""
    token = _doer.set(Doer(client) if client else None)
    try:
        yield
    finally:
        _doer.reset(token)


@dataclass(slots=True)
class _Stacks:
    undo: list[Step] = field(default_factory=list)
    redo: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a step: kind, tab and ranges of a change, see ``page/person_edit.py``."""

    change_type: str = "OTHER"
    sheet_id: int | None = None
    ranges: Sequence[Mapping[str, int]] = ()


class UndoStacks:
    """The steps of all people, of all spreadsheets. Whoever calls ``take`` holds the spreadsheet's lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stacks: OrderedDict[tuple[str, str], _Stacks] = OrderedDict()
        #: Per spreadsheet: rows and columns that came, went or moved, since anybody has steps.
        self._shifts: dict[str, list[tuple[int, Shift]]] = {}
        self._target: ContextVar[list[Step] | None] = ContextVar("undo_target", default=None)
        self._lock = threading.Lock()

    def note(self, tx: Transaction, told: Told) -> dict[str, int | str] | None:
        """Keep a committed change as a step of whoever is acting. Gives whose it is and how many steps they have."""
        spreadsheet_id, doer = tx.spreadsheet.spreadsheet_id, _doer.get()
        with self._lock:
            shifts = self._shifts.get(spreadsheet_id)
            if shifts is not None:
                shifts += tx.shifts
            if doer is None:
                return None
            seen = len(self._shifts.setdefault(spreadsheet_id, []))
            step = step_of(tx, doer.group, told.change_type, told.sheet_id, told.ranges, seen)
            stacks = self._of(spreadsheet_id, doer.client)
            target = self._target.get()
            if step is not None:
                (stacks.undo if target is None else target).append(step)
                if target is None:
                    stacks.redo.clear()
                self._trim(stacks)
            return self._counts(doer.client, stacks)

    def _of(self, spreadsheet_id: str, client: str) -> _Stacks:
        key = (spreadsheet_id, client)
        stacks = self._stacks.setdefault(key, _Stacks())
        self._stacks.move_to_end(key)
        while len(self._stacks) > MOST_PEOPLE:
            (gone, _), _ = self._stacks.popitem(last=False)
            if all(other != gone for other, _ in self._stacks):
                self._shifts.pop(gone, None)
        return stacks

    def _trim(self, stacks: _Stacks) -> None:
        del stacks.undo[:-MOST_STEPS]
        rows = sum(step.rows_held for own in self._stacks.values() for step in (*own.undo, *own.redo))
        while rows > MOST_ROWS and len(stacks.undo) > 1:
            rows -= stacks.undo.pop(0).rows_held

    @staticmethod
    def _counts(client: str, stacks: _Stacks) -> dict[str, int | str]:
        return {"client": client, "undo": len(stacks.undo), "redo": len(stacks.redo)}

    def next_of(self, spreadsheet_id: str, client: str, *, redo: bool) -> Told:
        """What taking the next step back (or doing it again) is told as.

        Raises:
            ApiError: 409, there is nothing.
        """
        with self._lock:
            stacks = self._of(spreadsheet_id, client)
            if not (source := stacks.redo if redo else stacks.undo):
                raise ApiError(409, "There is nothing to redo." if redo else "There is nothing to undo.")
            step = source[-1]
            later = self._later(spreadsheet_id, step)
        kind = _OPPOSITES.get(step.change_type, step.change_type)
        found = [moved for one in step.ranges if (moved := _moved(one, step.sheet_id, later)) is not None]
        return Told(kind, step.sheet_id, found)

    def take(self, spreadsheet_id: str, client: str, *, redo: bool) -> int:
        """Take back the person's last step, or do again what was taken back last. Gives the cells kept for others.

        Raises:
            ApiError: 409, there is nothing, or it cannot be done any more; the step is gone then.
        """
        stacks = self._of(spreadsheet_id, client)
        source, target = (stacks.redo, stacks.undo) if redo else (stacks.undo, stacks.redo)
        group, kept_for_others = source[-1].group if source else None, 0
        with doing(client):
            token = self._target.set(target)
            try:
                while source and source[-1].group is group:
                    kept_for_others += self._take_one(spreadsheet_id, source.pop())
            finally:
                self._target.reset(token)
        return kept_for_others

    def _take_one(self, spreadsheet_id: str, step: Step) -> int:
        later = self._later(spreadsheet_id, step)
        return self._engine.change(spreadsheet_id, lambda tx: take_back(tx, step, later))

    def _later(self, spreadsheet_id: str, step: Step) -> list[tuple[int, Shift]]:
        return self._shifts.get(spreadsheet_id, [])[step.shifts_before :]


def _moved(given: Mapping[str, int], sheet_id: int | None, later: Sequence[tuple[int, Shift]]) -> dict[str, int] | None:
    """Where a range is now, None where its first or last row or column is gone."""
    own = given.get("sheetId", sheet_id)
    shifts = [shift for one, shift in later if one == own]
    found = dict(given)
    for axis in ("Row", "Column"):
        first = place_after(given[f"start{axis}Index"], shifts, is_rows=axis == "Row")
        last = place_after(given[f"end{axis}Index"] - 1, shifts, is_rows=axis == "Row")
        if first is None or last is None:
            return None
        found[f"start{axis}Index"], found[f"end{axis}Index"] = min(first, last), max(first, last) + 1
    return found
