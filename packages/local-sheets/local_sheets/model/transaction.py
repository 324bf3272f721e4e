"""One request's changes to a spreadsheet: all of them or none, in memory as on disk.

A transaction remembers the state before the first change of each part; rolling back puts it back, and the store
finds what to write by comparing. It also notes which cells were changed, for those who watch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from local_sheets.formulas.shift import Change as Shift
from local_sheets.model.copying import copied
from local_sheets.model.protection import check_protection
from local_sheets.model.rows import Block
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Column, Rect, Tab

_serials = count(1)
#: Kind of a change: a grid got more rows or columns at its end, and all else is as it was.
GROWN = "grown"


@dataclass(slots=True)
class TabBefore:
    """A tab as it was. ``sheet`` is a copy, the blocks are the old ones themselves."""

    sheet: dict[str, Any]
    columns: list[Column | None]
    blocks: list[Block]


@dataclass(slots=True)
class SpreadsheetBefore:
    """The parts of a spreadsheet outside of its tabs, as they were."""

    properties: dict[str, Any]
    named_ranges: list[dict[str, Any]]
    permissions: list[dict[str, Any]]
    file: dict[str, Any]
    tabs: list[Tab]


@dataclass(slots=True)
class Change:
    """What watchers are told: a rectangle of a tab was written, or (``area`` None) its shape or look changed."""

    sheet_id: int
    area: Rect | None
    kind: str


@dataclass(slots=True)
class Transaction:
    """Collects what a request changes; see the module's docstring."""

    spreadsheet: Spreadsheet
    #: Names this transaction as the owner of blocks; a number, so that a block does not keep old states alive.
    serial: int = field(default_factory=lambda: next(_serials))
    before: SpreadsheetBefore = field(init=False)
    tabs_before: dict[int, tuple[Tab, TabBefore]] = field(default_factory=dict)
    metadata_before: dict[int, dict[str, Any] | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    #: Rows and columns that came, went or moved, each with its tab; see ``structure.py``.
    shifts: list[tuple[int, Shift]] = field(default_factory=list)
    cells_written: int = 0
    #: The e-mail address of who asks, None for the person at this machine: protected ranges look at it.
    editor: str | None = None
    #: What it changes is a version of its own (``versions.py``).
    begins_version: bool = False
    #: Brings formulas up to date; for whoever reads cells before the transaction is over.
    settle: Callable[[], None] = field(default=lambda: None)

    def __post_init__(self) -> None:
        sheet = self.spreadsheet
        self.before = SpreadsheetBefore(
            copied(sheet.properties),
            copied(sheet.named_ranges),
            copied(sheet.permissions),
            dict(sheet.file),
            list(sheet.tabs),
        )

    def touch(self, tab: Tab) -> None:
        """Remember a tab before its first change."""
        key = id(tab)
        if key not in self.tabs_before:
            before = TabBefore(copied(tab.sheet), list(tab.columns), list(tab.rows.blocks))
            self.tabs_before[key] = (tab, before)

    def note(self, area: Rect, kind: str = "values") -> None:
        """Say that cells of an area were written.

        Raises:
            ApiError: Some of them are protected from who asks.
        """
        check_protection(self.spreadsheet, area, self.editor)
        self.changes.append(Change(area.tab.sheet_id, area, kind))

    def note_result(self, area: Rect) -> None:
        """Say that formulas of an area show other values."""
        self.changes.append(Change(area.tab.sheet_id, area, "results"))

    def note_tab(self, tab: Tab, kind: str) -> None:
        """Say that a tab's shape or look changed."""
        self.changes.append(Change(tab.sheet_id, None, kind))

    def set_metadata(self, key: int, message: dict[str, Any] | None) -> None:
        """Add, replace or (None) delete a piece of developer metadata."""
        current = self.spreadsheet.metadata
        self.spreadsheet.metadata_version += 1
        self.metadata_before.setdefault(key, current.get(key))
        if message is None:
            current.pop(key, None)
        else:
            current[key] = message

    def rollback(self) -> None:
        """Put everything back as it was."""
        sheet, before = self.spreadsheet, self.before
        sheet.properties, sheet.named_ranges = before.properties, before.named_ranges
        sheet.permissions, sheet.file, sheet.tabs = before.permissions, before.file, before.tabs
        for tab, old in self.tabs_before.values():
            tab.sheet, tab.columns = old.sheet, old.columns
            tab.rows.restore(old.blocks)
        sheet.metadata_version += 1
        for key, message in self.metadata_before.items():
            if message is None:
                sheet.metadata.pop(key, None)
            else:
                sheet.metadata[key] = message
