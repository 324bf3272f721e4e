"""A spreadsheet in memory: properties, tabs, named ranges, developer metadata, and who may open it."""

from __future__ import annotations

import random
from typing import Any

from local_sheets.a1 import Area, format_range, parse_range
from local_sheets.api_error import invalid
from local_sheets.model.cell import SharedPool
from local_sheets.model.tab import Rect, Tab


class Spreadsheet:
    """One spreadsheet. ``tabs`` is in the order in which people see them."""

    def __init__(self, spreadsheet_id: str, properties: dict[str, Any]) -> None:
        self.spreadsheet_id = spreadsheet_id
        self.properties = properties
        self.tabs: list[Tab] = []
        self.named_ranges: list[dict[str, Any]] = []
        #: By metadata id: the ``DeveloperMetadata`` message; where it lives on a row or column is known there.
        self.metadata: dict[int, dict[str, Any]] = {}
        #: Grows with each change of developer metadata.
        self.metadata_version = 0
        #: What ``data_filters.py`` remembers of where metadata lives, with the versions that it holds for.
        self.metadata_index: tuple[object, object] | None = None
        #: Drive's permissions: ``{"id", "type", "role", "emailAddress"}``.
        self.permissions: list[dict[str, Any]] = []
        #: Drive's view of the file: ``createdTime``, ``modifiedTime``, ``parents`` ...
        self.file: dict[str, Any] = {}
        self.pool = SharedPool()

    @property
    def title(self) -> str:
        return str(self.properties["title"])

    @property
    def locale(self) -> str:
        return str(self.properties.get("locale") or "en_US")

    @property
    def cell_count(self) -> int:
        return sum(tab.cell_count for tab in self.tabs)

    def tab_by_id(self, sheet_id: int) -> Tab | None:
        return next((tab for tab in self.tabs if tab.sheet_id == sheet_id), None)

    def tab_by_title(self, title: str) -> Tab | None:
        return next((tab for tab in self.tabs if tab.title == title), None)

    def first_visible(self) -> Tab:
        return next((tab for tab in self.tabs if not tab.properties.get("hidden")), self.tabs[0])

    def area_of(self, text: str) -> Area:
        """The area that a range of a request names, sides still open; the title is always known.

        Raises:
            RangeError: The text is no range, or its tab does not exist.
        """
        area = parse_range(text, {tab.title for tab in self.tabs}, self.named_areas())
        if area.title is None:
            return Area(self.first_visible().title, area.row0, area.row1, area.col0, area.col1)
        return area

    def named_areas(self) -> dict[str, Area]:
        """The areas of all named ranges, by name."""
        areas: dict[str, Area] = {}
        for named in self.named_ranges:
            place = named["range"]
            tab = self.tab_by_id(place.get("sheetId", 0))
            if tab is not None:
                areas[named["name"]] = Area(
                    tab.title,
                    place.get("startRowIndex"),
                    place.get("endRowIndex"),
                    place.get("startColumnIndex"),
                    place.get("endColumnIndex"),
                )
        return areas

    def rect_of(self, area: Area) -> Rect:
        """The area with open sides filled up to the grid.

        Raises:
            ApiError: The area starts outside of the grid.
        """
        tab = self.tab_by_title(area.title or "")
        if tab is None:
            raise invalid(f"Unable to parse range: {area.title}")
        rect = tab.rect(area.row0, area.row1, area.col0, area.col1)
        if rect.row0 >= tab.row_count or rect.col0 >= tab.column_count:
            raise beyond_grid(tab, area)
        return rect

    def new_sheet_id(self) -> int:
        taken = {tab.sheet_id for tab in self.tabs}
        return fresh_id(taken)

    def new_metadata_id(self) -> int:
        return fresh_id(self.metadata.keys())


def fresh_id(taken: Any) -> int:
    """A random positive int32 that is not taken, as Google gives them out."""
    while True:
        candidate = random.randrange(1, 2**31)  # noqa: S311 -- a number for naming, not a secret
        if candidate not in taken:
            return candidate


def beyond_grid(tab: Tab, area: Area) -> Exception:
    """400 for a range that starts, or is to be written, outside of the grid."""
    row1 = area.row1 if area.row1 is None else max(area.row1, (area.row0 or 0) + 1)
    col1 = area.col1 if area.col1 is None else max(area.col1, (area.col0 or 0) + 1)
    text = format_range(tab.title, area.row0, row1, area.col0, col1)
    return invalid(f"Range ({text}) exceeds grid limits. Max rows: {tab.row_count}, max columns: {tab.column_count}")
