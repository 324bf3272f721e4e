"""XLSX that becomes a spreadsheet: values, formulas, number formats, bold and italic, merges, frozen rows, names."""

import io
import re
import zipfile
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from openpyxl import load_workbook
from openpyxl.styles.numbers import is_datetime
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from local_sheets.a1 import RangeError, parse_range
from local_sheets.cell_values.model import Formula, Value
from local_sheets.cell_values.serial import to_serial
from local_sheets.drive.errors import bad_request
from local_sheets.limits import check_size, check_text
from local_sheets.model.cell import AnyCell, Cell, SharedPool, pack
from local_sheets.model.spreadsheet import Spreadsheet, fresh_id
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.spreadsheets_api.defaults import COLUMNS, ROWS, sheet_properties

#: What a file may unpack to.
MOST_BYTES = 256 * 1024 * 1024
_DATE_TYPES = {"date": "DATE", "time": "TIME", "datetime": "DATE_TIME"}
#: ``[$-409]`` names the language of a date; ``_xlfn.`` stands before functions that came after Excel 2007.
_LANGUAGE, _LATER_FUNCTIONS = re.compile(r"\[\$-[0-9A-Fa-f]+\]"), re.compile(r"_xl(?:fn|ws|pm)\.")


def read_workbook(content: bytes) -> Workbook:
    """The workbook in a file's bytes.

    Raises:
        DriveError: 400, they are none, or too many once they are unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > MOST_BYTES:
            raise bad_request(f"The workbook has {size} bytes once it is unpacked, more than {MOST_BYTES}.")
        book = load_workbook(io.BytesIO(content))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise bad_request("The content is no workbook in the format XLSX.") from error
    if not book.worksheets:
        raise bad_request("The workbook has no sheet with cells.")
    return book


def put_workbook(tx: Transaction, book: Workbook) -> None:
    """Give a spreadsheet that has no tabs those of a workbook."""
    sheet = tx.spreadsheet
    for page in book.worksheets:
        height, width = max(page.max_row, ROWS), max(page.max_column, COLUMNS)
        check_size(tx, None, height, width)
        tab = Tab({"properties": _properties(sheet, page, height, width)})
        sheet.tabs.append(tab)
        tx.note_tab(tab, "added")
        tab.put_block(tx, 0, 0, _rows(page, sheet.pool))
        merges = [_range(tab, *_bounds(merged)) for merged in page.merged_cells.ranges]
        if merges:
            tab.sheet["merges"] = merges
        tx.note(tab.rect())
    sheet.named_ranges = list(_names(sheet, book))


def _rows(page: Worksheet, pool: SharedPool) -> list[list[AnyCell]]:
    """The cells that there are; asked for by rows, openpyxl would make all that lie between them."""
    rows: list[list[AnyCell]] = [[] for _ in range(page.max_row)]
    for (number, column), source in sorted(page._cells.items()):
        row = rows[number - 1]
        row += [None] * (column - 1 - len(row))
        row.append(_cell(source, pool))
    return rows


def _properties(sheet: Spreadsheet, page: Worksheet, height: int, width: int) -> dict[str, Any]:
    grid = {"rowCount": height, "columnCount": width}
    if page.freeze_panes:
        frozen = parse_range(page.freeze_panes, set(), {})
        grid |= {"frozenRowCount": frozen.row0 or 0, "frozenColumnCount": frozen.col0 or 0}
    properties = sheet_properties(sheet.new_sheet_id(), page.title, {"gridProperties": grid})
    return {**properties, "hidden": True} if page.sheet_state != "visible" else properties


def _cell(source: Any, pool: SharedPool) -> AnyCell:
    value = _value(source)
    body: dict[str, Any] = {}
    if source.has_style:
        if (number_format := _number_format(source.number_format)) is not None:
            body["numberFormat"] = number_format
        look = {name: True for name, is_set in (("bold", source.font.b), ("italic", source.font.i)) if is_set}
        if look:
            body["textFormat"] = look
    return pack(Cell(value, format=pool.intern(body)))


def _value(source: Any) -> Value | None:
    """What a cell holds; texts that look like formulas stay texts, errors become text that shows the same."""
    value = source.value
    match value:
        case datetime() | date():
            return to_serial(value)
        case time():
            return to_serial(datetime.combine(date(1899, 12, 30), value))
        case timedelta():
            return value / timedelta(days=1)
        case None | bool() | int() | float():
            found: Value | None = value
            return found
    text = str(getattr(value, "text", value))  # an array formula holds its text
    check_text(text)
    if source.data_type != "f":
        return text or None
    return Formula(_LATER_FUNCTIONS.sub("", text if text.startswith("=") else f"={text}"))


def _number_format(pattern: str) -> dict[str, str] | None:
    if pattern == "General":
        return None
    if pattern == "@":
        return {"type": "TEXT"}
    kind = _DATE_TYPES.get(is_datetime(pattern) or "", "PERCENT" if "%" in pattern else "NUMBER")
    return {"type": kind, "pattern": _LANGUAGE.sub("", pattern)}


def _names(sheet: Spreadsheet, book: Workbook) -> Iterable[dict[str, Any]]:
    """Names of the workbook that stand for one range of a sheet."""
    titles, taken = {tab.title for tab in sheet.tabs}, set[int]()
    for name, defined in book.defined_names.items():
        try:
            area = parse_range(str(defined.attr_text).replace("$", ""), titles, {})
        except RangeError:
            continue
        tab = sheet.tab_by_title(area.title or "")
        if tab is None or None in (area.row0, area.row1, area.col0, area.col1):
            continue
        taken.add(key := fresh_id(taken))
        yield {"namedRangeId": str(key), "name": name, "range": _range(tab, area.row0, area.row1, area.col0, area.col1)}


def _bounds(merged: Any) -> tuple[int, int, int, int]:
    return merged.min_row - 1, merged.max_row, merged.min_col - 1, merged.max_col


def _range(tab: Tab, row0: Any, row1: Any, col0: Any, col1: Any) -> dict[str, Any]:
    return {"sheetId": tab.sheet_id, **tab.rect(row0, row1, col0, col1).grid_range()}
