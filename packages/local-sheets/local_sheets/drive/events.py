"""What happened to a file, as channels are told of it.

See https://developers.google.com/workspace/drive/api/guides/push#understand-drive-api-notification-events
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_sheets.change_marks import change_number, has_new_content
from local_sheets.model.transaction import Transaction

Head = dict[str, Any]
Tell = Callable[["Event"], None]

_DETAILS = ("description", "starred", "appProperties", "properties")


@dataclass(frozen=True, slots=True)
class Event:
    """One change. ``before`` and ``after`` are the file's permissions; without any after it the file is gone."""

    number: int
    file_id: str
    #: As ``X-Goog-Resource-State`` says it: add, update, trash, untrash, remove.
    state: str
    #: As ``X-Goog-Changed`` says it, of an update.
    changed: tuple[str, ...] = ()
    before: tuple[Head, ...] = ()
    after: tuple[Head, ...] = ()
    #: Folders that got or lost the file.
    folders: tuple[str, ...] = ()


def event_of(tx: Transaction) -> Event:
    """What a transaction did to its spreadsheet."""
    sheet, before = tx.spreadsheet, tx.before
    old = {"properties": before.properties, "permissions": before.permissions, "file": before.file}
    new = {"properties": sheet.properties, "permissions": sheet.permissions, "file": sheet.file}
    is_new = "createdTime" not in before.file
    return head_event(sheet.spreadsheet_id, None if is_new else old, new, with_content=has_new_content(tx))


def head_event(file_id: str, old: Head | None, new: Head | None, *, with_content: bool = False) -> Event:
    """What became of a file between two of its states, None where it is not there."""
    known = new or old or {}
    before = tuple(old["permissions"]) if old else ()
    after = tuple(new["permissions"]) if new else ()
    folders = tuple(_parents(old) ^ _parents(new))
    state, changed = "update", tuple[str, ...]()
    if old is None or new is None:
        state = "add" if new else "remove"
    elif bool(old["file"].get("trashed")) != bool(new["file"].get("trashed")):
        state = "trash" if new["file"].get("trashed") else "untrash"
    else:
        changed = _changed(old, new, with_content)
    return Event(change_number(known["file"]), file_id, state, changed, before, after, folders)


def _parents(head: Head | None) -> set[str]:
    return set(head["file"].get("parents") or ()) if head else set()


def _changed(old: Head, new: Head, with_content: bool) -> tuple[str, ...]:
    is_renamed = old["properties"].get("title") != new["properties"].get("title")
    others_moved = {**old["properties"], "title": None} != {**new["properties"], "title": None}
    found = {
        "content": others_moved or (with_content and not is_renamed),
        "properties": is_renamed or any(old["file"].get(name) != new["file"].get(name) for name in _DETAILS),
        "parents": _parents(old) != _parents(new),
        "permissions": old["permissions"] != new["permissions"],
    }
    return tuple(name for name, is_so in found.items() if is_so)
