"""Comments on a file: kept as they came, beside the file's other data.

See https://developers.google.com/workspace/drive/api/reference/rest/v3/comments
"""

import secrets
from collections.abc import Mapping
from typing import Any

from local_sheets.change_marks import timestamp
from local_sheets.drive.errors import DriveError, bad_request
from local_sheets.drive.permissions import LOCAL_OWNER
from local_sheets.drive.resources import user_resource
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.transaction import Transaction


def comments_of(sheet: Spreadsheet) -> list[dict[str, Any]]:
    """All comments in the order in which they were made."""
    found: list[dict[str, Any]] = sheet.file.get("comments", [])
    return found


def create(tx: Transaction, body: Mapping[str, Any], caller: str | None) -> dict[str, Any]:
    """comments.create

    Raises:
        DriveError: 400, it has no content.
    """
    content = body.get("content")
    if not isinstance(content, str) or not content:
        raise bad_request("The content field is required.")
    now = timestamp()
    comment: dict[str, Any] = {
        "kind": "drive#comment",
        "id": secrets.token_urlsafe(8),
        "createdTime": now,
        "modifiedTime": now,
        "author": user_resource(caller or LOCAL_OWNER, caller),
        "deleted": False,
        "resolved": False,
        "content": content,
        "htmlContent": _html(content),
        "replies": [],
    }
    for name in ("anchor", "quotedFileContent"):
        if body.get(name):
            comment[name] = body[name]
    tx.spreadsheet.file = {**tx.spreadsheet.file, "comments": [*comments_of(tx.spreadsheet), comment]}
    return comment


def find(sheet: Spreadsheet, comment_id: str) -> dict[str, Any]:
    """The comment with an id.

    Raises:
        DriveError: 404, there is none.
    """
    found = next((comment for comment in comments_of(sheet) if comment["id"] == comment_id), None)
    if found is None:
        raise DriveError(404, f"Comment not found: {comment_id}.", "notFound", "commentId")
    return found


def reply(tx: Transaction, comment_id: str, body: Mapping[str, Any], caller: str | None) -> dict[str, Any]:
    """replies.create: a text, or the action that resolves or reopens the comment, or both.

    Raises:
        DriveError: 404, there is no such comment; 400, the reply has neither, or another action.
    """
    comment = find(tx.spreadsheet, comment_id)
    content, action = body.get("content") or "", body.get("action")
    if not isinstance(content, str) or action not in (None, "resolve", "reopen") or not (content or action):
        raise bad_request("A reply needs content, or an action that is resolve or reopen.")
    now = timestamp()
    made: dict[str, Any] = {
        "kind": "drive#reply",
        "id": secrets.token_urlsafe(8),
        "createdTime": now,
        "modifiedTime": now,
        "author": user_resource(caller or LOCAL_OWNER, caller),
        "deleted": False,
        "content": content,
        "htmlContent": _html(content),
    }
    if action:
        made["action"] = action
    resolved = comment["resolved"] if action is None else action == "resolve"
    fresh = {**comment, "modifiedTime": now, "resolved": resolved, "replies": [*comment["replies"], made]}
    kept = [fresh if one is comment else one for one in comments_of(tx.spreadsheet)]
    tx.spreadsheet.file = {**tx.spreadsheet.file, "comments": kept}
    return made


def _html(content: str) -> str:
    return content.replace("&", "&amp;").replace("<", "&lt;")


def delete(tx: Transaction, comment_id: str) -> None:
    """comments.delete

    Raises:
        DriveError: 404, there is none.
    """
    gone = find(tx.spreadsheet, comment_id)
    kept = [comment for comment in comments_of(tx.spreadsheet) if comment is not gone]
    tx.spreadsheet.file = {**tx.spreadsheet.file, "comments": kept}
