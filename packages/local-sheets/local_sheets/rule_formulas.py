"""Formulas in rules (data validation, conditional formats, filters): they follow changes as those in cells do.

Such a formula is written for one cell, and read as copied to each cell that its rule is for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local_sheets.condition_values import WRITTEN_AT
from local_sheets.formulas.areas import Place
from local_sheets.formulas.shift import Change, Deleted, copy_formula, shift_formula
from local_sheets.model.cell import Cell, Shared
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction

Message = dict[str, Any]
#: Yields the other text of a formula, and the cell that it is written for then.
Rewrite = Callable[[str, Place], tuple[str, Place]]


@dataclass(frozen=True, slots=True)
class Written:
    """A formula in a rule that a tab keeps: it stands in ``message[field]``, written for the cell ``place``."""

    tab: Tab
    message: Message
    field: str
    place: Place


def written_in_tabs(sheet: Spreadsheet) -> list[Written]:
    """The formulas in the conditional formats and filters of all tabs."""
    return [
        Written(tab, message, field, place)
        for tab in sheet.tabs
        for message, field, place in (*_in_formats(tab), *_in_filters(tab))
        if str(message.get(field, "")).startswith("=")
    ]


def _in_formats(tab: Tab) -> Iterator[tuple[Message, str, Place]]:
    """Those of conditional formats are written for the first cell of their first range."""
    for rule in tab.sheet.get("conditionalFormats", ()):
        first = rule["ranges"][0]
        place = Place(tab.title, first.get("startRowIndex", 0), first.get("startColumnIndex", 0))
        for value in rule.get("booleanRule", {}).get("condition", {}).get("values", ()):
            yield value, "userEnteredValue", place
        for point in rule.get("gradientRule", {}).values():
            yield point, "value", place


def _in_filters(tab: Tab) -> Iterator[tuple[Message, str, Place]]:
    """Those of filters are written for the first row below the header; two forms may share what they say."""
    for kept in (tab.sheet.get("basicFilter", {}), *tab.sheet.get("filterViews", ())):
        row = kept.get("range", {}).get("startRowIndex", 0) + 1
        both = [(int(column), one) for column, one in kept.get("criteria", {}).items()]
        both += [(spec.get("columnIndex", 0), spec.get("filterCriteria", {})) for spec in kept.get("filterSpecs", ())]
        found = [(value, col) for col, one in both for value in one.get("condition", {}).get("values", ())]
        for value, col in {id(value): (value, col) for value, col in found}.values():
            yield value, "userEnteredValue", Place(tab.title, row, col)


def followed(text: str, place: Place, change: Change, *, decimal_comma: bool) -> tuple[str, Place]:
    """A formula written for a cell, after rows or columns came, went or moved; for the next one where its own is gone."""
    if place.title == change.title:
        index = place.row if change.is_rows else place.col
        span = change.moved((index, index + 1))
        if span is None and isinstance(change, Deleted):
            beyond = change.end - index
            text = copy_formula(text, *((beyond, 0) if change.is_rows else (0, beyond)), decimal_comma=decimal_comma)
            span = (change.start, change.start + 1)
        if span is not None:
            place = place._replace(row=span[0]) if change.is_rows else place._replace(col=span[0])
    return shift_formula(text, place.title, change, decimal_comma=decimal_comma), place


def rewrite_rules(tx: Transaction, written: list[Written], rewrite: Rewrite, *, decimal_comma: bool) -> None:
    """Give the formulas in rules other texts. ``written``: those of tabs, with the cells they were written for before."""
    now = {id(one.message): one.place for one in written_in_tabs(tx.spreadsheet)}
    for one in written:
        old, meant_for = one.message[one.field], now.get(id(one.message))
        if meant_for is None:  # its rule is gone
            continue
        text, place = rewrite(old, one.place)
        down, right = meant_for.row - place.row, meant_for.col - place.col
        text = copy_formula(text, down, right, decimal_comma=decimal_comma)
        if text != old:
            tx.touch(one.tab)
            one.message[one.field] = text
            tx.note_tab(one.tab, "conditionalFormats")
    _rewrite_validations(tx, rewrite)


def _rewrite_validations(tx: Transaction, rewrite: Rewrite) -> None:
    pool = tx.spreadsheet.pool
    if not any(_has_formula(shared.body) for shared in pool.by_key.values()):
        return
    for tab in tx.spreadsheet.tabs:
        fresh: dict[int, Shared | None] = {}
        for index, row in enumerate(tab.rows.between(0, len(tab.rows))):
            for col, cell in enumerate(row.cells if row is not None else ()):
                if type(cell) is not Cell or cell.validation is None or not _has_formula(cell.validation.body):
                    continue
                rule = cell.validation
                if rule.key not in fresh:
                    fresh[rule.key] = pool.intern(_rewritten(rule.body, Place(tab.title, index, col), rewrite))
                if fresh[rule.key] is not rule:
                    tab.put_cells(tx, index, col, [replace(cell, validation=fresh[rule.key])])


def _has_formula(body: Mapping[str, Any]) -> bool:
    values = body.get("condition", {}).get("values", ())
    return any(str(value.get("userEnteredValue", "")).startswith("=") for value in values)


def _rewritten(body: Mapping[str, Any], cell: Place, rewrite: Rewrite) -> Message:
    """A validation rule with other texts; what names no cell that it is written for is written for ``cell``."""
    written_for = cell._replace(row=body[WRITTEN_AT][0], col=body[WRITTEN_AT][1]) if WRITTEN_AT in body else cell
    values, place = [], written_for
    for value in body["condition"]["values"]:
        text = value.get("userEnteredValue", "")
        if text.startswith("="):
            text, place = rewrite(text, written_for)
            value = {**value, "userEnteredValue": text}
        values.append(value)
    found = {**body, "condition": {**body["condition"], "values": values}}
    return {**found, WRITTEN_AT: [place.row, place.col]} if WRITTEN_AT in body else found
