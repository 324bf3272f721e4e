"""Conditional format rules, banded ranges, data validation and borders: kept as given, shown as given."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.kept_items import add_item, find_item, new_item_id, replace_item, whole_range
from local_sheets.model.cell import AnyCell, pack, unpack
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect, tab_of_id
from local_sheets.spreadsheets_api.answer import without_zero_sheet_id
from local_sheets.spreadsheets_api.contents import merge_masked, normal_format, read_fields, validation_body
from local_sheets.spreadsheets_api.defaults import with_both_colors

Message = dict[str, Any]

_RULES, _BANDS = "conditionalFormats", "bandedRanges"


# -- conditional formats


def _rule(tx: Transaction, given: Message) -> tuple[Tab, Message]:
    """The tab and the rule with its ranges checked and its colours in both fields.

    Raises:
        ApiError: It has no range, or ranges on several tabs, or neither kind of rule.
    """
    places = [whole_range(tx.spreadsheet, place) for place in given.get("ranges", [])]
    if not places:
        raise invalid("At least one range must be specified.")
    if len({id(tab) for tab, _ in places}) > 1:
        raise invalid("All ranges of a rule must be on the same sheet.")
    if ("booleanRule" in given) == ("gradientRule" in given):
        raise invalid("Exactly one of booleanRule and gradientRule must be specified.")
    rule: Message = {"ranges": [place for _, place in places]}
    if "booleanRule" in given:
        boolean = dict(given["booleanRule"])
        if "format" in boolean:
            boolean["format"] = normal_format(boolean["format"])
        rule["booleanRule"] = boolean
    else:
        points = given["gradientRule"].items()
        rule["gradientRule"] = {name: with_both_colors(dict(point), "color") for name, point in points}
    return places[0][0], rule


def add_conditional_format_rule(tx: Transaction, request: Message) -> None:
    """addConditionalFormatRule"""
    tab, rule = _rule(tx, request.get("rule", {}))
    rules, index = tab.sheet.get(_RULES, []), request.get("index", 0)
    if not 0 <= index <= len(rules):
        raise invalid(f"Index {index} is out of bounds: the sheet has {len(rules)} rules.")
    tx.touch(tab)
    tab.sheet[_RULES] = [*rules[:index], rule, *rules[index:]]
    tx.note_tab(tab, _RULES)


def _rule_at(tab: Tab, index: int) -> Message:
    rules = tab.sheet.get(_RULES, [])
    if not 0 <= index < len(rules):
        raise invalid(f"No conditional format on sheet: {tab.sheet_id} at index: {index}")
    found: Message = rules[index]
    return found


def update_conditional_format_rule(tx: Transaction, request: Message) -> Message:
    """updateConditionalFormatRule: another rule at an index, or a rule to another index."""
    index = request.get("index", 0)
    if "rule" in request:
        tab, rule = _rule(tx, request["rule"])
        old = _rule_at(tab, index)
        replace_item(tx, tab, _RULES, index, rule)
        shown = {"newRule": without_zero_sheet_id(rule), "oldRule": without_zero_sheet_id(old)}
        return {**shown, **({"newIndex": index, "oldIndex": index} if index else {})}
    tab = tab_of_id(tx.spreadsheet, request.get("sheetId", 0))
    rule, to = _rule_at(tab, index), request.get("newIndex", 0)
    tx.touch(tab)
    rest = [other for place, other in enumerate(tab.sheet[_RULES]) if place != index]
    tab.sheet[_RULES] = [*rest[:to], rule, *rest[to:]]
    tx.note_tab(tab, _RULES)
    reply: Message = {"newRule": without_zero_sheet_id(rule)}
    return {**reply, **{k: v for k, v in (("newIndex", to), ("oldIndex", index)) if v}}


def delete_conditional_format_rule(tx: Transaction, request: Message) -> Message:
    """deleteConditionalFormatRule"""
    tab, index = tab_of_id(tx.spreadsheet, request.get("sheetId", 0)), request.get("index", 0)
    rule = _rule_at(tab, index)
    replace_item(tx, tab, _RULES, index, None)
    return {"rule": without_zero_sheet_id(rule)}


# -- banding


def add_banding(tx: Transaction, request: Message) -> Message:
    """addBanding"""
    given = request.get("bandedRange", {})
    tab, place = whole_range(tx.spreadsheet, given.get("range"))
    if "rowProperties" not in given and "columnProperties" not in given:
        raise invalid("At least one of rowProperties or columnProperties must be specified.")
    key = new_item_id(tx.spreadsheet, _BANDS, "bandedRangeId", given.get("bandedRangeId"))
    item = _banding({**given, "bandedRangeId": key, "range": place})
    for other in tab.sheet.get(_BANDS, []):
        if grid_rect(tx.spreadsheet, other["range"]).meets(grid_rect(tx.spreadsheet, place)):
            raise invalid(
                "You cannot add alternating background colors to a range that already has alternating background colors."
            )
    add_item(tx, tab, _BANDS, item)
    return {"bandedRange": without_zero_sheet_id(item)}


def _banding(message: Message) -> Message:
    item: Message = {"bandedRangeId": message["bandedRangeId"], "range": message["range"]}
    for name in ("rowProperties", "columnProperties"):
        if name in message:
            colors = dict(message[name])
            for color in ("headerColor", "firstBandColor", "secondBandColor", "footerColor"):
                colors = with_both_colors(colors, color)
            item[name] = colors
    return item


def update_banding(tx: Transaction, request: Message) -> None:
    """updateBanding"""
    given, mask = request.get("bandedRange", {}), read_fields(request.get("fields"))
    tab, place = find_item(tx.spreadsheet, _BANDS, "bandedRangeId", given.get("bandedRangeId", 0), "banding")
    old = tab.sheet[_BANDS][place]
    merged = {**merge_masked(old, given, mask), "bandedRangeId": old["bandedRangeId"]}
    _, merged["range"] = whole_range(tx.spreadsheet, merged.get("range") or old["range"])
    replace_item(tx, tab, _BANDS, place, _banding(merged))


def delete_banding(tx: Transaction, request: Message) -> None:
    """deleteBanding"""
    key = request.get("bandedRangeId", 0)
    tab, place = find_item(tx.spreadsheet, _BANDS, "bandedRangeId", key, "banding")
    replace_item(tx, tab, _BANDS, place, None)


# -- data validation and borders: fields of the cells themselves


def set_data_validation(tx: Transaction, request: Message) -> None:
    """setDataValidation: without a rule, the range's rules go."""
    area = grid_rect(tx.spreadsheet, request.get("range"))
    rule = request.get("rule")
    if rule is not None and not rule.get("condition", {}).get("type"):
        raise invalid("A data validation rule must have a condition.")
    shared = tx.spreadsheet.pool.intern(validation_body(rule, area.row0, area.col0))
    change_each(tx, area, lambda cell, _row, _col: pack(replace(unpack(cell), validation=shared)))


