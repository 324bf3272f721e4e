"""Judges a history of edits: what people typed, each value the database ever held, the ledger, and both sides at the end.

Pure: no part of it asks the system that is judged. Values are compared as texts that ``plain`` makes.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.edit_values import Change
from sheets_pipeline.edits.ledger import OPEN, Edit, State
from sheets_pipeline.sync.merge import Unknown

Cell = tuple[str, str, str]  # tab, key, column

#: States in which the ledger says that the database took the value.
_TAKEN = (State.APPLIED, State.UNDONE)
#: What a finding is counted as; all of these are to be 0.
DAMAGE = {
    "lost": "edits that the page took, the last of their cell, and the ledger does not know",
    "not final": "edits that never came to a final state",
    "applied twice": "values that the pipeline wrote more often than edits ask for",
    "said, not done": "edits that the ledger calls applied and the database never held",
    "buried": "values of the application written over by an edit that was typed over another value",
    "disagree": "editable cells in which tab and database differ at the end",
    "harmed": "people's notes and colours that are gone or on another row",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """An edit that a person made; ``is_sure`` where the page said that it took it. Each value is typed once per cell."""

    tab: str
    key: str
    column: str
    value: str
    at: float
    is_sure: bool = True

    @property
    def cell(self) -> Cell:
        """Where."""
        return self.tab, self.key, self.column


@dataclass
class Findings:
    """Counts of damage and of what happened, and a line for each damage."""

    damage: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def add(self, kind: str, where: Any) -> None:
        """Count one."""
        self.damage[kind] += 1
        self.lines.append(f"{kind}: {where}")


def plain(value: Any) -> str | None:
    """A value as a text that is the same for both sides: numbers with two decimals, blank as None."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return f"{float(value):.2f}"
    except (TypeError, ValueError):
        return str(value)


def check(
    typed: Sequence[Typed], changes: Iterable[Change], ledger: Sequence[Edit], sheet_wins: Collection[str] = ()
) -> Findings:
    """What of the history is wrong, apart from how both sides are at the end; ``sheet_wins`` names columns declared so."""
    found, rows, past = Findings(), _by_cell(ledger, _cell_of), _by_cell(changes, _cell_of_change)
    for row in ledger:
        found.told[f"{row.state.value} ({row.seen_by})"] += 1
        if row.state in OPEN:
            found.add("not final", (row.id, *_cell_of(row), row.state.value, row.reason))
    _check_typed(found, typed, rows)
    for cell in rows.keys() | past.keys():
        _check_cell(found, cell, rows.get(cell, []), past.get(cell, []))
        if cell[2] not in sheet_wins:
            _check_buried(found, cell, rows.get(cell, []), past.get(cell, []))
    return found


def _check_typed(found: Findings, typed: Sequence[Typed], rows: Mapping[Cell, list[Edit]]) -> None:
    last = {edit.cell: edit for edit in sorted(typed, key=lambda one: one.at)}
    for edit in typed:
        if any(plain(row.typed) == plain(edit.value) for row in rows.get(edit.cell, ())):
            found.told["edits that are in the ledger"] += 1
        elif not edit.is_sure:
            found.told["edits of which the page gave no answer, and nobody saw one"] += 1
        elif last[edit.cell] is not edit:
            found.told["edits that the person typed over before anybody saw them"] += 1
        else:
            found.add("lost", (*edit.cell, edit.value, edit.at))


def _check_cell(found: Findings, cell: Cell, rows: list[Edit], past: list[Change]) -> None:
    ours = [change for change in past if change.is_ours]
    taken = [row for row in rows if row.state in _TAKEN and plain(row.stored) != plain(row.in_database)]
    written, asked = Counter(plain(one.new) for one in ours), Counter(plain(row.stored) for row in taken)
    for value, number in (written - asked).items():
        found.damage["applied twice"] += number
        found.lines.append(f"applied twice: {cell} {value}")
    for value, number in (asked - written).items():
        found.damage["said, not done"] += number
        found.lines.append(f"said, not done: {cell} {value}")


def _check_buried(found: Findings, cell: Cell, rows: list[Edit], past: list[Change]) -> None:
    before: Change | None = None
    taken = [row for row in rows if row.state in _TAKEN]
    for change in sorted(past, key=lambda one: one.seq):
        if change.is_ours and before is not None and not before.is_ours:
            by = [row for row in taken if plain(row.stored) == plain(change.new)]
            if by and not any(isinstance(row.base, Unknown) or plain(row.base) == plain(before.new) for row in by):
                found.add("buried", (*cell, before.new, change.new))
        before = change


def check_end(found: Findings, sheet: Mapping[Cell, Any], database: Mapping[Cell, Any]) -> None:
    """Whether both sides hold the same in the end, where both have the row."""
    for cell in sheet.keys() & database.keys():
        if plain(sheet[cell]) != plain(database[cell]):
            found.add("disagree", (*cell, sheet[cell], database[cell]))


def _cell_of(row: Edit) -> Cell:
    return row.tab, row.row_key, row.column


def _cell_of_change(change: Change) -> Cell:
    return change.tab, change.key, change.column


def _by_cell(some: Iterable[Any], cell_of: Any) -> dict[Cell, list[Any]]:
    cells: dict[Cell, list[Any]] = defaultdict(list)
    for one in some:
        cells[cell_of(one)].append(one)
    return cells
