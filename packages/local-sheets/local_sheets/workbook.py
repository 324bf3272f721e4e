"""A spreadsheet as formulas see it: values of areas, number formats, named ranges, the time."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_sheets.a1 import Area
from local_sheets.formulas.operands import Rows
from local_sheets.model.cell import effective, number_format_of
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab


class SpreadsheetWorkbook:
    """Serves one evaluation or one round of them; titles are looked up without regard to case."""

    def __init__(self, sheet: Spreadsheet) -> None:
        self._sheet = sheet
        self._tabs = {tab.title.casefold(): tab for tab in sheet.tabs}
        self._now: datetime | None = None

    @property
    def locale(self) -> str:
        return self._sheet.locale

    def tab(self, title: str) -> str | None:
        """The tab's own spelling of its title, None when there is no such tab."""
        found = self._tabs.get(title.casefold())
        return None if found is None else found.title

    def find(self, title: str) -> Tab:
        return self._tabs[title.casefold()]

    def size(self, title: str) -> tuple[int, int]:
        """Rows and columns of the grid."""
        tab = self.find(title)
        return tab.row_count, tab.column_count

    def values(self, title: str, row0: int, row1: int, col0: int, col1: int) -> Rows:
        """Effective values; rows may be shorter than the area, and rows at its end may be missing."""
        tab = self.find(title)
        return [[effective(cell) for cell in cells] for cells in tab.read(Rect(tab, row0, row1, col0, col1))]

    def number_format(self, title: str, row: int, col: int) -> dict[str, Any] | None:
        """The number format that a cell is shown with."""
        found = number_format_of(self.find(title).cell(row, col))
        return None if found is None else dict(found)

    def named_range(self, name: str) -> Area | None:
        """The area of a named range, whatever the case of its name."""
        areas = self._sheet.named_areas()
        folded = name.casefold()
        return next((area for key, area in areas.items() if key.casefold() == folded), None)

    def now(self) -> datetime:
        """The present moment in the spreadsheet's time zone, the same for all formulas of a round."""
        if self._now is None:
            try:
                zone = ZoneInfo(str(self._sheet.properties.get("timeZone") or "Etc/GMT"))
            except (ZoneInfoNotFoundError, ValueError):
                zone = ZoneInfo("Etc/GMT")
            self._now = datetime.now(zone).replace(tzinfo=None)
        return self._now
