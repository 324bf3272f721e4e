"""Drive's methods ``about`` and ``files``: making, finding, changing, copying, deleting."""

import asyncio
from typing import Any

from local_sheets.change_marks import timestamp
from local_sheets.drive import files, permissions
from local_sheets.drive.access import FILE_FIELDS, Access, DriveAnswer, DriveCall, page_size
from local_sheets.drive.corpora import has_files
from local_sheets.drive.errors import DriveError, bad_request, invalid_value
from local_sheets.drive.export import CSV, TSV, XLSX, all_text
from local_sheets.drive.order import Files, read_order
from local_sheets.drive.query import FULL_TEXT, asks_for_contents, read_query, words_of
from local_sheets.drive.resources import FOLDER, ROOT_ID, SPREADSHEET, file_resource, read_fields, user_resource
from local_sheets.engine import new_spreadsheet_id
from local_sheets.sharing import LOCAL_OWNER, owner_permission, permission_id


class FileMethods:
    """One method of the API each."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def about(self, call: DriveCall) -> DriveAnswer:
        if not call.query.get("fields"):
            message = "The 'fields' parameter is required for this method."
            raise DriveError(400, message, "required", "fields")
        found = {
            "kind": "drive#about",
            "user": user_resource(call.caller or LOCAL_OWNER, call.caller),
            "storageQuota": {"usage": "0", "usageInDrive": "0", "usageInDriveTrash": "0"},
            "exportFormats": {SPREADSHEET: [CSV, TSV, XLSX]},
            "importFormats": {CSV: [SPREADSHEET], TSV: [SPREADSHEET]},
            "canCreateDrives": False,
            "appInstalled": False,
        }
        return DriveAnswer(200, read_fields(call.query["fields"], "About", "*").pick(found))

    async def user_info(self, call: DriveCall) -> DriveAnswer:
        """The sign-in service's answer to "who am I", which clients of Drive ask."""
        address = call.caller or LOCAL_OWNER
        return DriveAnswer(200, {"id": permission_id("user", address), "email": address, "verified_email": True})

    async def create(self, call: DriveCall) -> DriveAnswer:
        body = call.json()
        kind = body.get("mimeType", SPREADSHEET)
        if kind == SPREADSHEET:
            return self._access.answer(
                call, files.create_spreadsheet(self._access.engine, body, call.caller).spreadsheet_id
            )
        if kind != FOLDER:
            raise bad_request(f"Local Sheets keeps no files of type {kind}: it knows {SPREADSHEET} and {FOLDER}.")
        folder_id = new_spreadsheet_id()
        now = timestamp()
        kept = {"createdTime": now, "modifiedTime": now, **files.file_data(body), "mimeType": FOLDER}
        owner = owner_permission(call.caller)
        head = {"properties": {"title": files.title_in(body) or "Untitled"}, "permissions": [owner], "file": kept}
        self._access.put_folder(folder_id, head)
        return self._access.answer(call, folder_id)

    async def list(self, call: DriveCall) -> DriveAnswer:
        default = f"kind,incompleteSearch,nextPageToken,files({FILE_FIELDS})"
        mask = read_fields(call.query.get("fields"), "FileList", default)
        found = await self._found(call) if has_files(call) else []
        start, size = _start(call), page_size(call)
        page: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
        if start + size < len(found):
            page["nextPageToken"] = str(start + size)
        page["files"] = found[start : start + size]
        return DriveAnswer(200, mask.pick(page))

    async def _found(self, call: DriveCall) -> Files:
        """All files that a request asks for, in its order."""
        query = (call.query.get("q") or "").replace("'root'", f"'{ROOT_ID}'")
        test, order = read_query(query), read_order(call.query.get("orderBy"))
        found = [
            file_resource(key, head, call.caller)
            for key, head in list(self._access.heads().items())
            if permissions.is_listed_for(head["permissions"], call.caller)
        ]
        if asks_for_contents(query):
            for resource in found:
                resource[FULL_TEXT] = words_of(await self._text(resource))
        return order([resource for resource in found if test(resource)])

    async def _text(self, resource: dict[str, Any]) -> str:
        """All that can be read in a file."""
        about = f"{resource['name']} {resource.get('description', '')}"
        file_id, engine = resource["id"], self._access.engine
        if file_id not in engine:
            return about
        async with engine.lock(file_id):
            return f"{about} {await asyncio.to_thread(all_text, engine.open(file_id))}"

    async def get(self, call: DriveCall, file_id: str) -> DriveAnswer:
        if call.query.get("alt") == "media":
            self._access.head(file_id, call.caller)
            message = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
            raise DriveError(403, message, "fileNotDownloadable", "alt")
        return self._access.answer(call, file_id)

    async def update(self, call: DriveCall, file_id: str) -> DriveAnswer:
        body = call.json()
        added, removed = call.query.get("addParents", ""), call.query.get("removeParents", "")
        head = self._access.head(file_id, call.caller, "writer")
        if file_id in self._access.folders:
            kept = {
                **head["file"],
                "modifiedTime": timestamp(),
                **files.file_data(body),
                "parents": files.moved_parents(head["file"], added, removed),
                "version": int(head["file"].get("version", 1)) + 1,
            }
            title = files.title_in(body) or head["properties"]["title"]
            self._access.put_folder(file_id, {**head, "properties": {"title": title}, "file": kept})
        else:
            await self._access.change(
                call, file_id, "writer", lambda tx: files.update_spreadsheet(tx, body, added, removed)
            )
        return self._access.answer(call, file_id)

    async def delete(self, call: DriveCall, file_id: str) -> DriveAnswer:
        self._access.head(file_id, call.caller, "owner")
        await self._delete(file_id)
        return DriveAnswer(204)

    async def empty_trash(self, call: DriveCall) -> DriveAnswer:
        """All files in the bin that the caller owns."""
        for file_id, head in list(self._access.heads().items()):
            is_own = permissions.role_of(head["permissions"], call.caller) == "owner"
            if is_own and head["file"].get("trashed") and file_id in self._access.heads():  # not gone with its folder
                await self._delete(file_id)
        return DriveAnswer(204)

    async def _delete(self, file_id: str) -> None:
        """Remove a file; with a folder goes what is in no other folder."""
        if file_id not in self._access.folders:
            async with self._access.engine.lock(file_id):
                self._access.remove(file_id)
            return
        self._access.remove(file_id)
        inside = [key for key, head in self._access.heads().items() if head["file"].get("parents") == [file_id]]
        for key in inside:
            await self._delete(key)

    async def copy(self, call: DriveCall, file_id: str) -> DriveAnswer:
        body = call.json()
        self._access.head(file_id, call.caller)
        if file_id not in self._access.engine:
            raise DriveError(403, "This file cannot be copied by the user.", "cannotCopyFile")
        async with self._access.engine.lock(file_id):
            source = self._access.engine.open(file_id)
            copy = files.copy_spreadsheet(self._access.engine, source, body, call.caller)
        return self._access.answer(call, copy.spreadsheet_id)


def _start(call: DriveCall) -> int:
    """How many files the pages before this one held."""
    text = call.query.get("pageToken") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise invalid_value("pageToken")
    return int(text)
