"""A rectangle of one tab with all sides known, and how the API names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_sheets.a1 import format_range

if TYPE_CHECKING:
    from local_sheets.model.tab import Tab


@dataclass(frozen=True, slots=True)
class Rect:
    """Rows and columns of a tab, 0-based and half-open."""

    tab: Tab
    row0: int
    row1: int
    col0: int
    col1: int

    @property
    def rows(self) -> int:
        return max(0, self.row1 - self.row0)

    @property
    def columns(self) -> int:
        return max(0, self.col1 - self.col0)

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    def a1(self) -> str:
        """The range as Google echoes it; an empty one is named by the cell it starts at."""
        row1, col1 = max(self.row1, self.row0 + 1), max(self.col1, self.col0 + 1)
        return format_range(self.tab.title, self.row0, row1, self.col0, col1)

    def grid_range(self) -> dict[str, Any]:
        """The API's ``GridRange``; a sheet id of 0 is left out as proto3 does."""
        full = {
            "sheetId": self.tab.sheet_id,
            "startRowIndex": self.row0,
            "endRowIndex": self.row1,
            "startColumnIndex": self.col0,
            "endColumnIndex": self.col1,
        }
        return {k: v for k, v in full.items() if not (k == "sheetId" and v == 0)}

    def meets(self, other: Rect) -> bool:
        """Whether the two have a cell in common."""
        return (
            self.tab is other.tab
            and self.row0 < other.row1
            and other.row0 < self.row1
            and self.col0 < other.col1
            and other.col0 < self.col1
        )

    def holds(self, other: Rect) -> bool:
        """Whether the other one lies inside."""
        return (
            self.tab is other.tab
            and self.row0 <= other.row0
            and other.row1 <= self.row1
            and self.col0 <= other.col0
            and other.col1 <= self.col1
        )
