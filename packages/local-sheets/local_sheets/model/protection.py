"""Protected ranges: who may change cells in them.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/sheets#ProtectedRange
"""

from typing import Any

from local_sheets.api_error import ApiError, invalid
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab

Message = dict[str, Any]


def refuse() -> ApiError:
    """400 for an edit of a protected cell."""
    return invalid(
        "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection "
        "if you need to edit."
    )


def may_edit(sheet: Spreadsheet, protected: Message, email: str | None) -> bool:
    """Whether somebody may edit a protected range; None is the person at this machine, who may."""
    if email is None or protected.get("warningOnly"):
        return True
    folded = email.casefold()
    if any(p["role"] == "owner" and str(p.get("emailAddress", "")).casefold() == folded for p in sheet.permissions):
        return True
    return any(str(user).casefold() == folded for user in protected.get("editors", {}).get("users", []))


def check_protection(sheet: Spreadsheet, area: Rect, email: str | None) -> None:
    """Refuse an edit of an area that meets a range protected from this caller.

    Raises:
        ApiError: 400, see ``refuse``.
    """
    if email is None:
        return
    for protected in area.tab.sheet.get("protectedRanges", ()):
        if area.meets(_rect(area.tab, protected["range"])) and not may_edit(sheet, protected, email):
            free = [_rect(area.tab, place) for place in protected.get("unprotectedRanges", ())]
            if not any(place.holds(area) for place in free):
                raise refuse()


def check_tab(sheet: Spreadsheet, tab: Tab, email: str | None) -> None:
    """Refuse to take away a tab any part of which is protected from this caller.

    Raises:
        ApiError: 400, see ``refuse``.
    """
    if any(not may_edit(sheet, protected, email) for protected in tab.sheet.get("protectedRanges", ())):
        raise refuse()


def check_whole_tab(sheet: Spreadsheet, tab: Tab, email: str | None) -> None:
    """Refuse to change a tab's own properties or its shape where all of it is protected from this caller.

    Raises:
        ApiError: 400, see ``refuse``.
    """
    for protected in tab.sheet.get("protectedRanges", ()):
        is_whole = _rect(tab, protected["range"]).holds(tab.rect())
        if is_whole and not may_edit(sheet, protected, email):
            raise refuse()


def _rect(tab: Tab, place: Message) -> Rect:
    return tab.rect(
        place.get("startRowIndex"), place.get("endRowIndex"), place.get("startColumnIndex"), place.get("endColumnIndex")
    )


def protected_message(sheet: Spreadsheet, item: Message, email: str | None) -> Message:
    """The API's ``ProtectedRange`` as this caller sees it."""
    can_edit = may_edit(sheet, item, email)
    found: Message = {}
    for name, value in item.items():
        if name == "editors" and not can_edit:
            continue
        found[name] = value
        if name in ("range", "warningOnly", "description") and can_edit:
            found["requestingUserCanEdit"] = True
    if can_edit:
        found["requestingUserCanEdit"] = True
    return found
