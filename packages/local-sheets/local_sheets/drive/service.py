"""Drive's methods on the spreadsheets of an engine: which request is for which of them."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote

from local_sheets.drive.access import Access, DriveAnswer, DriveCall
from local_sheets.drive.content_methods import ContentMethods
from local_sheets.drive.errors import DriveError
from local_sheets.drive.file_methods import FileMethods
from local_sheets.drive.folders import Folders
from local_sheets.drive.sharing_methods import SharingMethods
from local_sheets.engine import Engine

Serve = Callable[..., Awaitable[DriveAnswer]]


class DriveService:
    """Drive on one engine. ``data_dir`` keeps the folders."""

    def __init__(self, engine: Engine, data_dir: Path) -> None:
        access = Access(engine, Folders(data_dir / "folders.json"))
        file, content, sharing = FileMethods(access), ContentMethods(access), SharingMethods(access)
        names, key = "files/(?P<file_id>[^/]+)", "(?P<key>[^/]+)"
        self._routes: list[tuple[str, str, re.Pattern[str], Serve]] = [
            (name, verb, re.compile(pattern), serve)
            for name, verb, pattern, serve in (
                ("about.get", "GET", "/drive/v3/about", file.about),
                ("files.create", "POST", "/drive/v3/files", file.create),
                ("files.list", "GET", "/drive/v3/files", file.list),
                ("files.get", "GET", f"/drive/v3/{names}", file.get),
                ("files.update", "PATCH", f"/drive/v3/{names}", file.update),
                ("files.delete", "DELETE", f"/drive/v3/{names}", file.delete),
                ("files.copy", "POST", f"/drive/v3/{names}/copy", file.copy),
                ("files.export", "GET", f"/drive/v3/{names}/export", content.export),
                ("permissions.list", "GET", f"/drive/v3/{names}/permissions", sharing.list_permissions),
                ("permissions.create", "POST", f"/drive/v3/{names}/permissions", sharing.create_permission),
                ("permissions.get", "GET", f"/drive/v3/{names}/permissions/{key}", sharing.get_permission),
                ("permissions.update", "PATCH", f"/drive/v3/{names}/permissions/{key}", sharing.update_permission),
                ("permissions.delete", "DELETE", f"/drive/v3/{names}/permissions/{key}", sharing.delete_permission),
                ("comments.list", "GET", f"/drive/v3/{names}/comments", sharing.list_comments),
                ("comments.create", "POST", f"/drive/v3/{names}/comments", sharing.create_comment),
                ("comments.get", "GET", f"/drive/v3/{names}/comments/{key}", sharing.get_comment),
                ("comments.delete", "DELETE", f"/drive/v3/{names}/comments/{key}", sharing.delete_comment),
                ("files.update", "PUT", f"/upload/drive/v2/{names}", content.upload_v2),
                ("files.create", "POST", "/upload/drive/v3/files", content.upload_new),
                ("files.update", "PATCH", f"/upload/drive/v3/{names}", content.upload),
                ("files.export", "GET", "/spreadsheets/d/(?P<file_id>[^/]+)/export", content.download),
                ("files.export", "GET", "/spreadsheets/export", content.download),
                ("userinfo.get", "GET", "/(?:userinfo/v2/me|oauth2/v[123]/userinfo)", file.user_info),
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
