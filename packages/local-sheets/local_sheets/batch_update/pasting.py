"""copyPaste, cutPaste, pasteData: blocks of cells from one place to another."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.merges import merges_of
from local_sheets.cell_block import Block, clear, put, take
from local_sheets.cell_values.model import Formula
from local_sheets.formula_texts import copied, rewrite_formulas, uses_decimal_comma
from local_sheets.formulas.shift import CellsMoved, move_cells
from local_sheets.model.cell import AnyCell, Cell, effective, entered, pack, unpack, with_value
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect, read_coordinate
from local_sheets.values_api.writing import write_rows

Message = dict[str, Any]
#: What a cell becomes when another one is pasted over it.
Paste = Callable[[AnyCell, AnyCell], AnyCell]


def _paste_of(tx: Transaction, kind: str) -> Paste:
    """How one cell is pasted over another: ``paste(old, new)``."""
    pool = tx.spreadsheet.pool

    def without_borders(old: AnyCell, new: AnyCell) -> AnyCell:
        full = unpack(new)
        if full.format is None:
            return new
        body = {name: value for name, value in full.format.body.items() if name != "borders"}
        return pack(replace(full, format=pool.intern(body)))

    table: dict[str, Paste] = {
        "PASTE_NORMAL": lambda _, new: new,
        "PASTE_VALUES": lambda old, new: with_value(old, effective(new)),
        "PASTE_FORMULA": lambda old, new: with_value(old, entered(new)),
        "PASTE_FORMAT": lambda old, new: pack(
            replace(unpack(old), format=unpack(new).format, validation=unpack(new).validation)
        ),
        "PASTE_NO_BORDERS": without_borders,
        "PASTE_DATA_VALIDATION": lambda old, new: pack(replace(unpack(old), validation=unpack(new).validation)),
        "PASTE_CONDITIONAL_FORMATTING": lambda old, _: old,
    }
    return table[kind]


def copy_paste(tx: Transaction, request: Message) -> None:
    """copyPaste: the source is repeated where the destination is a multiple of it."""
    sheet = tx.spreadsheet
    source, target = grid_rect(sheet, request.get("source")), grid_rect(sheet, request.get("destination"))
    kind = request.get("pasteType", "PASTE_NORMAL")
    turned = request.get("pasteOrientation") == "TRANSPOSE"
    height, width = (source.columns, source.rows) if turned else (source.rows, source.columns)
    down = target.rows // height if target.rows % height == 0 else 1
    right = target.columns // width if target.columns % width == 0 else 1
    block = take(source)
    if kind == "PASTE_VALUES":
        block = [[with_value(None, effective(cell)) for cell in row] for row in block]
    comma = uses_decimal_comma(sheet)
    for i in range(max(down, 1)):
        for j in range(max(right, 1)):
            at = (target.row0 + i * height, target.col0 + j * width)
            _paste_once(tx, source, block, target.tab, at, _paste_of(tx, kind), turned, comma)
            if kind in ("PASTE_NORMAL", "PASTE_FORMAT", "PASTE_NO_BORDERS") and not turned:
                _copy_merges(tx, source, target.tab, at)
    if kind in ("PASTE_NORMAL", "PASTE_CONDITIONAL_FORMATTING", "PASTE_FORMAT"):
        _copy_rules(tx, source, target)


def _paste_once(
    tx: Transaction, source: Rect, block: Block, tab: Tab, at: tuple[int, int], paste: Paste, turned: bool, comma: bool
) -> None:
    fresh: Block = []
    for i, row in enumerate(zip(*block, strict=True) if turned else block):
        old = tab.row_cells(at[0] + i)
        cells = []
        for j, cell in enumerate(row):
            from_row, from_col = (source.row0 + j, source.col0 + i) if turned else (source.row0 + i, source.col0 + j)
            new = copied(cell, at[0] + i - from_row, at[1] + j - from_col, decimal_comma=comma)
            cells.append(paste(old[at[1] + j] if at[1] + j < len(old) else None, new))
        fresh.append(cells)
    put(tx, tab, at[0], at[1], fresh)


def _copy_merges(tx: Transaction, source: Rect, tab: Tab, at: tuple[int, int]) -> None:
    for rect, _ in merges_of(source.tab):
        if source.holds(rect):
            row0, col0 = at[0] + rect.row0 - source.row0, at[1] + rect.col0 - source.col0
            copy = Rect(tab, row0, row0 + rect.rows, col0, col0 + rect.columns)
            if not any(copy.meets(other) for other, _ in merges_of(tab)):
                tx.touch(tab)
                tab.sheet.setdefault("merges", []).append({"sheetId": tab.sheet_id, **copy.grid_range()})


def _copy_rules(tx: Transaction, source: Rect, target: Rect) -> None:
    """Conditional formats of the source's cells reach over the target, too."""
    if source.tab is not target.tab:
        return
    for rule in source.tab.sheet.get("conditionalFormats", []):
        places = [grid_rect(tx.spreadsheet, place) for place in rule["ranges"]]
        if any(place.holds(source) for place in places) and not any(place.holds(target) for place in places):
            tx.touch(target.tab)
            rule["ranges"] = [*rule["ranges"], {"sheetId": target.tab.sheet_id, **target.grid_range()}]


