"""addProtectedRange, updateProtectedRange, deleteProtectedRange."""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.kept_items import add_item, find_item, full_range, new_item_id, replace_item
from local_sheets.model.protection import may_edit, protected_message, refuse
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.spreadsheets_api.answer import without_zero_sheet_id
from local_sheets.spreadsheets_api.contents import merge_masked, read_fields
from local_sheets.spreadsheets_api.defaults import without_defaults

Message = dict[str, Any]

_NAME, _ID = "protectedRanges", "protectedRangeId"


def add_protected_range(tx: Transaction, request: Message) -> Message:
    """addProtectedRange; recorded: the reply names the editors as asked for, later answers also the owner."""
    given = dict(request.get("protectedRange", {}))
    tab, item = _placed(tx, given)
    item[_ID] = new_item_id(tx.spreadsheet, _NAME, _ID, given.get(_ID))
    if item.get("warningOnly"):
        item.pop("editors", None)
    else:
        item["editors"] = _with_requester(tx, item.get("editors", {}))
    add_item(tx, tab, _NAME, _ordered(item))
    shown = protected_message(tx.spreadsheet, tab.sheet[_NAME][-1], tx.editor)
    reply: Message = without_zero_sheet_id({**shown, "editors": given.get("editors", {})})
    return {"protectedRange": reply}


def _placed(tx: Transaction, given: Message) -> tuple[Tab, Message]:
    """The tab and the item with its range; a named range's area is looked up."""
    sheet = tx.spreadsheet
    if "namedRangeId" in given and "range" not in given:
        named = next((n for n in sheet.named_ranges if n["namedRangeId"] == given["namedRangeId"]), None)
        if named is None:
            raise invalid(f"No named range with id: {given['namedRangeId']}")
        given = {**given, "range": dict(named["range"])}
    tab, place = full_range(sheet, given.get("range"))
    unprotected = [full_range(sheet, area)[1] for area in given.get("unprotectedRanges", [])]
    item = {k: v for k, v in given.items() if k not in ("requestingUserCanEdit", "unprotectedRanges", "tableId")}
    return tab, without_defaults({**item, "range": place, "unprotectedRanges": unprotected or None})


def _with_requester(tx: Transaction, editors: Message) -> Message:
    """Who protects a range can edit it, and so can the owner."""
    users = list(editors.get("users", []))
    owners = [p.get("emailAddress") for p in tx.spreadsheet.permissions if p["role"] == "owner"]
    for email in (tx.editor, *owners):
        if email is not None and email not in users:
            users.append(email)
    return without_defaults({**editors, "users": users or None})


def _ordered(item: Message) -> Message:
    first = (_ID, "range", "namedRangeId", "description", "warningOnly", "unprotectedRanges", "editors")
    return {name: item[name] for name in first if name in item}


def update_protected_range(tx: Transaction, request: Message) -> None:
    """updateProtectedRange"""
    given, mask = request.get("protectedRange", {}), read_fields(request.get("fields"))
    tab, place = find_item(tx.spreadsheet, _NAME, _ID, given.get(_ID, 0), "protected range")
    old = tab.sheet[_NAME][place]
    if not may_edit(tx.spreadsheet, old, tx.editor):
        raise refuse()
    merged = {**merge_masked(old, given, mask), _ID: old[_ID]}
    merged.setdefault("range", old["range"])
    _, item = _placed(tx, merged)
    if item.get("warningOnly"):
        item.pop("editors", None)
    elif "editors" not in item:
        item["editors"] = _with_requester(tx, {})
    replace_item(tx, tab, _NAME, place, _ordered(item))


def delete_protected_range(tx: Transaction, request: Message) -> None:
    """deleteProtectedRange"""
    tab, place = find_item(tx.spreadsheet, _NAME, _ID, request.get(_ID, 0), "protected range")
    if not may_edit(tx.spreadsheet, tab.sheet[_NAME][place], tx.editor):
        raise refuse()
    replace_item(tx, tab, _NAME, place, None)
