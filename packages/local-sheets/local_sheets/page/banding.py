"""The alternating colours of banded ranges, which belong to no cell's own format."""

from collections.abc import Mapping
from typing import Any

from local_sheets.model.tab import Tab
from local_sheets.page.formats import colour_of


class Bands:
    """The banded ranges of one tab, see
    https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/sheets#BandedRange
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._bands = [band for band in tab.sheet.get("bandedRanges", ()) if band.get("rowProperties")]

    def applies(self, row: int) -> bool:
        """Whether any band may colour cells of this row."""
        return any(self._first(band) <= row < self._end(band) for band in self._bands)

    def colour(self, row: int, column: int) -> str | None:
        """The colour that a band gives a cell."""
        for band in self._bands:
            place = band["range"]
            right = place.get("endColumnIndex", self._tab.column_count)
            if self._first(band) <= row < self._end(band) and place.get("startColumnIndex", 0) <= column < right:
                return self._colour_in(band, row)
        return None

    def _first(self, band: Mapping[str, Any]) -> int:
        return int(band["range"].get("startRowIndex", 0))

    def _end(self, band: Mapping[str, Any]) -> int:
        return int(band["range"].get("endRowIndex", self._tab.row_count))

    def _colour_in(self, band: Mapping[str, Any], row: int) -> str | None:
        properties, offset = band["rowProperties"], row - self._first(band)
        header = colour_of(properties, "headerColor")
        if header is not None:
            if offset == 0:
                return header
            offset -= 1
        if row == self._end(band) - 1 and (footer := colour_of(properties, "footerColor")) is not None:
            return footer
        return colour_of(properties, "firstBandColor" if offset % 2 == 0 else "secondBandColor")
