"""Drive's methods ``replies``, on the comments that people and programs share."""

from typing import Any

from local_sheets.drive import comments
from local_sheets.drive.access import Access, DriveAnswer, DriveCall, comment_mask
from local_sheets.drive.errors import file_not_found


class ReplyMethods:
    """One method of the API each."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def create_reply(self, call: DriveCall, file_id: str, comment_id: str) -> DriveAnswer:
        mask, body = comment_mask(call, "Reply"), call.json()
        made = await self._access.change(
            call, file_id, "commenter", lambda tx: comments.reply(tx, comment_id, body, call.caller)
        )
        return DriveAnswer(200, mask.pick(comments.shown(made, call.caller)))

    async def list_replies(self, call: DriveCall, file_id: str, comment_id: str) -> DriveAnswer:
        mask = comment_mask(call, "ReplyList")
        replies = comments.shown(self._comment(call, file_id, comment_id), call.caller)["replies"]
        return DriveAnswer(200, mask.pick({"kind": "drive#replyList", "replies": replies}))

    async def get_reply(self, call: DriveCall, file_id: str, comment_id: str, key: str) -> DriveAnswer:
        mask = comment_mask(call, "Reply")
        found = comments.find_reply(self._comment(call, file_id, comment_id), key)
        return DriveAnswer(200, mask.pick(comments.shown(found, call.caller)))

    async def update_reply(self, call: DriveCall, file_id: str, comment_id: str, key: str) -> DriveAnswer:
        mask, body = comment_mask(call, "Reply"), call.json()
        made = await self._access.change(
            call, file_id, "commenter", lambda tx: comments.update_reply(tx, comment_id, key, body, call.caller)
        )
        return DriveAnswer(200, mask.pick(comments.shown(made, call.caller)))

    async def delete_reply(self, call: DriveCall, file_id: str, comment_id: str, key: str) -> DriveAnswer:
        await self._access.change(call, file_id, "commenter", lambda tx: comments.delete_reply(tx, comment_id, key))
        return DriveAnswer(204)

    def _comment(self, call: DriveCall, file_id: str, comment_id: str) -> dict[str, Any]:
        self._access.head(file_id, call.caller)
        if file_id not in self._access.engine:
            raise file_not_found(file_id)
        return comments.find(self._access.engine.open(file_id), comment_id)
