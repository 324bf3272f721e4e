"""Drive's methods on the spreadsheets of an engine: which request is for which of them."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from local_sheets.change_marks import change_number
from local_sheets.drive.access import Access, DriveAnswer, DriveCall
from local_sheets.drive.content_methods import ContentMethods
from local_sheets.drive.corpora import get_drive, list_drives
from local_sheets.drive.errors import DriveError
from local_sheets.drive.events import event_of
from local_sheets.drive.file_methods import FileMethods
from local_sheets.drive.kept import Kept
from local_sheets.drive.notifier import Notifier
from local_sheets.drive.reply_methods import ReplyMethods
from local_sheets.drive.revision_methods import RevisionMethods
from local_sheets.drive.sharing_methods import SharingMethods
from local_sheets.drive.watch_methods import WatchMethods
from local_sheets.engine import Engine
from local_sheets.model.transaction import Transaction

Serve = Callable[..., Awaitable[DriveAnswer]]


class DriveService:
    """Drive on one engine. ``data_dir`` keeps folders, channels and which files were removed."""

    def __init__(self, engine: Engine, data_dir: Path, **notifying: Any) -> None:
        self.notifier = Notifier(Kept(data_dir / "channels.json"), **notifying)
        folders, removed = Kept(data_dir / "folders.json"), Kept(data_dir / "removed-files.json")
        for head in (*folders.entries().values(), *removed.entries().values()):
            engine.numbers.start_after(change_number(head["file"]))
        engine.listeners.append(self._tell)
        access = Access(engine, folders, removed, self.notifier.tell)
        watch, revision = WatchMethods(access, self.notifier), RevisionMethods(access)
        file, content, sharing = FileMethods(access), ContentMethods(access), SharingMethods(access)
        reply = ReplyMethods(access)
        names, key = "files/(?P<file_id>[^/]+)", "(?P<key>[^/]+)"
        comment = "comments/(?P<comment_id>[^/]+)"
        self._routes: list[tuple[str, str, re.Pattern[str], Serve]] = [
            (name, verb, re.compile(pattern), serve)
            for name, verb, pattern, serve in (
                ("about.get", "GET", "/drive/v3/about", file.about),
                ("files.create", "POST", "/drive/v3/files", file.create),
                ("files.list", "GET", "/drive/v3/files", file.list),
                ("files.get", "GET", f"/drive/v3/{names}", file.get),
                ("files.update", "PATCH", f"/drive/v3/{names}", file.update),
                ("files.emptyTrash", "DELETE", "/drive/v3/files/trash", file.empty_trash),
                ("files.delete", "DELETE", f"/drive/v3/{names}", file.delete),
                ("files.copy", "POST", f"/drive/v3/{names}/copy", file.copy),
                ("files.export", "GET", f"/drive/v3/{names}/export", content.export),
                ("drives.list", "GET", "/drive/v3/drives", list_drives),
                ("drives.get", "GET", f"/drive/v3/drives/{key}", get_drive),
                ("files.watch", "POST", f"/drive/v3/{names}/watch", watch.watch_file),
                ("revisions.list", "GET", f"/drive/v3/{names}/revisions", revision.list_revisions),
                ("revisions.get", "GET", f"/drive/v3/{names}/revisions/{key}", revision.get_revision),
                ("revisions.update", "PATCH", f"/drive/v3/{names}/revisions/{key}", revision.update_revision),
                ("revisions.delete", "DELETE", f"/drive/v3/{names}/revisions/{key}", revision.delete_revision),
                ("changes.getStartPageToken", "GET", "/drive/v3/changes/startPageToken", watch.start_page_token),
                ("changes.list", "GET", "/drive/v3/changes", watch.list_changes),
                ("changes.watch", "POST", "/drive/v3/changes/watch", watch.watch_changes),
                ("channels.stop", "POST", "/drive/v3/channels/stop", watch.stop),
                ("permissions.list", "GET", f"/drive/v3/{names}/permissions", sharing.list_permissions),
                ("permissions.create", "POST", f"/drive/v3/{names}/permissions", sharing.create_permission),
                ("permissions.get", "GET", f"/drive/v3/{names}/permissions/{key}", sharing.get_permission),
                ("permissions.update", "PATCH", f"/drive/v3/{names}/permissions/{key}", sharing.update_permission),
                ("permissions.delete", "DELETE", f"/drive/v3/{names}/permissions/{key}", sharing.delete_permission),
                ("comments.list", "GET", f"/drive/v3/{names}/comments", sharing.list_comments),
                ("comments.create", "POST", f"/drive/v3/{names}/comments", sharing.create_comment),
                ("comments.get", "GET", f"/drive/v3/{names}/comments/{key}", sharing.get_comment),
                ("comments.update", "PATCH", f"/drive/v3/{names}/comments/{key}", sharing.update_comment),
                ("comments.delete", "DELETE", f"/drive/v3/{names}/comments/{key}", sharing.delete_comment),
                ("replies.create", "POST", f"/drive/v3/{names}/{comment}/replies", reply.create_reply),
                ("replies.list", "GET", f"/drive/v3/{names}/{comment}/replies", reply.list_replies),
                ("replies.get", "GET", f"/drive/v3/{names}/{comment}/replies/{key}", reply.get_reply),
                ("replies.update", "PATCH", f"/drive/v3/{names}/{comment}/replies/{key}", reply.update_reply),
                ("replies.delete", "DELETE", f"/drive/v3/{names}/{comment}/replies/{key}", reply.delete_reply),
                ("files.update", "PUT", f"/upload/drive/v2/{names}", content.upload_v2),
                ("files.create", "POST", "/upload/drive/v3/files", content.upload_new),
                ("files.create", "PUT", "/upload/drive/v3/files", content.upload_new),
                ("files.update", "PATCH", f"/upload/drive/v3/{names}", content.upload),
                ("files.update", "PUT", f"/upload/drive/v3/{names}", content.upload),
                ("files.update", "POST", f"/upload/drive/v3/{names}", content.upload),
                ("files.export", "GET", "/spreadsheets/d/(?P<file_id>[^/]+)/export", content.download),
                ("files.export", "GET", "/spreadsheets/export", content.download),
                ("files.export", "GET", "/spreadsheets/d/(?P<file_id>[^/]+)/pub", content.published),
                ("files.export", "GET", "/spreadsheets/d/(?P<file_id>[^/]+)/pubhtml", content.published_page),
                ("userinfo.get", "GET", "/(?:userinfo/v2/me|oauth2/v[123]/userinfo)", file.user_info),
            )
        ]

    @property
    def methods(self) -> set[str]:
        """The ids of all methods that are served."""
        return {f"drive.{name}" for name, *_ in self._routes}

    def method(self, verb: str, raw_path: str) -> str | None:
        """The id of the method that a request is for (``drive.files.list``), None when it is for none of these."""
        path = raw_path.rstrip("/")
        found = (name for name, known, pattern, _ in self._routes if verb == known and pattern.fullmatch(path))
        name = next(found, None)
        return name and f"drive.{name}"

    def _tell(self, tx: Transaction) -> None:
        if self.notifier.has_channels:
            self.notifier.tell(event_of(tx))

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
