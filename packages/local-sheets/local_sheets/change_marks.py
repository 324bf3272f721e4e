"""What each change leaves in a file's data: its number, its time, the next version, and who lost access by it.

The numbers count the changes of all files of a data folder. As each file remembers its latest one, Drive's list of changes
needs no log: it is the files in the order of their numbers. See ``drive/changes.py``.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from local_sheets.model.transaction import Transaction

#: A file's data that is no content of it: changing it moves the version, and leaves the time of modification.
_NO_CONTENT = ("comments", "parents", "starred", "trashed")


class ChangeNumbers:
    """Gives out numbers, and knows up to which of them all changes are over."""

    def __init__(self) -> None:
        self._last = 0
        self._under_way: set[int] = set()
        self._lock = threading.Lock()

    def start_after(self, number: int) -> None:
        """Give out no number that is not larger than this one."""
        with self._lock:
            self._last = max(self._last, number)

    @contextmanager
    def take(self) -> Iterator[int]:
        """The number of a change, which is over when the block is."""
        with self._lock:
            self._last += 1
            number = self._last
            self._under_way.add(number)
        try:
            yield number
        finally:
            with self._lock:
                self._under_way.discard(number)

    @property
    def settled(self) -> int:
        """The largest number up to which all changes are over."""
        with self._lock:
            return min(self._under_way) - 1 if self._under_way else self._last


def change_number(file: dict[str, Any]) -> int:
    """The number of a file's latest change, 0 where none was ever given."""
    return int(file.get("change", (0,))[0])


def mark_change(tx: Transaction, number: int) -> None:
    """Say in the file's data that it was changed."""
    sheet, now = tx.spreadsheet, timestamp()
    fresh: dict[str, Any] = {"change": [number, now], "version": int(sheet.file.get("version", 1)) + 1}
    is_set = sheet.file.get("modifiedTime") != tx.before.file.get("modifiedTime")
    if not is_set and not _is_about_sharing_only(tx):
        fresh |= {"modifiedTime": now, "modifiedBy": tx.editor}
    gone = _addresses(tx.before.permissions) - _addresses(sheet.permissions)
    if gone:
        fresh["lost"] = {**sheet.file.get("lost", {}), **{address: [number, now] for address in sorted(gone)}}
    sheet.file |= fresh


def has_new_content(tx: Transaction) -> bool:
    """Whether a transaction changed cells, tabs, names or metadata, beyond what Drive keeps of the file."""
    sheet, before = tx.spreadsheet, tx.before
    if tx.changes or tx.tabs_before or tx.metadata_before or sheet.named_ranges != before.named_ranges:
        return True
    same_tabs = len(sheet.tabs) == len(before.tabs) and all(
        a is b for a, b in zip(sheet.tabs, before.tabs, strict=True)
    )
    return not same_tabs or sheet.properties != before.properties


def _is_about_sharing_only(tx: Transaction) -> bool:
    if has_new_content(tx):
        return False
    old, new = tx.before.file, tx.spreadsheet.file
    moved = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if moved - set(_NO_CONTENT):
        return False
    return bool(moved) or tx.before.permissions != tx.spreadsheet.permissions


def _addresses(permissions: Iterable[dict[str, Any]]) -> set[str]:
    return {str(permission["emailAddress"]) for permission in permissions if permission.get("emailAddress")}


def timestamp() -> str:
    """Now, as Drive writes times."""
    return drive_time(datetime.now(UTC))


def drive_time(time: datetime) -> str:
    """A time as Drive writes it, in UTC with milliseconds; one without a zone is in UTC already."""
    known = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return known.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
