"""The texts of formulas as rows, columns, tabs and tables change: in cells, and in the rules of cells and tabs."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import Formula
from local_sheets.formulas.shift import Change, copy_formula, shift_formula
from local_sheets.model.cell import AnyCell, Cell, unpack
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.rule_formulas import Written, followed, rewrite_rules, written_in_tabs
from local_sheets.spilling import unspilled


def formula_cells(tab: Tab) -> Iterable[tuple[int, int, Cell]]:
    """Row, column and cell of each formula of a tab."""
    for index, row in tab.rows.calculating():
        for col, cell in enumerate(row.cells):
            if type(cell) is Cell and type(cell.value) is Formula:
                yield index, col, cell


def rewrite_formulas(tx: Transaction, rewrite: Callable[[str, str], str]) -> None:
    """Give each formula another text: ``rewrite`` gets the text and the title of its tab."""
    _rewrite_cells(tx, rewrite)
    comma, written = uses_decimal_comma(tx.spreadsheet), written_in_tabs(tx.spreadsheet)
    rewrite_rules(tx, written, lambda text, place: (rewrite(text, place.title), place), decimal_comma=comma)


def _rewrite_cells(tx: Transaction, rewrite: Callable[[str, str], str]) -> None:
    for tab in tx.spreadsheet.tabs:
        for row, col, cell in list(formula_cells(tab)):
            old = unpack(cell).value
            if isinstance(old, Formula) and (text := rewrite(old.text, tab.title)) != old.text:
                tab.put_cells(tx, row, col, [replace(cell, value=Formula(text))])


def follow(tx: Transaction, change: Change, written: list[Written]) -> None:
    """Let all formulas follow rows or columns that were inserted, deleted or moved.

    Args:
        written: Those in rules of tabs, with the cells that they were written for before.
    """
    comma = uses_decimal_comma(tx.spreadsheet)
    _rewrite_cells(tx, lambda text, title: shift_formula(text, title, change, decimal_comma=comma))
    rewrite_rules(
        tx, written, lambda text, place: followed(text, place, change, decimal_comma=comma), decimal_comma=comma
    )


def copied(cell: AnyCell, down: int, right: int, *, decimal_comma: bool) -> AnyCell:
    """The cell as it stands that much further down and right: the references of a formula move along."""
    if type(cell) is not Cell:
        return cell
    if type(cell.value) is Formula:
        text = copy_formula(cell.value.text, down, right, decimal_comma=decimal_comma)
        return replace(cell, value=Formula(text), result=None)
    return unspilled(cell)


def uses_decimal_comma(sheet: Spreadsheet) -> bool:
    """Whether formulas of the spreadsheet's locale write ``1,5`` and part arguments with ``;``."""
    return get_locale(sheet.locale).decimal == ","
