"""The changes that a caller sees since a page token: each file once, at its latest change, in the order of these.

See https://developers.google.com/workspace/drive/api/guides/manage-changes
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_sheets.change_marks import change_number
from local_sheets.drive import permissions
from local_sheets.drive.access import Access, DriveCall, flag, page_size
from local_sheets.drive.corpora import asks_for_drive
from local_sheets.drive.errors import DriveError, invalid_value
from local_sheets.drive.resources import file_resource


@dataclass(frozen=True, slots=True)
class _Change:
    """A file's latest change; ``head`` None where the file is no longer in the caller's list."""

    number: int
    time: str
    file_id: str
    head: dict[str, Any] | None


def start_page_token(access: Access) -> str:
    """The token from which on only future changes are listed."""
    return str(access.engine.numbers.settled + 1)


def read_token(call: DriveCall) -> int:
    """The ``pageToken`` of a request.

    Raises:
        DriveError: 400, it is missing or none of ours.
    """
    text = call.query.get("pageToken")
    if not text:
        raise DriveError(400, "Required parameter: pageToken", "required", "pageToken")
    if not (text.isascii() and text.isdecimal() and len(text) < 19) or text == "0":
        raise invalid_value("pageToken")
    return int(text)


def change_list(access: Access, call: DriveCall) -> dict[str, Any]:
    """The ``ChangeList`` that a request asks for."""
    token, size = read_token(call), page_size(call)
    last = access.engine.numbers.settled
    changes = _changes(access, call) if asks_for_drive(call) else iter(())
    found = sorted(
        (change for change in changes if token <= change.number <= last),
        key=lambda change: (change.number, change.file_id),
    )
    shown = found[:size]
    page: dict[str, Any] = {"kind": "drive#changeList"}
    if len(found) > size:
        page["nextPageToken"] = str(shown[-1].number + 1)
    else:
        page["newStartPageToken"] = str(max(token, last + 1))
    page["changes"] = [_resource(change, call.caller) for change in shown]
    return page


def _changes(access: Access, call: DriveCall) -> Iterator[_Change]:
    with_removed = flag(call, "includeRemoved", default=True)
    only_mine = flag(call, "restrictToMyDrive")
    for file_id, head in access.heads().items():
        if permissions.is_listed_for(head["permissions"], call.caller):
            if not only_mine or permissions.role_of(head["permissions"], call.caller) == "owner":
                number, time = head["file"].get("change", (0, ""))
                yield _Change(number, time, file_id, head)
        elif with_removed:
            lost = {address.casefold(): mark for address, mark in head["file"].get("lost", {}).items()}
            if mark := lost.get((call.caller or "").casefold()):
                yield _Change(mark[0], mark[1], file_id, None)
    if with_removed:
        for file_id, head in access.removed.entries().items():
            if permissions.is_listed_for(head["permissions"], call.caller):
                yield _Change(change_number(head["file"]), head["file"]["change"][1], file_id, None)


def _resource(change: _Change, caller: str | None) -> dict[str, Any]:
    """The API's ``Change``."""
    found: dict[str, Any] = {
        "kind": "drive#change",
        "changeType": "file",
        "type": "file",
        "time": change.time,
        "removed": change.head is None,
        "fileId": change.file_id,
    }
    if change.head is not None:
        found["file"] = file_resource(change.file_id, change.head, caller)
    return found
