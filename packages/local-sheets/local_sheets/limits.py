"""Limits of a spreadsheet: cells of the workbook, columns of a tab, characters of a cell, number of tabs.

See https://support.google.com/drive/answer/37603 and https://developers.google.com/workspace/sheets/api/limits
"""

from local_sheets.a1 import MAX_COLUMNS
from local_sheets.api_error import ApiError, invalid
from local_sheets.cell_values.model import MAX_CHARACTERS
from local_sheets.model.protection import check_protection
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import GROWN, Transaction

MAX_CELLS = 10_000_000
MAX_TABS = 200
#: A text of so many characters is within the limit however it is encoded.
SURELY_SHORT = MAX_CHARACTERS // 2


def check_text(text: str) -> None:
    """Refuse a text that is too long for a cell.

    Raises:
        ApiError: It has more than 50,000 characters (UTF-16 units, as Google counts).
    """
    if len(text) > SURELY_SHORT and len(text.encode("utf-16-le")) // 2 > MAX_CHARACTERS:
        raise text_too_long()


def text_too_long() -> ApiError:
    """400 for a text that no cell takes."""
    return invalid(f"Your input contains more than the maximum of {MAX_CHARACTERS} characters in a single cell.")


def resize(tx: Transaction, tab: Tab, rows: int, columns: int) -> None:
    """Set the size of a grid; cells outside of it are gone.

    Raises:
        ApiError: The size is not positive, a limit would be passed, or what is cut off is protected from who asks.
    """
    check_size(tx, tab, rows, columns)
    if rows < tab.row_count:
        check_protection(tx.spreadsheet, tab.rect(rows, tab.row_count, 0, tab.column_count), tx.editor)
    if columns < tab.column_count:
        check_protection(tx.spreadsheet, tab.rect(0, tab.row_count, columns, tab.column_count), tx.editor)
    tx.touch(tab)
    only_grows = rows >= tab.row_count and columns >= tab.column_count
    tab.grid["rowCount"], tab.grid["columnCount"] = rows, columns
    tx.note_tab(tab, GROWN if only_grows else "grid")


def check_size(tx: Transaction, tab: Tab | None, rows: int, columns: int) -> None:
    """Refuse a grid size; rows are looked at before columns, as Google does.

    Raises:
        ApiError: See ``resize``.
    """
    if columns > MAX_COLUMNS:
        raise invalid(
            f"This action would increase the number of columns in the sheet above the limit of {MAX_COLUMNS} columns."
        )
    others = sum(other.cell_count for other in tx.spreadsheet.tabs if other is not tab)
    before = (tab.row_count, tab.column_count) if tab is not None else (0, 0)
    grows = rows > before[0] or columns > before[1]
    if grows and (others + rows * columns > MAX_CELLS or others + rows * before[1] > MAX_CELLS):
        raise invalid(
            f"This action would increase the number of cells in the workbook above the limit of {MAX_CELLS} cells."
        )
