"""``CellData`` into cells: what updateCells, repeatCell, appendCells and ``spreadsheets.create`` bring."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.cell_values.model import Value, from_api
from local_sheets.condition_values import WRITTEN_AT, has_formulas
from local_sheets.field_mask import FieldMaskError, Mask, parse_mask
from local_sheets.limits import check_text
from local_sheets.model.cell import AnyCell, Cell, pack, unpack, without_value_fields
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.spreadsheets_api.defaults import with_both_colors
from local_sheets.values_api.writing import stored_number

#: Fields of ``CellData`` that are kept as they come.
_EXTRAS = ("textFormatRuns", "chipRuns", "pivotTable", "dataSourceTable", "dataSourceFormula")

ALL_CELL_FIELDS = parse_mask("userEnteredValue,userEnteredFormat,note,dataValidation,textFormatRuns,chipRuns")


def read_fields(text: str | None) -> Mask:
    """The mask of an update.

    Raises:
        ApiError: It is missing or cannot be read.
    """
    if not text:
        raise invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    try:
        return parse_mask(text)
    except FieldMaskError as error:
        raise invalid(f"Invalid field: {text}") from error


class CellChange:
    """Puts the fields of ``CellData`` that a mask names into cells; a field that is named and missing is cleared."""

    def __init__(self, sheet: Spreadsheet, mask: Mask) -> None:
        self._pool = sheet.pool
        self._mask = mask
        self._value = mask.below("userEnteredValue") is not None
        self._format = mask.below("userEnteredFormat")
        self._note = mask.below("note") is not None
        self._validation = mask.below("dataValidation") is not None
        self._extras = [name for name in _EXTRAS if mask.below(name) is not None]
        self._is_only_value = self._format is None and not (self._note or self._validation or self._extras)

    def apply(self, cell: AnyCell, data: Mapping[str, Any], row: int = 0, col: int = 0) -> AnyCell:
        """The cell after the change; row and column are those for which the formula of a rule is written.

        Raises:
            ApiError: The value is not one that can be entered.
        """
        if self._value and self._only_value(data):
            value = entered_value(data.get("userEnteredValue"))
            if not isinstance(cell, Cell):
                return pack(Cell(value))
            if self._is_only_value and not cell.extra:
                return pack(Cell(value, None, cell.format, cell.validation, cell.note))
        full = unpack(cell)
        if self._value:
            full = replace(full, value=entered_value(data.get("userEnteredValue")), result=None)
        if self._format is not None:
            full = replace(full, format=self._new_format(full, data.get("userEnteredFormat", {})))
        if self._note:
            full = replace(full, note=data.get("note") or None)
        if self._validation:
            full = replace(full, validation=self._pool.intern(validation_body(data.get("dataValidation"), row, col)))
        if self._extras or (self._value and full.extra):
            full = replace(full, extra=self._new_extra(full, data))
        return pack(full)

    def _only_value(self, data: Mapping[str, Any]) -> bool:
        """Whether nothing but a value can come of this, for a cell that holds nothing else."""
        return all(name == "userEnteredValue" or not value for name, value in data.items())

    def _new_format(self, cell: Cell, given: Mapping[str, Any]) -> Any:
        mask = self._format
        if mask is None:
            return cell.format
        old = {} if cell.format is None else dict(cell.format.body)
        return self._pool.intern(normal_format(merge_masked(old, given, mask)))

    def _new_extra(self, cell: Cell, data: Mapping[str, Any]) -> dict[str, Any] | None:
        kept = dict(cell.extra or {})
        if self._value:
            kept = without_value_fields(kept) or {}
        for name in self._extras:
            kept.pop(name, None)
            if data.get(name):
                kept[name] = data[name]
        return kept or None


def merge_masked(old: Mapping[str, Any], given: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    """The old message with the fields that the mask names taken from the given one; missing there, they are gone."""
    if mask.is_everything:
        return dict(given)
    found = dict(old)
    for name in {path.partition(".")[0] for path in mask.paths()}:
        below = mask.below(name)
        if below is None:
            continue
        if below.is_everything:
            found.pop(name, None)
            if name in given:
                found[name] = given[name]
        else:
            merged = merge_masked(found.get(name) or {}, given.get(name) or {}, below)
            found.pop(name, None)
            if merged:
                found[name] = merged
        _forget_twin_color(found, given, name)
    return found


def _forget_twin_color(found: dict[str, Any], given: Mapping[str, Any], name: str) -> None:
    """A colour stands in two fields (``X`` and ``XStyle``): setting one puts the other out of force."""
    twin = (
        name.removesuffix("Style") if name.endswith("ColorStyle") else f"{name}Style" if name.endswith("Color") else ""
    )
    if twin and twin not in given:
        found.pop(twin, None)


_COLORS = ("backgroundColor", "foregroundColor")


def normal_format(body: Mapping[str, Any]) -> dict[str, Any]:
    """A format as Google returns it: colours in both fields, number patterns kept."""
    found = dict(body)
    for name in _COLORS:
        found = with_both_colors(found, name)
    if "textFormat" in found:
        found["textFormat"] = normal_format(found["textFormat"])
    return found


def validation_body(rule: Mapping[str, Any] | None, row: int, col: int) -> dict[str, Any] | None:
    """A validation rule without what proto3 leaves out; a formula in it is written for this row and column."""
    if not rule:
        return None
    found = {name: value for name, value in rule.items() if value is not False}
    if has_formulas(rule.get("condition", {})):
        found[WRITTEN_AT] = [row, col]
    return found


def entered_value(message: Mapping[str, Any] | None) -> Value | None:
    """The value of an ExtendedValue in a request.

    Raises:
        ApiError: It is an error value, or a text that is too long.
    """
    if not message:
        return None
    try:
        value = from_api(message)
    except ValueError as error:
        raise invalid(str(error)) from None
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return stored_number(value)
    return value


def write_row_data(
    tx: Transaction, tab: Tab, row0: int, col0: int, rows: Sequence[Mapping[str, Any]], change: CellChange
) -> int:
    """Apply ``RowData`` messages from a cell on; returns the number of cells."""
    fresh, count = [], 0
    for offset, row in enumerate(rows):
        values = row.get("values", [])
        old = tab.row_cells(row0 + offset)
        cells: list[AnyCell] = [
            change.apply(old[col0 + place] if col0 + place < len(old) else None, data, row0 + offset, col0 + place)
            for place, data in enumerate(values)
        ]
        fresh.append(cells)
        count += len(cells)
    tab.put_block(tx, row0, col0, fresh)
    tx.cells_written += count
    return count


def fill_tab(tx: Transaction, tab: Tab, given: Mapping[str, Any]) -> None:
    """Give a new tab what came with it in ``spreadsheets.create``: cells, sizes and the parts that are kept as given.

    Raises:
        ApiError: The cells do not fit into the grid.
    """
    change = CellChange(tx.spreadsheet, ALL_CELL_FIELDS)
    for data in given.get("data", []):
        row0, col0, rows = data.get("startRow", 0), data.get("startColumn", 0), data.get("rowData", [])
        width = max((len(row.get("values", [])) for row in rows), default=0)
        if row0 + len(rows) > tab.row_count or col0 + width > tab.column_count:
            raise invalid(
                f"GridData of tab {tab.title!r} does not fit into {tab.row_count} x {tab.column_count} cells."
            )
        write_row_data(tx, tab, row0, col0, rows, change)
        for offset, properties in enumerate(data.get("rowMetadata", [])):
            tab.replace_row(tx, row0 + offset, properties=dict(properties))
        for offset, properties in enumerate(data.get("columnMetadata", [])):
            tab.replace_column(tx, col0 + offset, properties=dict(properties))
    for name in ("merges", "conditionalFormats", "basicFilter"):
        if given.get(name):
            tab.sheet[name] = given[name]
