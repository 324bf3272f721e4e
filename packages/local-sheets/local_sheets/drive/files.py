"""Making, changing and copying files."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from local_sheets.batch_update.tabs import copy_tab
from local_sheets.change_marks import drive_time
from local_sheets.drive.errors import bad_request
from local_sheets.drive.resources import KEPT, ROOT_ID
from local_sheets.engine import Engine
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.sharing import owner_permission
from local_sheets.spreadsheets_api.defaults import sheet_properties, spreadsheet_properties

Body = Mapping[str, Any]


def file_data(body: Body) -> dict[str, Any]:
    """What is kept of a request's ``File``.

    Raises:
        DriveError: 400, a field is of the wrong type.
    """
    kept = {name: body[name] for name in KEPT if body.get(name) is not None}
    kept |= {name: _time(body[name], name) for name in ("createdTime", "modifiedTime") if body.get(name) is not None}
    parents = kept.get("parents")
    if parents is not None:
        if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
            raise bad_request("Invalid value for field parents: expected a list of ids.")
        kept["parents"] = [ROOT_ID if parent == "root" else parent for parent in parents]
    return kept


def _time(value: Any, name: str) -> str:
    try:
        return drive_time(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        raise bad_request(f"Invalid value for field {name}: expected a time such as 2026-01-31T12:00:00Z.") from None


def title_in(body: Body) -> str | None:
    """The name that a request gives a file, None when it gives none.

    Raises:
        DriveError: 400, it is no text.
    """
    name = body.get("name")
    if name is not None and not isinstance(name, str):
        raise bad_request("Invalid value for field name: expected text.")
    return name or None


def create_spreadsheet(engine: Engine, body: Body, caller: str | None) -> Spreadsheet:
    """A spreadsheet of one empty tab, the caller's own."""
    kept, title = file_data(body), title_in(body)

    def fill(tx: Transaction) -> None:
        tx.spreadsheet.permissions.append(owner_permission(caller))
        tx.spreadsheet.file = kept
        tx.spreadsheet.tabs.append(Tab({"properties": sheet_properties(0, "Sheet1", {})}))

    return engine.create(spreadsheet_properties({"title": title or "Untitled"}), fill)


def copy_spreadsheet(engine: Engine, source: Spreadsheet, body: Body, caller: str | None) -> Spreadsheet:
    """A copy with all tabs, named ranges and formats; permissions, comments and developer metadata stay behind."""
    kept, title = file_data(body), title_in(body)

    def fill(tx: Transaction) -> None:
        new = tx.spreadsheet
        new.permissions.append(owner_permission(caller))
        new.file = {"parents": source.file.get("parents") or [ROOT_ID], **kept}
        new.named_ranges = deepcopy(source.named_ranges)
        for tab in source.tabs:
            copy = copy_tab(tx, source, tab, tab.sheet_id, tab.title)
            if tab.properties.get("hidden"):
                copy.properties["hidden"] = True
            new.tabs.append(copy)

    properties = {**deepcopy(source.properties), "title": title or f"Copy of {source.title}"}
    return engine.create(properties, fill)


def update_spreadsheet(tx: Transaction, body: Body, add_parents: str, remove_parents: str) -> None:
    """files.update: name, description, star, bin, parents."""
    sheet, title = tx.spreadsheet, title_in(body)
    if title:
        sheet.properties["title"] = title
    kept = file_data({name: value for name, value in body.items() if name not in ("parents", "createdTime")})
    if add_parents or remove_parents:
        kept["parents"] = moved_parents(sheet.file, add_parents, remove_parents)
    sheet.file = {**sheet.file, **kept}


def moved_parents(file: Body, add: str, remove: str) -> list[str]:
    """The parents of a file after some (ids with commas between them) were added and removed."""
    gone = _ids(remove)
    kept = [parent for parent in file.get("parents") or [ROOT_ID] if parent not in gone]
    return [*kept, *(parent for parent in _ids(add) if parent not in kept)]


def _ids(text: str) -> list[str]:
    ids = [part.strip() for part in text.split(",") if part.strip()]
    return [ROOT_ID if part == "root" else part for part in ids]
