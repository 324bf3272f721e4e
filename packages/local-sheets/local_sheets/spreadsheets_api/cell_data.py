"""Cells as the API's ``CellData``, and areas as ``GridData``.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/cells#CellData
"""

import re
from collections.abc import Mapping
from typing import Any

from local_sheets.cell_values.model import to_api
from local_sheets.cell_values.number_format import effective_pattern, render
from local_sheets.condition_values import WRITTEN_AT
from local_sheets.data_filters import metadata_message, metadata_places
from local_sheets.field_mask import Mask
from local_sheets.model.cell import IMPLIED_FORMAT, AnyCell, Cell, effective, number_format_of, unpack
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.spreadsheets_api.defaults import COLUMN_PIXELS, ROW_PIXELS

_LINK = re.compile(r"https?://\S+")


def _only_link(cell: Cell) -> str | None:
    """The address that a cell points to: by its format, by a part of its text, or by being one; None if there are several."""
    runs = (cell.extra or {}).get("textFormatRuns", ())
    own = cell.format.body.get("textFormat", {}) if cell.format is not None else {}
    links = {
        uri for part in (own, *(run.get("format", {}) for run in runs)) if (uri := part.get("link", {}).get("uri"))
    }
    if links:
        return links.pop() if len(links) == 1 else None
    return cell.value if isinstance(cell.value, str) and _LINK.fullmatch(cell.value) else None


class CellDataWriter:
    """Builds ``CellData`` with the fields that a mask shows."""

    def __init__(self, sheet: Spreadsheet, mask: Mask | None) -> None:
        self._sheet = sheet
        self._mask = mask
        self._effective: dict[tuple[int, str], dict[str, Any]] = {}

    def wants(self, name: str) -> bool:
        return self._mask is None or name in self._mask

    def write(self, cell: AnyCell) -> dict[str, Any]:
        """The message for one cell; ``{}`` for an empty one."""
        if cell is None:
            return {}
        full, found = unpack(cell), dict[str, Any]()
        value, shown = full.value, effective(cell)
        if value is not None and self.wants("userEnteredValue"):
            found["userEnteredValue"] = to_api(value)
        if shown is not None and self.wants("effectiveValue"):
            found["effectiveValue"] = to_api(shown)
        if shown is not None and self.wants("formattedValue"):
            found["formattedValue"] = render(shown, number_format_of(cell), self._sheet.locale)
        if full.format is not None and self.wants("userEnteredFormat"):
            found["userEnteredFormat"] = full.format.body
        if (full.format is not None or shown is not None) and self.wants("effectiveFormat"):
            found["effectiveFormat"] = self._effective_format(cell)
        self._write_rest(cell, found)
        return found

    def _write_rest(self, cell: AnyCell, found: dict[str, Any]) -> None:
        full = unpack(cell)
        for name, value in (full.extra or {}).items():
            if not name.startswith("~") and self.wants(name):
                found[name] = value
        if self.wants("hyperlink") and (link := _only_link(full)):
            found.setdefault("hyperlink", link)
        if full.note is not None and self.wants("note"):
            found["note"] = full.note
        if full.validation is not None and self.wants("dataValidation"):
            rule = full.validation.body.items()
            found["dataValidation"] = {name: value for name, value in rule if name != WRITTEN_AT}

    def _effective_format(self, cell: AnyCell) -> dict[str, Any]:
        full = unpack(cell)
        shown = effective(cell)
        kind = "link" if isinstance(full.value, str) and _LINK.fullmatch(full.value) else type(shown).__name__
        implied = (full.extra or {}).get(IMPLIED_FORMAT)
        key = (0 if full.format is None else full.format.key, kind + str(implied))
        if key not in self._effective:
            own = {} if full.format is None else full.format.body
            if implied and "numberFormat" not in own:
                own = {**own, "numberFormat": implied}
            self._effective[key] = self._merge_format(own, kind)
        return self._effective[key]

    def _merge_format(self, own: Mapping[str, Any], kind: str) -> dict[str, Any]:
        base = self._sheet.properties["defaultFormat"]
        merged = _merged(base, own)
        number_format = own.get("numberFormat")
        if number_format:
            pattern = effective_pattern(number_format, self._sheet.locale)
            shown = {"type": number_format.get("type"), "pattern": pattern} if pattern else dict(number_format)
            merged = {"numberFormat": shown, **{k: v for k, v in merged.items() if k != "numberFormat"}}
        merged.setdefault("hyperlinkDisplayType", "LINKED" if kind == "link" else "PLAIN_TEXT")
        return merged


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The default format with the cell's own over it, field by field; colours are replaced as a whole."""
    found = dict(base)
    for name, value in own.items():
        below = found.get(name)
        nested = isinstance(value, Mapping) and isinstance(below, Mapping) and name in ("textFormat", "padding")
        found[name] = _merged(below, value) if nested and below is not None else value
    return found


