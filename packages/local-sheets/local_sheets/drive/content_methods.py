"""Drive's methods for content: export, the editor's download links, uploads."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from local_sheets.a1 import RangeError
from local_sheets.api_error import ApiError
from local_sheets.drive import files, uploads
from local_sheets.drive.access import Access, DriveAnswer, DriveCall
from local_sheets.drive.errors import DriveError, bad_request
from local_sheets.drive.export import CSV, HTML, TSV, XLSX, export
from local_sheets.drive.resources import SPREADSHEET, file_resource_v2
from local_sheets.drive.resumable import Uploads, begins, finished
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect
from local_sheets.references import rect_on

#: A whole file is asked for.
NO_MORE: Mapping[str, str] = MappingProxyType({})
_EXPORT_FORMATS = {"csv": CSV, "tsv": TSV, "xlsx": XLSX}
_PUBLISHED = {**_EXPORT_FORMATS, "html": HTML}


class ContentMethods:
    """One method of the API each."""

    def __init__(self, access: Access) -> None:
        self._access, self._uploads = access, Uploads()

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
        return await self._export(call, file_id or call.query.get("id", ""), mime_type, call.query)

    async def published(self, call: DriveCall, file_id: str) -> DriveAnswer:
        """The link of what is published to the web: ``/spreadsheets/d/ID/pub?output=csv``."""
        name = call.query.get("output", "html")
        mime_type = _PUBLISHED.get(name)
        if mime_type is None:
            raise bad_request(f"Local Sheets does not publish {name}. Ask for {', '.join(_PUBLISHED)}.")
        return await self._export(call, file_id, mime_type, {**call.query, "revision": ""})

    async def published_page(self, call: DriveCall, file_id: str) -> DriveAnswer:
        """The same as a page: ``/spreadsheets/d/ID/pubhtml``."""
        return await self._export(call, file_id, HTML, {**call.query, "revision": ""})

    async def _export(
        self, call: DriveCall, file_id: str, mime_type: str, asked: Mapping[str, str] = NO_MORE
    ) -> DriveAnswer:
        """``asked``: which tab (``gid``), which cells (``range``), which version (``revision``)."""
        revision = asked.get("revision")
        self._access.head(file_id, call.caller, "writer" if revision else "reader")
        if file_id not in self._access.engine:
            raise DriveError(403, "Export only supports Docs Editors files.", "fileNotExportable")
        async with self._access.engine.lock(file_id):
            if not revision:
                sheet = self._access.engine.open(file_id)
            else:
                number = int(revision) if revision.isascii() and revision.isdecimal() else 0
                sheet = await asyncio.to_thread(self._access.engine.at_version, file_id, number)
            content = await asyncio.to_thread(export, sheet, mime_type, _area(sheet, asked))
        headers = {"Content-Type": mime_type}
        if mime_type != HTML:
            headers["Content-Disposition"] = "attachment"
        return DriveAnswer(200, content=content, headers=headers)

    async def upload_v2(self, call: DriveCall, file_id: str) -> DriveAnswer:
        await self._replace(call, file_id, call.body, call.content_type)
        head = self._access.head(file_id, call.caller)
        etag = f'"{head["file"]["modifiedTime"]}"'
        return DriveAnswer(200, file_resource_v2(file_id, head, call.caller, etag), headers={"ETag": etag})

    async def upload(self, call: DriveCall, file_id: str) -> DriveAnswer:
        self._access.head(file_id, call.caller, "writer")
        return await self._upload(call, file_id)

    async def upload_new(self, call: DriveCall) -> DriveAnswer:
        return await self._upload(call, None)

    async def _upload(self, call: DriveCall, file_id: str | None) -> DriveAnswer:
        """All kinds of uploads: in one request, or begun and sent afterwards."""
        if "upload_id" in call.query:
            found = self._uploads.take(call)
            if isinstance(found, DriveAnswer):
                return found
            kind = found.kind or call.content_type
            return finished(call, await self._store(found.call, file_id, found.metadata, found.content, kind))
        if begins(call):
            return self._uploads.begin(call)
        return await self._store(call, file_id, *_upload_parts(call))

    async def _store(
        self, call: DriveCall, file_id: str | None, metadata: dict[str, Any], content: bytes, kind: str
    ) -> DriveAnswer:
        """Keep what was uploaded: in a file, or in a new one."""
        if file_id is None:
            if metadata.get("mimeType", SPREADSHEET) != SPREADSHEET:
                raise bad_request(f"Local Sheets only keeps uploads as {SPREADSHEET}: set that mimeType.")
            put = await asyncio.to_thread(uploads.read_contents, content, kind)
            file_id = files.create_spreadsheet(self._access.engine, metadata, call.caller).spreadsheet_id
            await self._access.change(call, file_id, "writer", put)
            return self._access.answer(call, file_id)
        await self._replace(call, file_id, content, kind)
        if metadata:
            await self._access.change(
                call, file_id, "writer", lambda tx: files.update_spreadsheet(tx, metadata, "", "")
            )
        return self._access.answer(call, file_id)

    async def _replace(self, call: DriveCall, file_id: str, content: bytes, kind: str) -> None:
        self._access.head(file_id, call.caller, "writer")
        put = await asyncio.to_thread(uploads.read_contents, content, kind)
        await self._access.change(call, file_id, "writer", put)


def _area(sheet: Spreadsheet, asked: Mapping[str, str]) -> Rect | None:
    """The cells that a link asks for, None where it names neither a tab nor a range.

    Raises:
        DriveError: There is no such tab, or no such range.
    """
    gid, text = asked.get("gid"), asked.get("range")
    if gid is None and not text:
        return None
    tab = sheet.tabs[0] if gid is None else next((tab for tab in sheet.tabs if str(tab.sheet_id) == gid), None)
    if tab is None:
        raise bad_request(f"No sheet with id: {gid}")
    try:
        return rect_on(sheet, tab, text) if text else tab.rect()
    except (RangeError, ApiError) as error:
        raise bad_request(str(error)) from None


def _upload_parts(call: DriveCall) -> tuple[dict[str, Any], bytes, str]:
    """Data, content and content type of an upload of type ``multipart`` or ``media``."""
    kind = call.query.get("uploadType") or call.headers.get("x-goog-upload-protocol")
    if kind == "multipart":
        return uploads.read_multipart(call.body, call.content_type)
    if kind in ("media", "raw"):
        return {}, call.body, call.content_type
    raise bad_request(f"Local Sheets takes uploads of type media, multipart and resumable, not {kind}.")
