"""Judges edits that people made beside each other: each is found in the ledger and in the database's history of values.

Pure. A cell may be typed into often, and a tick has two values only, so that what happened is told by order: the edits of a
cell, the lines of the ledger and the database's values each in theirs, and what the cell showed before somebody typed.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from benchmarks.edit_checker import plain
from benchmarks.edit_values import Change
from sheets_pipeline.edits.ledger import OPEN, Edit, State
from sheets_pipeline.sync.merge import Unknown

Cell = tuple[str, str, str]  # tab, key, column

#: Typing what the cell shows changes nothing, and no spreadsheet tells of it.
AS_SHOWN = "no edit: the cell showed it"
#: The script reads the cell when it runs: it cannot tell of a value that was typed over within so many seconds.
OVER_SECONDS = 2.0
TYPED_OVER = "typed over within seconds"


@dataclass(slots=True)
class Typed:
    """An edit that the page took, and what the cell showed when it was made; ``state`` and ``committed`` are found later."""

    tab: str
    key: str
    column: str
    value: str
    began: float
    user: str = ""
    shown: str | None = None
    committed: float | None = None
    state: str | None = None

    @property
    def cell(self) -> Cell:
        """Where."""
        return self.tab, self.key, self.column


def judge(typed: Sequence[Typed], changes: Iterable[Change], ledger: Iterable[Edit]) -> dict[str, Any]:
    """Times to the commit, final states, and what is wrong."""
    history = _by_cell(changes, lambda one: (one.tab, one.key, one.column))
    rows = _by_cell(ledger, lambda row: (row.tab, row.row_key, row.column))
    wrong, lines = Counter[str](), list[str]()
    for cell, edits in _by_cell(typed, lambda one: one.cell).items():
        edits.sort(key=lambda one: one.began)
        begin = edits[0].began
        mine = [row for row in rows[cell] if row.seen_at.timestamp() >= begin]
        for kind, where in _judged(edits, mine, [one for one in history[cell] if one.seen_at >= begin]):
            wrong[kind] += 1
            lines.append(f"{kind}: {cell} {where}")
    seconds = sorted(one.committed - one.began for one in typed if one.committed is not None)
    states = Counter(str(one.state) for one in typed)
    return {"edits": len(typed), **spread(seconds), "states": dict(states), "wrong": dict(wrong), "lines": lines[:20]}


def _judged(edits: Sequence[Typed], rows: list[Edit], changes: list[Change]) -> Iterator[tuple[str, Any]]:
    """What is wrong with one cell; sets states and times of its edits."""
    edit_of: dict[int, Typed] = {}
    for row in sorted(rows, key=lambda one: one.id):
        # Noted after it was made: of several of this value it is the latest that nothing tells of yet.
        before = [one for one in edits if one.state is None and one.began <= row.seen_at.timestamp()]
        edit = next((one for one in reversed(before) if plain(one.value) == plain(row.typed)), None)
        if edit is None:
            yield "in the ledger, typed by nobody", (row.id, row.typed, row.state.value)
            continue
        edit.state, edit_of[row.id] = row.state.value, edit
        if row.state in OPEN:
            yield "open", (row.id, row.reason)
    for number, edit in enumerate(edits):
        if edit.state is None:
            after = edits[number + 1].began if number + 1 < len(edits) else edit.began + 2 * OVER_SECONDS
            edit.state = _unseen(edit, after)
        if edit.state == "lost":
            yield "lost", (edit.value, edit.shown, edit.began)
        if number and _is_put_back(edits[number - 1], edit):
            yield "put back without a word", (edits[number - 1].value, edit.shown, edit.began)
    yield from _compared(rows, changes, edit_of)


def _unseen(edit: Typed, after: float) -> str:
    """What became of an edit that is not in the ledger; the next one of the cell was made ``after``."""
    if plain(edit.shown) == plain(edit.value):
        return AS_SHOWN
    return TYPED_OVER if after - edit.began < OVER_SECONDS else "lost"


def _is_put_back(earlier: Typed, edit: Typed) -> bool:
    """Whether the cell showed something else than what was typed there last, and was taken."""
    return earlier.state in (State.APPLIED, State.SAME) and plain(edit.shown) != plain(earlier.value)


def _compared(rows: list[Edit], changes: list[Change], edit_of: dict[int, Typed]) -> Iterator[tuple[str, Any]]:
    """What the ledger says was written, in its order, beside what the database held, in its order."""
    said = [row for row in rows if row.state is State.APPLIED and plain(row.in_database) != plain(_stored(row))]
    said.sort(key=lambda row: (row.settled_at or row.seen_at, row.id))
    changes.sort(key=lambda one: one.seq)
    match = SequenceMatcher(
        None, [plain(_stored(row)) for row in said], [plain(one.new) for one in changes], autojunk=False
    )
    for kind, first, end, start, stop in match.get_opcodes():
        if kind == "equal":
            for row, change in zip(said[first:end], changes[start:stop], strict=True):
                if row.id in edit_of:
                    edit_of[row.id].committed = change.seen_at
            continue
        for row in said[first:end]:
            yield "said applied, not in the database", (row.id, row.typed)
        for change in changes[start:stop]:
            yield "changed by nobody's edit", (change.old, change.new, change.app)


def _stored(row: Edit) -> Any:
    return row.typed if isinstance(row.stored, Unknown) else row.stored


def _by_cell(some: Iterable[Any], cell_of: Callable[[Any], Cell]) -> dict[Cell, list[Any]]:
    cells: dict[Cell, list[Any]] = defaultdict(list)
    for one in some:
        cells[cell_of(one)].append(one)
    return cells


def spread(seconds: Sequence[float]) -> dict[str, float | None]:
    """Median, 95th percentile and the most, in seconds."""
    if len(seconds) < 2:
        return {"median": None, "p95": None, "most": None}
    ranks = statistics.quantiles(seconds, n=20, method="inclusive")
    return {"median": round(statistics.median(seconds), 3), "p95": round(ranks[18], 3), "most": round(max(seconds), 3)}
