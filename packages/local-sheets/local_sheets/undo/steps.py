"""A step: what one change did to a spreadsheet, held as the states before and after it.

States share rows and blocks of rows with the spreadsheet itself, as these are never changed once they stand, so a step
costs what its change wrote and no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_sheets.formulas.shift import Change as Shift
from local_sheets.formulas.shift import Deleted, Inserted
from local_sheets.model.copying import copied
from local_sheets.model.rows import Block
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Column, Tab
from local_sheets.model.transaction import Change, Transaction


@dataclass(frozen=True, slots=True)
class TabState:
    """A tab at one time."""

    sheet: dict[str, Any]
    columns: list[Column | None]
    blocks: list[Block]

    @classmethod
    def of(cls, tab: Tab) -> "TabState":
        return cls(copied(tab.sheet), list(tab.columns), list(tab.rows.blocks))

    def is_of(self, tab: Tab) -> bool:
        """Whether nobody has changed the tab since."""
        same = len(self.blocks) == len(tab.rows.blocks) and self.sheet == tab.sheet and self.columns == tab.columns
        return same and all(one is other for one, other in zip(self.blocks, tab.rows.blocks, strict=True))

    def put(self, tab: Tab) -> None:
        """Make the tab what it was."""
        tab.sheet, tab.columns = copied(self.sheet), list(self.columns)
        tab.rows.restore(list(self.blocks))


@dataclass(slots=True)
class Step:
    """What one change did. Steps of one ``group`` (a run of a script) are taken back together."""

    group: object
    #: As ``onChange`` of Apps Script names it, with the tab and the ranges that were told of it.
    change_type: str
    sheet_id: int | None
    ranges: Sequence[Mapping[str, int]]
    #: How many changes of rows and columns the spreadsheet had seen when it was over.
    shifts_before: int
    shifts: tuple[tuple[int, Shift], ...]
    tabs: list[tuple[Tab, TabState, TabState]]
    order: tuple[list[Tab], list[Tab]]
    outside: tuple[dict[str, Any], dict[str, Any]]
    metadata: dict[int, tuple[dict[str, Any] | None, dict[str, Any] | None]]
    changes: list[Change] = field(default_factory=list)
    #: How many rows are held for it alone, about.
    rows_held: int = field(init=False)

    def __post_init__(self) -> None:
        alone = (block for _, before, after in self.tabs for block in _only_in(before.blocks, after.blocks))
        self.rows_held = sum(len(block.rows) for block in alone)


def _only_in(one: Sequence[Block], other: Sequence[Block]) -> list[Block]:
    known = {id(block) for block in other}
    return [block for block in one if id(block) not in known]


def step_of(
    tx: Transaction,
    group: object,
    change_type: str,
    sheet_id: int | None,
    ranges: Sequence[Mapping[str, int]],
    shifts_before: int,
) -> Step | None:
    """The step of a committed change, None where it changed nothing that can be taken back."""
    sheet = tx.spreadsheet
    tabs = [
        (tab, TabState(before.sheet, before.columns, before.blocks), TabState.of(tab))
        for tab, before in tx.tabs_before.values()
    ]
    known = [*tx.before.tabs, *(tab for tab, _, _ in tabs)]
    fresh = [tab for tab in sheet.tabs if all(tab is not other for other in known)]
    tabs += [(tab, TabState.of(tab), TabState.of(tab)) for tab in fresh]  # others may write into them
    properties, names = tx.before.properties, tx.before.named_ranges
    outside = _outside(properties, names), _outside(sheet.properties, sheet.named_ranges)
    order = list(tx.before.tabs), list(sheet.tabs)
    metadata = {key: (before, sheet.metadata.get(key)) for key, before in tx.metadata_before.items()}
    same_order = len(order[0]) == len(order[1]) and all(a is b for a, b in zip(*order, strict=True))
    if same_order and outside[0] == outside[1] and not metadata and all(before == after for _, before, after in tabs):
        return None
    changes = [change for change in tx.changes if change.kind != "results"]
    return Step(
        group, change_type, sheet_id, ranges, shifts_before, tuple(tx.shifts), tabs, order, outside, metadata, changes
    )


def _outside(properties: dict[str, Any], named_ranges: list[dict[str, Any]]) -> dict[str, Any]:
    """What belongs to no tab; the title stays what it is."""
    kept = {name: value for name, value in properties.items() if name != "title"}
    outside: dict[str, Any] = copied({"properties": kept, "namedRanges": named_ranges})
    return outside


def outside_of(sheet: Spreadsheet) -> dict[str, Any]:
    """What of a spreadsheet belongs to no tab."""
    return _outside(sheet.properties, sheet.named_ranges)


def place_after(index: int, shifts: Sequence[Shift], *, is_rows: bool) -> int | None:
    """Where a row or column is after rows or columns came, went or moved; None where it is gone."""
    for shift in shifts:
        if shift.is_rows != is_rows:
            continue
        if isinstance(shift, Inserted | Deleted):
            span = shift.moved((index, index + 1))
            if span is None:
                return None
            index = span[0]
        else:
            index = shift.place(index)
    return index
