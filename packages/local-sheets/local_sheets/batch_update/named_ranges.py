"""addNamedRange, updateNamedRange, deleteNamedRange."""

import re
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.kept_items import full_range
from local_sheets.model.spreadsheet import Spreadsheet, fresh_id
from local_sheets.model.transaction import Transaction
from local_sheets.spreadsheets_api.answer import named_range_message
from local_sheets.spreadsheets_api.contents import merge_masked, read_fields

Message = dict[str, Any]

_NAME = re.compile(r"[^\W\d]\w{0,249}")
_LOOKS_LIKE_CELL = re.compile(r"[A-Za-z]{1,3}[0-9]+|[Rr][0-9]*[Cc][0-9]*|true|false", re.IGNORECASE)


def _check_name(sheet: Spreadsheet, name: str, own_id: str | None) -> None:
    """Refuse a name that is no word, reads as a cell, or is taken. See https://support.google.com/docs/answer/63175"""
    if not _NAME.fullmatch(name) or _LOOKS_LIKE_CELL.fullmatch(name):
        raise invalid(f"The name you have entered is invalid: {name!r}.")
    for other in sheet.named_ranges:
        if other["namedRangeId"] != own_id and other["name"].casefold() == name.casefold():
            raise invalid(f"Cannot add named range with name {name}, a named range with that name already exists.")


def add_named_range(tx: Transaction, request: Message) -> Message:
    """addNamedRange"""
    sheet, given = tx.spreadsheet, request.get("namedRange", {})
    _check_name(sheet, given.get("name", ""), None)
    tab, place = full_range(sheet, given.get("range"))
    taken = {named["namedRangeId"] for named in sheet.named_ranges}
    key = given.get("namedRangeId") or str(fresh_id(taken))
    if key in taken:
        raise invalid(f"namedRangeId {key} already exists.")
    named = {"namedRangeId": key, "name": given["name"], "range": place}
    sheet.named_ranges = [*sheet.named_ranges, named]
    tx.note_tab(tab, "namedRanges")
    return {"namedRange": named_range_message(named)}


def _find(sheet: Spreadsheet, key: str) -> Message:
    for named in sheet.named_ranges:
        if named["namedRangeId"] == key:
            return named
    raise invalid(f"No named range with id: {key}")


def update_named_range(tx: Transaction, request: Message) -> None:
    """updateNamedRange"""
    sheet, given = tx.spreadsheet, request.get("namedRange", {})
    mask = read_fields(request.get("fields"))
    old = _find(sheet, given.get("namedRangeId", ""))
    merged = {**merge_masked(old, given, mask), "namedRangeId": old["namedRangeId"]}
    _check_name(sheet, merged.get("name", ""), old["namedRangeId"])
    tab, merged["range"] = full_range(sheet, merged.get("range"))
    sheet.named_ranges = [merged if named is old else named for named in sheet.named_ranges]
    tx.note_tab(tab, "namedRanges")


def delete_named_range(tx: Transaction, request: Message) -> None:
    """deleteNamedRange"""
    sheet = tx.spreadsheet
    old = _find(sheet, request.get("namedRangeId", ""))
    sheet.named_ranges = [named for named in sheet.named_ranges if named is not old]
    tx.note_tab(sheet.tabs[0], "namedRanges")
