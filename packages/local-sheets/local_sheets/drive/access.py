"""A request to Drive, its answer, and reaching files in the caller's name."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from local_sheets.change_marks import timestamp
from local_sheets.drive import permissions
from local_sheets.drive.errors import DriveError, bad_request, file_not_found, invalid_value, not_allowed
from local_sheets.drive.events import Head, Tell, head_event
from local_sheets.drive.kept import Kept
from local_sheets.drive.resources import FOLDER, ROOT_ID, file_resource, read_fields
from local_sheets.engine import Engine, body_may_take_long
from local_sheets.field_mask import Mask
from local_sheets.model.transaction import Transaction
from local_sheets.sharing import owner_permission

#: What is shown of a file unless ``fields`` says otherwise.
FILE_FIELDS = "kind,id,name,mimeType"


@dataclass(frozen=True, slots=True)
class DriveCall:
    """A request. ``raw_path`` is still percent-encoded; ``caller`` None where nobody has to show who they are.

    The names of ``headers`` are in small letters.
    """

    verb: str
    raw_path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = ""
    caller: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The body as an object; an empty body is an empty object.

        Raises:
            DriveError: 400, it is none.
        """
        if not self.body.strip():
            return {}
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise DriveError(400, "Parse Error", "parseError") from None
        if not isinstance(found, dict):
            raise DriveError(400, "Parse Error", "parseError")
        return found


@dataclass(frozen=True, slots=True)
class DriveAnswer:
    """An answer: ``message`` is sent as JSON, ``content`` as it stands; with neither the status is 204."""

    status: int = 200
    message: dict[str, Any] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Access:
    """The files of an engine, the folders beside them and what is known of removed ones, as far as a caller may reach them.

    ``tell`` hears what becomes of folders, and of files that are removed.
    """

    def __init__(self, engine: Engine, folders: Kept, removed: Kept, tell: Tell) -> None:
        self.engine, self.folders, self.removed, self._tell = engine, folders, removed, tell

    def heads(self) -> dict[str, dict[str, Any]]:
        return {**self.folders.entries(), **self.engine.heads()}

    def put_folder(self, folder_id: str, head: Head) -> None:
        """Keep a folder, new or changed."""
        old = self.folders.entries().get(folder_id)
        with self.engine.numbers.take() as number:
            head = {**head, "file": {**head["file"], "change": [number, timestamp()]}}
            self.folders.put(folder_id, head)
        self._tell(head_event(folder_id, old, head))

    def remove(self, file_id: str) -> None:
        """Remove a file for good; that it was there is remembered for whoever lists changes."""
        head = self.heads()[file_id]
        with self.engine.numbers.take() as number:
            file = {**head["file"], "change": [number, timestamp()]}
            self.removed.put(file_id, {"permissions": head["permissions"], "file": {"change": file["change"]}})
            if file_id in self.folders:
                self.folders.delete(file_id)
            else:
                self.engine.delete(file_id)
        self._tell(head_event(file_id, {**head, "file": file}, None))

    def head(self, file_id: str, caller: str | None, needed: str = "reader") -> dict[str, Any]:
        """A file that the caller may use in this role.

        Raises:
            DriveError: 404 when the caller cannot see it, 403 when seeing is all they can.
        """
        if file_id in ("root", ROOT_ID):
            return _root_head(caller)
        head = self.heads().get(file_id)
        role = permissions.role_of(head["permissions"], caller) if head else None
        if head is None or role is None:
            raise file_not_found(file_id)
        if not permissions.may(role, needed):
            raise not_allowed()
        return head

    async def change(self, call: DriveCall, file_id: str, needed: str, work: Callable[[Transaction], Any]) -> Any:
        """Run a transaction on a spreadsheet in which the caller has a role."""
        self.head(file_id, call.caller, needed)
        if file_id not in self.engine:
            raise bad_request("Folders have neither content, permissions nor comments in Local Sheets.")
        async with self.engine.lock(file_id):
            if body_may_take_long(call.body) or self.engine.may_take_long(file_id):
                return await asyncio.to_thread(self.engine.change, file_id, work, call.caller)
            return self.engine.change(file_id, work, call.caller)

    def answer(self, call: DriveCall, file_id: str) -> DriveAnswer:
        """A file as the request's ``fields`` want it."""
        file_id = ROOT_ID if file_id == "root" else file_id
        found = file_resource(file_id, self.head(file_id, call.caller), call.caller)
        return DriveAnswer(200, read_fields(call.query.get("fields"), "File", FILE_FIELDS).pick(found))


def _root_head(caller: str | None) -> dict[str, Any]:
    """The folder at the top, everybody's own."""
    times = {"createdTime": "2020-01-01T00:00:00.000Z", "modifiedTime": "2020-01-01T00:00:00.000Z"}
    owner = owner_permission(caller)
    return {"properties": {"title": "My Drive"}, "permissions": [owner], "file": {"mimeType": FOLDER, **times}}


# -- parameters that several methods have


def flag(call: DriveCall, name: str, *, default: bool = False) -> bool:
    """A parameter that is true or false.

    Raises:
        DriveError: 400, it is neither.
    """
    text = call.query.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise invalid_value(name, f"Invalid value '{call.query[name]}'. Values must be true or false.")
    return text == "true" if text else default


def comment_mask(call: DriveCall, schema: str) -> Mask:
    """The ``fields`` that all methods of comments and replies ask for.

    Raises:
        DriveError: 400, there are none, or unknown ones.
    """
    if not call.query.get("fields"):
        raise DriveError(400, "The 'fields' parameter is required for this method.", "required", "fields")
    return read_fields(call.query["fields"], schema, "*")


def page_size(call: DriveCall, default: int = 100, most: int = 1000) -> int:
    """The parameter ``pageSize``; more than the most is the most.

    Raises:
        DriveError: 400, it is no number above 0.
    """
    text = call.query.get("pageSize") or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        message = f"Invalid value '{text}'. Values must be within the range: [1, {most}]"
        raise DriveError(400, message, "invalidParameter", "pageSize")
    return min(int(text), most)


def check_drive(call: DriveCall) -> None:
    """Look at the parameters for shared drives.

    Raises:
        DriveError: 404 for any shared drive, as there is none here.
    """
    for name in ("driveId", "teamDriveId"):
        if call.query.get(name):
            raise DriveError(404, f"Shared drive not found: {call.query[name]}", "notFound", name)
