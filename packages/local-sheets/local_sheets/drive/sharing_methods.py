"""Drive's methods ``permissions`` and ``comments``."""

from collections.abc import Mapping
from typing import Any

from local_sheets.drive import comments, permissions
from local_sheets.drive.access import Access, DriveAnswer, DriveCall, comment_mask
from local_sheets.drive.resources import read_fields

#: Unless ``fields`` says otherwise; the last is there for those of the types domain and anyone.
_PERMISSION_FIELDS = "kind,id,type,role,allowFileDiscovery"


class SharingMethods:
    """One method of the API each."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def list_permissions(self, call: DriveCall, file_id: str) -> DriveAnswer:
        listed = self._access.head(file_id, call.caller)["permissions"]
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
            call, await self._access.change(call, file_id, needed, lambda tx: permissions.create(tx, body))
        )

    async def get_permission(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        return self._permission(call, permissions.find(self._access.head(file_id, call.caller)["permissions"], key))

    async def update_permission(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        body = call.json()
        needed = "owner" if body.get("role") == "owner" else "writer"
        return self._permission(
            call, await self._access.change(call, file_id, needed, lambda tx: permissions.update(tx, key, body))
        )

    async def delete_permission(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        await self._access.change(call, file_id, "writer", lambda tx: permissions.delete(tx, key))
        return DriveAnswer(204)

    # -- comments

    async def list_comments(self, call: DriveCall, file_id: str) -> DriveAnswer:
        mask = comment_mask(call, "CommentList")
        self._access.head(file_id, call.caller)
        listed = comments.comments_of(self._access.engine.open(file_id)) if file_id in self._access.engine else []
        return DriveAnswer(
            200,
            mask.pick({"kind": "drive#commentList", "comments": [comments.shown(one, call.caller) for one in listed]}),
        )

    async def create_comment(self, call: DriveCall, file_id: str) -> DriveAnswer:
        body = call.json()
        mask = comment_mask(call, "Comment")
        made = await self._access.change(call, file_id, "commenter", lambda tx: comments.create(tx, body, call.caller))
        return DriveAnswer(200, mask.pick(comments.shown(made, call.caller)))

    async def get_comment(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        mask = comment_mask(call, "Comment")
        self._access.head(file_id, call.caller)
        return DriveAnswer(
            200, mask.pick(comments.shown(comments.find(self._access.engine.open(file_id), key), call.caller))
        )

    async def update_comment(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        mask, body = comment_mask(call, "Comment"), call.json()
        made = await self._access.change(
            call, file_id, "commenter", lambda tx: comments.update(tx, key, body, call.caller)
        )
        return DriveAnswer(200, mask.pick(comments.shown(made, call.caller)))

    async def delete_comment(self, call: DriveCall, file_id: str, key: str) -> DriveAnswer:
        await self._access.change(call, file_id, "commenter", lambda tx: comments.delete(tx, key))
        return DriveAnswer(204)
