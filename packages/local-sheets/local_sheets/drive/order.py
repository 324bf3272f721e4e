"""The ``orderBy`` of files.list: ``folder,modifiedTime desc,name``."""

import re
from collections.abc import Callable
from typing import Any

from local_sheets.drive.errors import invalid_value
from local_sheets.drive.resources import FOLDER

Files = list[dict[str, Any]]
_FIELDS = (
    "createdTime", "modifiedByMeTime", "modifiedTime", "name", "quotaBytesUsed", "sharedWithMeTime", "starred",
    "viewedByMeTime",
)  # fmt: skip


def read_order(text: str | None) -> Callable[[Files], Files]:
    """Puts files in order: latest change first where a request names none.

    Raises:
        DriveError: 400, a key is unknown.
    """
    keys: list[tuple[Callable[[dict[str, Any]], Any], bool]] = []
    for part in (text or "modifiedTime desc").split(","):
        name, _, direction = part.strip().partition(" ")
        if direction.strip() not in ("", "desc", "asc") or not (name in _FIELDS or name in _SPECIAL):
            raise invalid_value("orderBy")
        keys.append((_SPECIAL.get(name, _by_field(name)), direction.strip() == "desc"))

    def order(files: Files) -> Files:
        for key, is_reversed in reversed(keys):
            files.sort(key=key, reverse=is_reversed)
        return files

    return order


def _by_field(name: str) -> Callable[[dict[str, Any]], Any]:
    if name == "quotaBytesUsed":
        return lambda file: int(file[name])
    return lambda file: str(file.get(name, "")).casefold()


def _natural(file: dict[str, Any]) -> list[tuple[bool, int, str]]:
    """Names with numbers in them in the order of these numbers: 2 before 12."""
    parts = re.findall(r"\d+|\D+", file["name"].casefold())
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


_SPECIAL: dict[str, Callable[[dict[str, Any]], Any]] = {
    "folder": lambda file: file["mimeType"] != FOLDER,
    "name_natural": _natural,
    "recency": _by_field("modifiedTime"),
}