def change_each(tx: Transaction, area: Rect, change: Any) -> None:
    """Put ``change(cell, row, column)`` in the place of every cell of an area."""
    rows: list[list[AnyCell]] = []
    for row in range(area.row0, area.row1):
        old = area.tab.row_cells(row)[area.col0 : area.col1]
        rows.append(
            [change(old[place] if place < len(old) else None, row, area.col0 + place) for place in range(area.columns)]
        )
    area.tab.put_block(tx, area.row0, area.col0, rows)
    tx.note(area, "format")


def update_borders(tx: Transaction, request: Message) -> None:
    """updateBorders: a border that is not given stays as it is."""
    area = grid_rect(tx.spreadsheet, request.get("range"))

    known: dict[tuple[Any, ...], Any] = {}

    def change(cell: AnyCell, row: int, col: int) -> AnyCell:
        full = unpack(cell)
        edges = row == area.row0, row == area.row1 - 1, col == area.col0, col == area.col1 - 1
        key = (full.format, *edges)
        if key not in known:
            body = {} if full.format is None else dict(full.format.body)
            merged = _with_borders(body.pop("borders", {}), _borders_at(request, *edges))
            known[key] = tx.spreadsheet.pool.intern({**body, "borders": merged} if merged else body)
        return pack(replace(full, format=known[key]))

    change_each(tx, area, change)


def _borders_at(request: Message, first: bool, last: bool, leftmost: bool, rightmost: bool) -> dict[str, Message]:
    """The borders that a request gives a cell, by its place in the range."""
    sides = {
        "top": "top" if first else "innerHorizontal",
        "bottom": "bottom" if last else "innerHorizontal",
        "left": "left" if leftmost else "innerVertical",
        "right": "right" if rightmost else "innerVertical",
    }
    return {side: request[name] for side, name in sides.items() if name in request}


def _with_borders(old: Mapping[str, Message], given: Mapping[str, Message]) -> dict[str, Message]:
    found = dict(old)
    for side, border in given.items():
        if border.get("style", "NONE") in ("NONE", "STYLE_UNSPECIFIED"):
            found.pop(side, None)
            continue
        color = border.get("color", {})
        width = {"SOLID_MEDIUM": 2, "SOLID_THICK": 3, "DOUBLE": 3}.get(border["style"], 1)
        found[side] = with_both_colors({"style": border["style"], "width": width, **border, "color": color}, "color")
    return found
