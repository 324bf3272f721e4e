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
        "htmlContent": content.replace("&", "&amp;").replace("<", "&lt;"),
        "replies": [],
    }
    if body.get("anchor"):
        comment["anchor"] = body["anchor"]
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


def delete(tx: Transaction, comment_id: str) -> None:
    """comments.delete

    Raises:
        DriveError: 404, there is none.
    """
    gone = find(tx.spreadsheet, comment_id)
    kept = [comment for comment in comments_of(tx.spreadsheet) if comment is not gone]
    tx.spreadsheet.file = {**tx.spreadsheet.file, "comments": kept}
