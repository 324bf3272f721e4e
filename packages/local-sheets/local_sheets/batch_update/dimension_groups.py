"""addDimensionGroup, deleteDimensionGroup, updateDimensionGroup: rows and columns that fold away, at several depths.

A group is a run of rows (or columns) whose depth is at least its own; adding one makes its rows one deeper, deleting
one makes them one less deep, which is what the reference describes case by case:
https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/request#adddimensiongrouprequest
"""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.dimensions import set_dimension
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import Span, dimension_span
from local_sheets.spreadsheets_api.answer import without_zero_sheet_id

Message = dict[str, Any]

MAX_DEPTH = 8


def _name(span: Span) -> str:
    return "rowGroups" if span.is_rows else "columnGroups"


def _depths(tab: Tab, name: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for group in tab.sheet.get(name, []):
        for index in range(group["range"].get("startIndex", 0), group["range"]["endIndex"]):
            found[index] = max(found.get(index, 0), group["depth"])
    return found


def _regroup(tx: Transaction, span: Span, depths: dict[int, int]) -> list[Message]:
    """Turn depths back into groups; a group that is still there keeps whether it is folded."""
    tab, name = span.tab, _name(span)
    folded = {
        (g["range"].get("startIndex", 0), g["range"]["endIndex"], g["depth"])
        for g in tab.sheet.get(name, [])
        if g.get("collapsed")
    }
    groups = []
    for depth in range(1, max(depths.values(), default=0) + 1):
        for start, end in _runs(sorted(index for index, deep in depths.items() if deep >= depth)):
            place = {"sheetId": tab.sheet_id, "dimension": span.dimension, "startIndex": start, "endIndex": end}
            group: Message = {"range": place, "depth": depth}
            if (start, end, depth) in folded:
                group["collapsed"] = True
            groups.append(group)
    tx.touch(tab)
    is_first = tab.sheet.pop(name, None) is None
    if groups:
        tab.sheet[name] = groups
        if is_first:  # recorded: the first group puts its button after the rows or columns
            tab.grid["rowGroupControlAfter" if span.is_rows else "columnGroupControlAfter"] = True
    tx.note_tab(tab, name)
    return groups


def _runs(indexes: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def _closed_span(tx: Transaction, request: Message) -> Span:
    span = dimension_span(tx.spreadsheet, request.get("range"))
    total = span.tab.row_count if span.is_rows else span.tab.column_count
    if span.start >= total or span.end > total or not span.length:
        raise invalid(f"Cannot group {span.dimension.lower()} {span.start} to {span.end}: the sheet has {total}.")
    return span


def add_dimension_group(tx: Transaction, request: Message) -> Message:
    """addDimensionGroup"""
    span = _closed_span(tx, request)
    depths = _depths(span.tab, _name(span))
    for index in range(span.start, span.end):
        depths[index] = depths.get(index, 0) + 1
        if depths[index] > MAX_DEPTH:
            raise invalid(f"Groups cannot be nested deeper than {MAX_DEPTH} levels.")
    return {"dimensionGroups": without_zero_sheet_id(_regroup(tx, span, depths))}


def delete_dimension_group(tx: Transaction, request: Message) -> Message:
    """deleteDimensionGroup"""
    span = _closed_span(tx, request)
    depths = _depths(span.tab, _name(span))
    if not any(depths.get(index) for index in range(span.start, span.end)):
        raise invalid(f"No group on {span.dimension.lower()} {span.start} to {span.end}.")
    for index in range(span.start, span.end):
        depths[index] = max(depths.get(index, 0) - 1, 0)
    groups = _regroup(tx, span, {index: depth for index, depth in depths.items() if depth})
    return {"dimensionGroups": without_zero_sheet_id(groups)} if groups else {}


def update_dimension_group(tx: Transaction, request: Message) -> None:
    """updateDimensionGroup: folds or unfolds a group, which hides or shows its rows or columns."""
    given = request.get("dimensionGroup", {})
    span = _closed_span(tx, given)
    tab, name = span.tab, _name(span)
    tx.touch(tab)
    for group in tab.sheet.get(name, []):
        place = group["range"]
        same = place.get("startIndex", 0) == span.start and place["endIndex"] == span.end
        if same and group["depth"] == given.get("depth", 0):
            break
    else:
        raise invalid(
            f"No group of depth {given.get('depth', 0)} on {span.dimension.lower()} {span.start} to {span.end}."
        )
    collapsed = bool(given.get("collapsed"))
    group.pop("collapsed", None)
    if collapsed:
        group["collapsed"] = True
    for index in range(span.start, span.end):
        set_dimension(tx, span, index, lambda old: _hidden(old, collapsed))
    tx.note_tab(tab, name)


def _hidden(old: Message, hidden: bool) -> Message:
    rest = {name: value for name, value in old.items() if name != "hiddenByUser"}
    return {**rest, "hiddenByUser": True} if hidden else rest
