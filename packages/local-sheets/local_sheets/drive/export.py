"""A spreadsheet as CSV, TSV, HTML or XLSX, as Drive's ``files.export`` gives it.

See https://developers.google.com/workspace/drive/api/guides/ref-export-formats
"""

import csv
import io
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from local_sheets.a1 import column_letters
from local_sheets.cell_values.model import CellError, Formula
from local_sheets.cell_values.number_format import effective_pattern
from local_sheets.drive.errors import bad_request
from local_sheets.model.cell import AnyCell, effective, entered, number_format_of
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.values_api.rendering import renderer

CSV, TSV = "text/csv", "text/tab-separated-values"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Of what is published to the web only.
HTML = "text/html; charset=utf-8"
#: What Google offers besides and this server does not make.
LEFT_OUT = (
    "application/pdf",
    "application/zip",
    "application/x-vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.spreadsheet",
)

_FORBIDDEN_IN_TITLE = re.compile(r"[\\*?:/\[\]]")
_FORBIDDEN_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def export(sheet: Spreadsheet, mime_type: str, area: Rect | None = None) -> bytes:
    """The spreadsheet in another format: CSV and TSV hold an area, the first tab if none is named, XLSX and HTML all.

    Raises:
        DriveError: 400, this server does not make that format.
    """
    if mime_type == CSV:
        return export_csv(sheet, area or sheet.tabs[0].rect())
    if mime_type == TSV:
        return export_tsv(sheet, area or sheet.tabs[0].rect())
    if mime_type == XLSX:
        return export_xlsx(sheet)
    if mime_type == HTML:
        shown = [tab.rect() for tab in sheet.tabs if not tab.properties.get("hidden")]
        return export_html(sheet, shown if area is None else [area])
    if mime_type in LEFT_OUT:
        raise bad_request(f"Local Sheets does not export {mime_type}. Ask for {CSV}, {TSV} or {XLSX}.")
    raise bad_request("The requested conversion is not supported.")


def shown_rows(sheet: Spreadsheet, area: Rect) -> Iterator[list[str]]:
    """The rows of an area as people see them, each as wide as the widest of the tab, at most as the area."""
    show = renderer(sheet.locale, "FORMATTED_VALUE", None)
    width = min(area.col1, max(area.tab.used_width(), area.col0)) - area.col0
    rows = [[str(show(cell)) for cell in cells] for cells in area.tab.read(area)]
    while rows and not any(rows[-1]):
        rows.pop()
    for row in rows:
        yield [*row, *[""] * (width - len(row))]


def all_text(sheet: Spreadsheet) -> str:
    """All that people see in the cells of all tabs."""
    return "\n".join(" ".join(filter(None, row)) for tab in sheet.tabs for row in shown_rows(sheet, tab.rect()))


def export_csv(sheet: Spreadsheet, area: Rect) -> bytes:
    """CSV in UTF-8, lines parted by CR LF, none after the last."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(shown_rows(sheet, area))
    return text.getvalue().removesuffix("\r\n").encode()


def export_tsv(sheet: Spreadsheet, area: Rect) -> bytes:
    """Tab-separated text; tabs and line breaks within cells become spaces."""
    lines = ("\t".join(re.sub(r"[\t\r\n]+", " ", cell) for cell in row) for row in shown_rows(sheet, area))
    return "\r\n".join(lines).encode()


def export_html(sheet: Spreadsheet, areas: list[Rect]) -> bytes:
    """A page with a table per area, heads of rows and columns as Google's published pages have them."""
    tables = "".join(f"<h2>{escape(area.tab.title)}</h2>{_html_table(sheet, area)}" for area in areas)
    head = f'<meta charset="utf-8"><title>{escape(sheet.title)} - Google Drive</title>'
    return f"<!DOCTYPE html><html><head>{head}</head><body>{tables}</body></html>".encode()


def _html_table(sheet: Spreadsheet, area: Rect) -> str:
    rows = list(shown_rows(sheet, area))
    width = len(rows[0]) if rows else 0
    letters = "".join(f"<th>{column_letters(area.col0 + index)}</th>" for index in range(width))
    lines = "".join(
        f"<tr><th>{number}</th>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>"
        for number, row in enumerate(rows, area.row0 + 1)
    ).replace("\n", "<br>")
    head = f"<thead><tr><th></th>{letters}</tr></thead>"
    return f'<div id="{area.tab.sheet_id}"><table class="waffle">{head}<tbody>{lines}</tbody></table></div>'


def export_xlsx(sheet: Spreadsheet) -> bytes:
    """A workbook of all tabs: values, formulas, number formats, bold headers, merges and frozen rows."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    taken: set[str] = set()
    for tab in sheet.tabs:
        page = book.create_sheet(_page_title(tab.title, taken))
        _fill_page(page, sheet, tab)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _page_title(title: str, taken: set[str]) -> str:
    """At most 31 characters without those that Excel refuses, unlike any title before."""
    base = _FORBIDDEN_IN_TITLE.sub("_", title)[:31] or "Sheet"
    found, number = base, 1
    while found.casefold() in taken:
        number += 1
        found = f"{base[: 30 - len(str(number))]}_{number}"
    taken.add(found.casefold())
    return found


def _fill_page(page: Any, sheet: Spreadsheet, tab: Tab) -> None:
    for row_number, cells in enumerate(tab.read(tab.rect()), 1):
        for column_number, cell in enumerate(cells, 1):
            if cell is not None:
                _fill_cell(page.cell(row_number, column_number), cell, sheet.locale)
    for merge in tab.sheet.get("merges", []):
        page.merge_cells(
            start_row=merge.get("startRowIndex", 0) + 1,
            end_row=merge["endRowIndex"],
            start_column=merge.get("startColumnIndex", 0) + 1,
            end_column=merge["endColumnIndex"],
        )
    rows, columns = tab.grid.get("frozenRowCount", 0), tab.grid.get("frozenColumnCount", 0)
    if rows or columns:
        page.freeze_panes = f"{column_letters(columns)}{rows + 1}"
    page.sheet_state = "hidden" if tab.properties.get("hidden") else "visible"


def _fill_cell(target: Any, cell: AnyCell, locale: str) -> None:
    from openpyxl.cell.cell import TYPE_STRING
    from openpyxl.styles import Font

    value = entered(cell)
    if isinstance(value, Formula | CellError):
        target.value = value.text
    elif isinstance(value, str):
        target.value = _FORBIDDEN_IN_XML.sub("", value)
        target.data_type = TYPE_STRING
    else:
        target.value = value
    number_format = number_format_of(cell)
    if isinstance(effective(cell), int | float) and (pattern := effective_pattern(number_format, locale)):
        target.number_format = pattern
    body = getattr(getattr(cell, "format", None), "body", None) or {}
    if body.get("textFormat", {}).get("bold"):
        target.font = Font(bold=True)