def grid_data(sheet: Spreadsheet, area: Rect, mask: Mask | None) -> dict[str, Any]:
    """The API's ``GridData`` of an area, as far as the mask shows it."""
    found: dict[str, Any] = {}
    if area.row0:
        found["startRow"] = area.row0
    if area.col0:
        found["startColumn"] = area.col0
    if mask is None or "rowData" in mask:
        rows = _row_data(sheet, area, mask)
        if rows:
            found["rowData"] = rows
    if mask is None or "rowMetadata" in mask:
        on = _metadata_on(sheet, area.tab, "ROW", range(area.row0, area.row1))
        found["rowMetadata"] = [_row_metadata(area, index, on) for index in range(area.row0, area.row1)]
    if mask is None or "columnMetadata" in mask:
        on = _metadata_on(sheet, area.tab, "COLUMN", range(area.col0, area.col1))
        found["columnMetadata"] = [_column_metadata(area, index, on) for index in range(area.col0, area.col1)]
    return found


def _row_data(sheet: Spreadsheet, area: Rect, mask: Mask | None) -> list[dict[str, Any]]:
    below = None if mask is None else mask.below("rowData")
    writer = CellDataWriter(sheet, None if below is None else below.below("values"))
    rows: list[dict[str, Any]] = []
    for cells in area.tab.read(area):
        values = [writer.write(cell) for cell in cells]
        while values and not values[-1] and cells[len(values) - 1] is None:
            values.pop()
        rows.append({"values": values} if values else {})
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _metadata_on(sheet: Spreadsheet, tab: Tab, kind: str, among: range) -> dict[int, list[Any]]:
    """Developer metadata on some of a tab's rows or columns, by their index."""
    found: dict[int, list[Any]] = {}
    for key, place in metadata_places(sheet).items() if sheet.metadata else ():
        if place.tab is tab and place.kind == kind and place.index is not None and place.index in among:
            found.setdefault(place.index, []).append(metadata_message(sheet.metadata[key], place))
    return found


def _row_metadata(area: Rect, index: int, metadata: dict[int, list[Any]]) -> dict[str, Any]:
    row = area.tab.rows.get(index)
    properties = (row.properties if row is not None else None) or {}
    return _dimension(properties, ROW_PIXELS, metadata.get(index))


def _column_metadata(area: Rect, index: int, metadata: dict[int, list[Any]]) -> dict[str, Any]:
    column = area.tab.column(index)
    properties = (column.properties if column is not None else None) or {}
    return _dimension(properties, COLUMN_PIXELS, metadata.get(index))


def _dimension(properties: Mapping[str, Any], pixels: int, metadata: list[Any] | None) -> dict[str, Any]:
    found = {name: properties[name] for name in ("hiddenByFilter", "hiddenByUser") if properties.get(name)}
    found["pixelSize"] = properties.get("pixelSize", pixels)
    if metadata:
        found["developerMetadata"] = metadata
    return found
