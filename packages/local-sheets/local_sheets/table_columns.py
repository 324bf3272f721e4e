"""The columns of tables: their names are what stands in the header row, and they come and go with the tab's columns."""

from collections.abc import Callable
from itertools import count
from typing import Any

from local_sheets.formula_texts import rewrite_formulas, uses_decimal_comma
from local_sheets.formulas.shift import rename_table
from local_sheets.model.cell import effective, with_value
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction

Message = dict[str, Any]


def shift_columns(table: Message, shift: Callable[[int, int], tuple[int, int] | None]) -> None:
    """Let a table's columns follow those of its tab; new ones have no name yet. To be done before its range is shifted."""
    start, end = table["range"].get("startColumnIndex", 0), table["range"].get("endColumnIndex", 0)
    whole = shift(start, end)
    if whole is None:
        return
    kept = {}
    for index, column in enumerate(table.get("columnProperties", [])):
        place = shift(start + index, start + index + 1)
        if place is not None:
            kept[place[0] - whole[0]] = {name: value for name, value in column.items() if name != "columnIndex"}
    table["columnProperties"] = [
        {**({"columnIndex": index} if index else {}), **kept.get(index, {"columnName": ""})}
        for index in range(whole[1] - whole[0])
    ]


def name_columns(tx: Transaction) -> None:
    """Name the columns of tables as their headers say; formulas follow. An empty header gets a name."""
    changed = {change.sheet_id for change in tx.changes}
    for tab in tx.spreadsheet.tabs:
        for place, table in enumerate(tab.sheet.get("tables", ()) if tab.sheet_id in changed else ()):
            columns = table.get("columnProperties", [])
            names = _header_names(tx, tab, table)
            old = [column["columnName"] for column in columns]
            if names == old:
                continue
            tx.touch(tab)
            fresh = [{**column, "columnName": name} for column, name in zip(columns, names, strict=True)]
            tab.sheet["tables"][place] = {**table, "columnProperties": fresh}
            tx.note_tab(tab, "tables")
            renamed = {a.casefold(): b for a, b in zip(old, names, strict=True) if a and a != b}
            rename_in_formulas(tx, table["name"], table["name"], renamed)


def rename_in_formulas(tx: Transaction, old: str, new: str, columns: dict[str, str]) -> None:
    """Let formulas follow a table's other name, and other names of its columns by the old ones in lower case."""
    comma = uses_decimal_comma(tx.spreadsheet)
    if columns or old != new:
        rewrite_formulas(tx, lambda text, _: rename_table(text, old, new, columns, decimal_comma=comma))


def _header_names(tx: Transaction, tab: Tab, table: Message) -> list[str]:
    """What the header cells say; those that say nothing, or what another one says, are given another text."""
    row, col0 = table["range"].get("startRowIndex", 0), table["range"].get("startColumnIndex", 0)
    names: list[str] = []
    for index in range(len(table.get("columnProperties", []))):
        cell = tab.cell(row, col0 + index)
        value = effective(cell)
        text = "" if value is None else str(value)
        name = _free_name(text or f"Column {index + 1}", {known.casefold() for known in names})
        if name != text:
            tab.put_cells(tx, row, col0 + index, [with_value(cell, name)])
            tx.note(tab.rect(row, row + 1, col0 + index, col0 + index + 1))
        names.append(name)
    return names


def _free_name(name: str, taken: set[str]) -> str:
    names = (name if number == 1 else f"{name} {number}" for number in count(1))
    return next(one for one in names if one.casefold() not in taken)
