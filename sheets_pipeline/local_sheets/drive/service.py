"""Drive's methods on the spreadsheets of an engine: from a request's parts to an answer's."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

from sheets_pipeline.local_sheets.drive import comments, files, permissions, uploads
from sheets_pipeline.local_sheets.drive.errors import (
    DriveError,
    bad_request,
    file_not_found,
    invalid_value,
    not_allowed,
)
from sheets_pipeline.local_sheets.drive.export import CSV, TSV, XLSX, export
from sheets_pipeline.local_sheets.drive.folders import Folders
from sheets_pipeline.local_sheets.drive.query import read_query
from sheets_pipeline.local_sheets.drive.resources import (
    FOLDER,
    ROOT_ID,
    SPREADSHEET,
    file_resource,
    file_resource_v2,
    read_fields,
    user_resource,
)
from sheets_pipeline.local_sheets.engine import Engine, new_spreadsheet_id, timestamp
from sheets_pipeline.local_sheets.model.transaction import Transaction

_FILE_FIELDS = "kind,id,name,mimeType"
_PERMISSION_FIELDS = "kind,id,type,role"
_EXPORT_FORMATS = {"csv": CSV, "tsv": TSV, "xlsx": XLSX}
_MOST_FILES = 1000


@dataclass(frozen=True, slots=True)
class DriveCall:
    """A request. ``raw_path`` is still percent-encoded; ``caller`` None where nobody has to show who they are."""

    verb: str
    raw_path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = ""
    caller: str | None = None

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


Serve = Callable[..., Awaitable[DriveAnswer]]


class DriveService:
    """Drive on one engine. ``data_dir`` keeps the folders."""

    def __init__(self, engine: Engine, data_dir: Path) -> None:
        self._engine = engine
        self._folders = Folders(data_dir / "folders.json")
        names, key = "files/(?P<file_id>[^/]+)", "(?P<key>[^/]+)"
        self._routes: list[tuple[str, str, re.Pattern[str], Serve]] = [
            (name, verb, re.compile(pattern), serve)
            for name, verb, pattern, serve in (
                ("about.get", "GET", "/drive/v3/about", self.about),
                ("files.create", "POST", "/drive/v3/files", self.create),
                ("files.list", "GET", "/drive/v3/files", self.list),
                ("files.get", "GET", f"/drive/v3/{names}", self.get),
                ("files.update", "PATCH", f"/drive/v3/{names}", self.update),
                ("files.delete", "DELETE", f"/drive/v3/{names}", self.delete),
                ("files.copy", "POST", f"/drive/v3/{names}/copy", self.copy),
                ("files.export", "GET", f"/drive/v3/{names}/export", self.export),
                ("permissions.list", "GET", f"/drive/v3/{names}/permissions", self.list_permissions),
                ("permissions.create", "POST", f"/drive/v3/{names}/permissions", self.create_permission),
                ("permissions.get", "GET", f"/drive/v3/{names}/permissions/{key}", self.get_permission),
                ("permissions.update", "PATCH", f"/drive/v3/{names}/permissions/{key}", self.update_permission),
                ("permissions.delete", "DELETE", f"/drive/v3/{names}/permissions/{key}", self.delete_permission),
                ("comments.list", "GET", f"/drive/v3/{names}/comments", self.list_comments),
                ("comments.create", "POST", f"/drive/v3/{names}/comments", self.create_comment),
                ("comments.get", "GET", f"/drive/v3/{names}/comments/{key}", self.get_comment),
                ("comments.delete", "DELETE", f"/drive/v3/{names}/comments/{key}", self.delete_comment),
                ("files.update", "PUT", f"/upload/drive/v2/{names}", self.upload_v2),
                ("files.create", "POST", "/upload/drive/v3/files", self.upload_new),
                ("files.update", "PATCH", f"/upload/drive/v3/{names}", self.upload),
                ("files.export", "GET", "/spreadsheets/d/(?P<file_id>[^/]+)/export", self.download),
                ("files.export", "GET", "/spreadsheets/export", self.download),
                ("userinfo.get", "GET", "/(?:userinfo/v2/me|oauth2/v[123]/userinfo)", self.user_info),
            )
        ]

    def method(self, verb: str, raw_path: str) -> str | None:
        """The id of the method that a request is for (``drive.files.list``), None when it is for none of these."""
        path = raw_path.rstrip("/")
        found = (name for name, known, pattern, _ in self._routes if verb == known and pattern.fullmatch(path))
        name = next(found, None)
        return name and f"drive.{name}"

    async def serve(self, call: DriveCall) -> DriveAnswer:
        """Answer a request; refusals are answers too.

        Raises:
            LookupError: It is for none of these methods.
            ApiError: The engine refuses what was to be done.
        """
        for _, verb, pattern, serve in self._routes:
            if verb == call.verb and (match := pattern.fullmatch(call.raw_path.rstrip("/"))):
                try:
                    return await serve(call, **{name: unquote(text) for name, text in match.groupdict().items()})
                except DriveError as error:
                    return DriveAnswer(error.code, error.body())
        raise LookupError(f"{call.verb} {call.raw_path} is no method of Drive that Local Sheets has.")

    # -- finding files

    def _heads(self) -> dict[str, dict[str, Any]]:
        return {**self._folders.heads(), **self._engine.heads()}

    def _head(self, file_id: str, caller: str | None, needed: str = "reader") -> dict[str, Any]:
        """A file that the caller may use in this role.

        Raises:
            DriveError: 404 when the caller cannot see it, 403 when seeing is all they can.
        """
        if file_id in ("root", ROOT_ID):
            return _root_head(caller)
        head = self._heads().get(file_id)
        role = permissions.role_of(head["permissions"], caller) if head else None
        if head is None or role is None:
            raise file_not_found(file_id)
        if not permissions.may(role, needed):
            raise not_allowed()
        return head

    async def _change(self, call: DriveCall, file_id: str, needed: str, work: Callable[[Transaction], Any]) -> Any:
        """Run a transaction on a spreadsheet in which the caller has a role."""
        self._head(file_id, call.caller, needed)
        if file_id not in self._engine:
            raise bad_request("Folders have neither content, permissions nor comments in Local Sheets.")
        async with self._engine.lock(file_id):
            return self._engine.change(file_id, work, call.caller)

    def _answer(self, call: DriveCall, file_id: str) -> DriveAnswer:
        """A file as the request's ``fields`` want it."""
        file_id = ROOT_ID if file_id == "root" else file_id
        found = file_resource(file_id, self._head(file_id, call.caller), call.caller)
        return DriveAnswer(200, read_fields(call.query.get("fields"), "File", _FILE_FIELDS).pick(found))

    # -- files

    async def about(self, call: DriveCall) -> DriveAnswer:
        if not call.query.get("fields"):
            message = "The 'fields' parameter is required for this method."
            raise DriveError(400, message, "required", "fields")
        found = {
            "kind": "drive#about",
            "user": user_resource(call.caller or permissions.LOCAL_OWNER, call.caller),
            "storageQuota": {"usage": "0", "usageInDrive": "0", "usageInDriveTrash": "0"},
            "exportFormats": {SPREADSHEET: list(_EXPORT_FORMATS.values())},
            "importFormats": {CSV: [SPREADSHEET], TSV: [SPREADSHEET]},
            "canCreateDrives": False,
            "appInstalled": False,
        }
        return DriveAnswer(200, read_fields(call.query["fields"], "About", "*").pick(found))

    async def user_info(self, call: DriveCall) -> DriveAnswer:
        """The sign-in service's answer to "who am I", which clients of Drive ask."""
        address = call.caller or permissions.LOCAL_OWNER
        return DriveAnswer(
            200, {"id": permissions.permission_id("user", address), "email": address, "verified_email": True}
        )

    async def create(self, call: DriveCall) -> DriveAnswer:
        body = call.json()
        kind = body.get("mimeType", SPREADSHEET)
        if kind == SPREADSHEET:
            return self._answer(call, files.create_spreadsheet(self._engine, body, call.caller).spreadsheet_id)
        if kind != FOLDER:
            raise bad_request(f"Local Sheets keeps no files of type {kind}: it knows {SPREADSHEET} and {FOLDER}.")
        folder_id = new_spreadsheet_id()
        now = timestamp()
        kept = {**files.file_data(body), "mimeType": FOLDER, "createdTime": now, "modifiedTime": now}
        owner = permissions.owner_permission(call.caller)
        head = {"properties": {"title": files.title_in(body) or "Untitled"}, "permissions": [owner], "file": kept}
        self._folders.put(folder_id, head)
        return self._answer(call, folder_id)

    async def list(self, call: DriveCall) -> DriveAnswer:
        test = read_query((call.query.get("q") or "").replace("'root'", f"'{ROOT_ID}'"))
        resources = (
            file_resource(key, head, call.caller)
            for key, head in self._heads().items()
            if permissions.is_listed_for(head["permissions"], call.caller)
        )
        found = _sorted([resource for resource in resources if test(resource)], call.query.get("orderBy"))
        start, size = _number(call, "pageToken", 0, 10**9), _number(call, "pageSize", 100, _MOST_FILES)
        page: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
        if start + size < len(found):
            page["nextPageToken"] = str(start + size)
        page["files"] = found[start : start + size]
        default = f"kind,incompleteSearch,nextPageToken,files({_FILE_FIELDS})"
        return DriveAnswer(200, read_fields(call.query.get("fields"), "FileList", default).pick(page))

    async def get(self, call: DriveCall, file_id: str) -> DriveAnswer:
        if call.query.get("alt") == "media":
            self._head(file_id, call.caller)
            message = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
            raise DriveError(403, message, "fileNotDownloadable", "alt")
        return self._answer(call, file_id)

    async def update(self, call: DriveCall, file_id: str) -> DriveAnswer:
        body = call.json()
        added, removed = call.query.get("addParents", ""), call.query.get("removeParents", "")
        head = self._head(file_id, call.caller, "writer")
        if file_id in self._folders:
            kept = {
                **head["file"],
                **files.file_data(body),
                "parents": files.moved_parents(head["file"], added, removed),
            }
            title = files.title_in(body) or head["properties"]["title"]
            self._folders.put(file_id, {**head, "properties": {"title": title}, "file": kept})
        else:
            await self._change(call, file_id, "writer", lambda tx: files.update_spreadsheet(tx, body, added, removed))
        return self._answer(call, file_id)

    async def delete(self, call: DriveCall, file_id: str) -> DriveAnswer:
        self._head(file_id, call.caller, "owner")
        await self._delete(file_id)
        return DriveAnswer(204)

    async def _delete(self, file_id: str) -> None:
        """Remove a file; with a folder goes what is in no other folder."""
        if file_id not in self._folders:
            async with self._engine.lock(file_id):
                self._engine.delete(file_id)
            return
        self._folders.delete(file_id)
        inside = [key for key, head in self._heads().items() if head["file"].get("parents") == [file_id]]
        for key in inside:
            await self._delete(key)

    async def copy(self, call: DriveCall, file_id: str) -> DriveAnswer:
        body = call.json()
        self._head(file_id, call.caller)
        if file_id not in self._engine:
            raise DriveError(403, "This file cannot be copied by the user.", "cannotCopyFile")
        async with self._engine.lock(file_id):
            source = self._engine.open(file_id)
            copy = files.copy_spreadsheet(self._engine, source, body, call.caller)
        return self._answer(call, copy.spreadsheet_id)

    # -- content

    async def export(self, call: DriveCall, file_id: str) -> DriveAnswer:
        mime_type = call.query.get("mimeType")
        if not mime_type:
            raise DriveError(400, "Required parameter: mimeType", "required", "mimeType")
        return await self._export(call, file_id, mime_type)

    async def download(self, call: DriveCall, file_id: str | None = None) -> DriveAnswer:
        """The download links of Google's editor: ``/spreadsheets/d/ID/export?format=csv``."""
        name = call.query.get("format") or call.query.get("exportFormat") or "xlsx"
        mime_type = _EXPORT_FORMATS.get(name)
        if mime_type is None:
            raise bad_request(f"Local Sheets does not export {name}. Ask for {', '.join(_EXPORT_FORMATS)}.")
        gid = call.query.get("gid")
        return await self._export(call, file_id or call.query.get("id", ""), mime_type, gid)

    async def _export(self, call: DriveCall, file_id: str, mime_type: str, gid: str | None = None) -> DriveAnswer:
        self._head(file_id, call.caller)
        if file_id not in self._engine:
            raise DriveError(403, "Export only supports Docs Editors files.", "fileNotExportable")
        async with self._engine.lock(file_id):
            sheet = self._engine.open(file_id)
            tab = next((tab for tab in sheet.tabs if str(tab.sheet_id) == gid), None)
            if gid is not None and tab is None:
                raise bad_request(f"No sheet with id: {gid}")
            content = await asyncio.to_thread(export, sheet, mime_type, tab)
        return DriveAnswer(
            200, content=content, headers={"Content-Type": mime_type, "Content-Disposition": "attachment"}
        )

    async def upload_v2(self, call: DriveCall, file_id: str) -> DriveAnswer:
        await self._replace(call, file_id, call.body, call.content_type)
        head = self._head(file_id, call.caller)
        etag = f'"{head["file"]["modifiedTime"]}"'
        return DriveAnswer(200, file_resource_v2(file_id, head, call.caller, etag), headers={"ETag": etag})

    async def upload(self, call: DriveCall, file_id: str) -> DriveAnswer:
        metadata, content, kind = _upload_parts(call)
        await self._replace(call, file_id, content, kind)
        if metadata:
            await self._change(call, file_id, "writer", lambda tx: files.update_spreadsheet(tx, metadata, "", ""))
        return self._answer(call, file_id)

    async def upload_new(self, call: DriveCall) -> DriveAnswer:
        metadata, content, kind = _upload_parts(call)
        if metadata.get("mimeType", SPREADSHEET) != SPREADSHEET:
            raise bad_request(f"Local Sheets only keeps uploads as {SPREADSHEET}: set that mimeType.")
        uploads.read_table(content, kind)
        sheet = files.create_spreadsheet(self._engine, metadata, call.caller)
        await self._replace(call, sheet.spreadsheet_id, content, kind)
        return self._answer(call, sheet.spreadsheet_id)

    async def _replace(self, call: DriveCall, file_id: str, content: bytes, kind: str) -> None:
        self._head(file_id, call.caller, "writer")
        rows = uploads.read_table(content, kind)
        await self._change(call, file_id, "writer", lambda tx: uploads.replace_contents(tx, rows))

    # -- permissions

    async def list_permissions(self, call: DriveCall, file_id: str) -> DriveAnswer:
        listed = self._head(file_id, call.caller)["permissions"]
        page = {"kind": "drive#permissionList", "permissions": [permissions.permission_resource(p) for p in listed]}
        default = f"kind,nextPageToken,permissions({_PERMISSION_FIELDS})"
        return DriveAnswer(200, read_fields(call.query.get("fields"), "PermissionList", default).pick(page))

    def _permission(self, call: DriveCall, found: Mapping[str, Any]) -> DriveAnswer:
        mask = read_fields(call.query.get("fields"), "Permission", _PERMISSION_FIELDS)
        return DriveAnswer(200, mask.pick(permissions.permission_resource(found)))

    async def create_permission(self, call: DriveCall, file_id: str) -> DriveAnswer:
        body = call.json()
        needed = "owner" if body.get("role") == "owner" else "writer"
        return self._permission(
            call, await self._change(call, file_id, needed, lambda tx: permissions.create(tx, body))
        )

    async def get_permission(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        return self._permission(call, permissions.find(self._head(file_id, call.caller)["permissions"], key))

    async def update_permission(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        body = call.json()
        needed = "owner" if body.get("role") == "owner" else "writer"
        return self._permission(
            call, await self._change(call, file_id, needed, lambda tx: permissions.update(tx, key, body))
        )

    async def delete_permission(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        await self._change(call, file_id, "writer", lambda tx: permissions.delete(tx, key))
        return DriveAnswer(204)

    # -- comments

    async def list_comments(self, call: DriveCall, file_id: str) -> DriveAnswer:
        mask = self._comment_mask(call, "CommentList")
        self._head(file_id, call.caller)
        listed = comments.comments_of(self._engine.open(file_id)) if file_id in self._engine else []
        return DriveAnswer(200, mask.pick({"kind": "drive#commentList", "comments": listed}))

    def _comment_mask(self, call: DriveCall, schema: str) -> Any:
        if not call.query.get("fields"):
            message = "The 'fields' parameter is required for this method."
            raise DriveError(400, message, "required", "fields")
        return read_fields(call.query["fields"], schema, "*")

    async def create_comment(self, call: DriveCall, file_id: str) -> DriveAnswer:
        body = call.json()
        mask = read_fields(call.query.get("fields"), "Comment", "*")
        made = await self._change(call, file_id, "commenter", lambda tx: comments.create(tx, body, call.caller))
        return DriveAnswer(200, mask.pick(made))

    async def get_comment(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        mask = self._comment_mask(call, "Comment")
        self._head(file_id, call.caller)
        return DriveAnswer(200, mask.pick(comments.find(self._engine.open(file_id), key)))

    async def delete_comment(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        await self._change(call, file_id, "commenter", lambda tx: comments.delete(tx, key))
        return DriveAnswer(204)


def _root_head(caller: str | None) -> dict[str, Any]:
    """The folder at the top, everybody's own."""
    times = {"createdTime": "2020-01-01T00:00:00.000Z", "modifiedTime": "2020-01-01T00:00:00.000Z"}
    owner = permissions.owner_permission(caller)
    return {"properties": {"title": "My Drive"}, "permissions": [owner], "file": {"mimeType": FOLDER, **times}}


def _upload_parts(call: DriveCall) -> tuple[dict[str, Any], bytes, str]:
    """Data, content and content type of an upload of type ``multipart`` or ``media``."""
    kind = call.query.get("uploadType")
    if kind == "multipart":
        return uploads.read_multipart(call.body, call.content_type)
    if kind == "media":
        return {}, call.body, call.content_type
    raise bad_request(f"Local Sheets takes uploads of type media and multipart, not {kind}.")


def _number(call: DriveCall, name: str, default: int, most: int) -> int:
    text = call.query.get(name) or str(default)
    if not text.isascii() or not text.isdecimal() or int(text) > most:
        raise invalid_value(name, f"Invalid value '{text}'. Values must be within the range: [0, {most}]")
    return int(text)


def _sorted(found: list[dict[str, Any]], order: str | None) -> list[dict[str, Any]]:
    """Latest change first, or as ``orderBy`` says: ``name,modifiedTime desc``."""
    for part in reversed((order or "modifiedTime desc").split(",")):
        name, _, direction = part.strip().partition(" ")
        key = {"name_natural": "name", "recency": "modifiedTime", "folder": "mimeType"}.get(name, name)
        if key not in ("name", "modifiedTime", "createdTime", "mimeType", "starred"):
            raise invalid_value("orderBy")
        found.sort(key=lambda file, key=key: _sort_value(file[key]), reverse=direction.strip() == "desc")  # type: ignore[misc]
    return found


def _sort_value(value: Any) -> str:
    return str(value).casefold()
