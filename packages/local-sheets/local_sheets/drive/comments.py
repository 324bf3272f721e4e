"""Comments on a file: kept as they came, beside the file's other data.

See https://developers.google.com/workspace/drive/api/reference/rest/v3/comments
"""

import secrets
from collections.abc import Mapping
from typing import Any

from local_sheets.change_marks import timestamp
from local_sheets.drive.errors import DriveError, bad_request, not_allowed
from local_sheets.drive.resources import user_resource
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.transaction import Transaction
from local_sheets.sharing import LOCAL_OWNER


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


def shown(one: Mapping[str, Any], caller: str | None) -> dict[str, Any]:
    """A comment or a reply as the API shows it to a caller: of authors neither address nor permission."""
    author = user_resource(one["author"]["emailAddress"], caller)
    found = {**one, "author": {name: author[name] for name in ("kind", "displayName", "me")}}
    if "replies" in one:
        found["replies"] = [shown(reply, caller) for reply in one["replies"]]
    return found


def find(sheet: Spreadsheet, comment_id: str) -> dict[str, Any]:
    """The comment with an id.

    Raises:
        DriveError: 404, there is none.
    """
    found = next((comment for comment in comments_of(sheet) if comment["id"] == comment_id), None)
    if found is None:
        raise DriveError(404, f"Comment not found: {comment_id}.", "notFound", "commentId")
    return found


def update(tx: Transaction, comment_id: str, body: Mapping[str, Any], caller: str | None) -> dict[str, Any]:
    """comments.update: another text, by who wrote it.

    Raises:
        DriveError: 404, there is no such comment; 403, it is somebody else's; 400, it has no content.
    """
    comment = find(tx.spreadsheet, comment_id)
    fresh = _with_content(comment, body, caller)
    _replace(tx, comment, fresh)
    return fresh


def _with_content(old: Mapping[str, Any], body: Mapping[str, Any], caller: str | None) -> dict[str, Any]:
    """A comment or a reply with another text."""
    if caller is not None and old["author"].get("emailAddress") != caller:
        raise not_allowed()
    content = body.get("content")
    if not isinstance(content, str) or not content:
        raise bad_request("The content field is required.")
    return {**old, "content": content, "htmlContent": _html(content), "modifiedTime": timestamp()}


def _replace(tx: Transaction, old: Mapping[str, Any], fresh: Mapping[str, Any]) -> None:
    kept = [fresh if one is old else one for one in comments_of(tx.spreadsheet)]
    tx.spreadsheet.file = {**tx.spreadsheet.file, "comments": kept}


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
    _replace(
        tx, comment, {**comment, "modifiedTime": now, "resolved": resolved, "replies": [*comment["replies"], made]}
    )
    return made


def find_reply(comment: Mapping[str, Any], reply_id: str) -> dict[str, Any]:
    """The reply with an id.

    Raises:
        DriveError: 404, there is none.
    """
    found: dict[str, Any] | None = next((one for one in comment["replies"] if one["id"] == reply_id), None)
    if found is None:
        raise DriveError(404, f"Reply not found: {reply_id}.", "notFound", "replyId")
    return found


def update_reply(
    tx: Transaction, comment_id: str, reply_id: str, body: Mapping[str, Any], caller: str | None
) -> dict[str, Any]:
    """replies.update: another text, by who wrote it.

    Raises:
        DriveError: 404, there is no such reply; 403, it is somebody else's; 400, it has no content.
    """
    comment = find(tx.spreadsheet, comment_id)
    old = find_reply(comment, reply_id)
    fresh = _with_content(old, body, caller)
    _replace(tx, comment, {**comment, "replies": [fresh if one is old else one for one in comment["replies"]]})
    return fresh


def delete_reply(tx: Transaction, comment_id: str, reply_id: str) -> None:
    """replies.delete

    Raises:
        DriveError: 404, there is no such reply.
    """
    comment = find(tx.spreadsheet, comment_id)
    gone = find_reply(comment, reply_id)
    _replace(tx, comment, {**comment, "replies": [one for one in comment["replies"] if one is not gone]})


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
