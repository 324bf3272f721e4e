"""Who may open and change a spreadsheet: Drive's permissions, without Drive."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from local_sheets.api_error import forbidden

_READERS = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
_WRITERS = ("writer", "fileOrganizer", "organizer", "owner")

#: Somebody without a name: the person at this machine, where nobody has to show who they are.
LOCAL_OWNER = "me@local-sheets.invalid"


def role_of(permissions: Iterable[Mapping[str, Any]], email: str | None) -> str | None:
    """The strongest role that somebody has; a caller who need not show who they are is an owner."""
    if email is None:
        return "owner"
    roles = [
        str(p["role"])
        for p in permissions
        if p["type"] == "anyone" or str(p.get("emailAddress", "")).casefold() == email.casefold()
    ]
    return max(roles, key=_READERS.index, default=None)


def check_access(permissions: Iterable[Mapping[str, Any]], email: str | None, *, write: bool) -> None:
    """Refuse a caller with whom a spreadsheet is not shared, or not for writing.

    Raises:
        ApiError: 403 ``The caller does not have permission``.
    """
    if role_of(permissions, email) not in (_WRITERS if write else _READERS):
        raise forbidden()


def permission_id(kind: str, address: str) -> str:
    """Drive's number of a person, group or domain: the same for all files."""
    if kind == "anyone":
        return "anyoneWithLink"
    digits = str(int.from_bytes(hashlib.sha256(address.casefold().encode()).digest()[:8]) % 10**20).zfill(20)
    return f"{digits}k" if kind == "domain" else digits


def owner_permission(caller: str | None) -> dict[str, Any]:
    """The permission of who made a file."""
    address = caller or LOCAL_OWNER
    return {"id": permission_id("user", address), "type": "user", "role": "owner", "emailAddress": address}
