"""Who may open and change a spreadsheet: Drive's permissions, without Drive."""

from collections.abc import Iterable, Mapping
from typing import Any

from local_sheets.api_error import forbidden

_READERS = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
_WRITERS = ("writer", "fileOrganizer", "organizer", "owner")


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