def cut_paste(tx: Transaction, request: Message) -> None:
    """cutPaste: the source is emptied, and formulas that read its cells follow them."""
    sheet = tx.spreadsheet
    source = grid_rect(sheet, request.get("source"))
    tab, *at = read_coordinate(sheet, request.get("destination"))
    paste = _paste_of(tx, request.get("pasteType", "PASTE_NORMAL"))
    block = take(source)
    moved = [(rect, message) for rect, message in merges_of(source.tab) if source.holds(rect)]
    tx.touch(source.tab)
    for _, message in moved:
        source.tab.sheet["merges"] = [other for other in source.tab.sheet["merges"] if other is not message]
    clear(tx, source)
    fresh: Block = []
    for i, row in enumerate(block):
        old = tab.row_cells(at[0] + i)
        fresh.append([paste(old[at[1] + j] if at[1] + j < len(old) else None, cell) for j, cell in enumerate(row)])
    put(tx, tab, at[0], at[1], fresh)
    tx.touch(tab)
    for rect, _ in moved:
        row0, col0 = at[0] + rect.row0 - source.row0, at[1] + rect.col0 - source.col0
        place = Rect(tab, row0, row0 + rect.rows, col0, col0 + rect.columns)
        tab.sheet.setdefault("merges", []).append({"sheetId": tab.sheet_id, **place.grid_range()})
    if not source.tab.sheet.get("merges", True):
        del source.tab.sheet["merges"]
    change = CellsMoved(
        source.tab.title,
        source.row0,
        source.row1,
        source.col0,
        source.col1,
        tab.title,
        at[0] - source.row0,
        at[1] - source.col0,
    )
    comma = uses_decimal_comma(sheet)
    rewrite_formulas(tx, lambda text, title: move_cells(text, title, change, decimal_comma=comma))
    tx.note_tab(tab, "moved")


def paste_data(tx: Transaction, request: Message) -> None:
    """pasteData: text parted by a delimiter, or an HTML table, read as a person types it."""
    tab, row0, col0 = read_coordinate(tx.spreadsheet, request.get("coordinate"))
    data = request.get("data", "")
    if request.get("html"):
        rows = html_rows(data)
    elif "delimiter" in request:
        if len(request["delimiter"]) != 1:
            raise invalid(f"The delimiter must be one character: {request['delimiter']!r}")
        rows = list(csv.reader(io.StringIO(data), delimiter=request["delimiter"]))
    else:
        raise invalid("Must specify a delimiter or html.")
    target = Rect(tab, row0, row0 + len(rows), col0, col0 + max((len(row) for row in rows), default=0))
    if target.row1 > tab.row_count or target.col1 > tab.column_count:
        raise invalid(
            f"Range ({target.a1()}) exceeds grid limits. Max rows: {tab.row_count}, max columns: {tab.column_count}"
        )
    write_rows(tx, target, rows, as_typed=True)


class _TableReader(HTMLParser):
    """Collects the cells of the tables in a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            if not self.rows:
                self.rows.append([])
            self.rows[-1].append("")
            self._in_cell = True
        elif tag == "br" and self._in_cell:
            self.rows[-1][-1] += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def html_rows(html: str) -> list[list[str]]:
    """The rows of the tables in HTML; without a table, all text is one cell."""
    reader = _TableReader()
    reader.feed(html)
    if reader.rows:
        return [[cell.strip() for cell in row] for row in reader.rows]
    text = _AllText()
    text.feed(html)
    return [["".join(text.parts).strip()]]


class _AllText(HTMLParser):
    """Collects all text."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def is_formula(cell: AnyCell) -> bool:
    """Whether the cell holds a formula."""
    return isinstance(cell, Cell) and isinstance(cell.value, Formula)
