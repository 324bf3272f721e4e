"""Drive's methods ``revisions``: the versions of a spreadsheet, oldest first.

See https://developers.google.com/workspace/drive/api/guides/manage-revisions
"""

from datetime import UTC, datetime
from typing import Any

from local_sheets.change_marks import drive_time
from local_sheets.drive.access import Access, DriveAnswer, DriveCall, page_size
from local_sheets.drive.errors import DriveError, bad_request, invalid_value
from local_sheets.drive.resources import SPREADSHEET, export_links, read_fields, user_resource
from local_sheets.sharing import LOCAL_OWNER
from local_sheets.versions import Version

_FIELDS = "kind,id,mimeType,modifiedTime"


class RevisionMethods:
    """One method of the API each."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def list_revisions(self, call: DriveCall, file_id: str) -> DriveAnswer:
        mask = read_fields(call.query.get("fields"), "RevisionList", f"kind,nextPageToken,revisions({_FIELDS})")
        size, start = page_size(call, 200), _start(call)
        found = [version for version in await self._versions(call, file_id) if version.number >= start]
        page: dict[str, Any] = {"kind": "drive#revisionList"}
        if len(found) > size:
            page["nextPageToken"] = str(found[size].number)
        page["revisions"] = [_resource(file_id, version, call.caller) for version in found[:size]]
        return DriveAnswer(200, mask.pick(page))

    async def get_revision(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        mask = read_fields(call.query.get("fields"), "Revision", _FIELDS)
        versions = await self._versions(call, file_id)
        found = versions[-1:] if key == "head" else [version for version in versions if str(version.number) == key]
        if not found:
            raise DriveError(404, f"Revision not found: {key}.", "notFound", "revisionId")
        if call.query.get("alt") == "media":
            message = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
            raise DriveError(403, message, "fileNotDownloadable", "alt")
        return DriveAnswer(200, mask.pick(_resource(file_id, found[0], call.caller)))

    async def update_revision(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        """Nothing of a spreadsheet's revision can be set here; a body that sets nothing is answered with the revision."""
        found = await self.get_revision(call, file_id, key)
        given = call.json()
        if given.get("keepForever"):
            raise DriveError(403, "Only revisions of files with binary content can be kept forever.", "forbidden")
        if any(given.get(name) for name in ("published", "publishAuto", "publishedOutsideDomain")):
            raise bad_request("Local Sheets publishes no revisions: share the file with anyone, and its /pub shows it.")
        return found

    async def delete_revision(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        """As the discovery document says, revisions of spreadsheets stay."""
        await self.get_revision(call, file_id, key)
        message = "Only revisions of files with binary content can be deleted, those of Docs Editors files cannot."
        raise DriveError(403, message, "forbidden")

    async def _versions(self, call: DriveCall, file_id: str) -> list[Version]:
        """Oldest first.

        Raises:
            DriveError: 404, 403: the caller may not look at them, or the file is a folder.
        """
        self._access.head(file_id, call.caller, "writer")
        engine = self._access.engine
        if file_id not in engine:
            raise DriveError(403, "The file does not support revisions.", "revisionsNotSupported")
        async with engine.lock(file_id):
            return engine.versions(file_id)[::-1]


def _start(call: DriveCall) -> int:
    text = call.query.get("pageToken") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise invalid_value("pageToken")
    return int(text)


def _resource(file_id: str, version: Version, caller: str | None) -> dict[str, Any]:
    """The API's ``Revision``."""
    revision = str(version.number)
    return {
        "kind": "drive#revision",
        "id": revision,
        "mimeType": SPREADSHEET,
        "modifiedTime": drive_time(datetime.fromtimestamp(version.ended, UTC)),
        "lastModifyingUser": user_resource(version.author or LOCAL_OWNER, caller),
        "published": False,
        "exportLinks": {kind: f"{link}&revision={revision}" for kind, link in export_links(file_id).items()},
    }
