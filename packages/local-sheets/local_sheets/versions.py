"""Versions of a spreadsheet, kept in its own file: who made each and when, and what it held.

A version is what one editor did without a long pause. Of each one is kept only what its first change of a record (a row,
the order of a block of rows, a tab, the head) replaced: the spreadsheet at the end of version 7 is the present one, with
what versions 8 and later replaced put back. Nothing is kept of records that are new, so a first fill costs nothing; the
oldest versions go when there are too many or too large ones.

To use them, hold the spreadsheet's lock (``Engine.lock``) and call

- ``engine.versions(spreadsheet_id)``: all versions that can be looked at, the newest (which is the present) first;
- ``engine.at_version(spreadsheet_id, number)``: the spreadsheet as that version left it, to be read only (404 if it is not kept);
- ``engine.restore(spreadsheet_id, number, editor)``: makes it the present again, as a version of its own.

Sharing, comments and the title are no part of versions, as with Google.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local_sheets.change_marks import has_new_content
from local_sheets.model.rows import Block, Row
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction

#: An editor who does nothing for so long begins another version, and so does one who goes on for longer than LONGEST.
PAUSE_SECONDS = 5 * 60.0
LONGEST_SECONDS = 30 * 60.0
MOST_VERSIONS = 500
#: Of what versions keep; the newest one is kept whatever its size, which is at most that of the spreadsheet.
MOST_BYTES = 64 * 1024 * 1024

SCHEMA = """
CREATE TABLE IF NOT EXISTS version (number INTEGER PRIMARY KEY, author TEXT, started REAL NOT NULL, ended REAL NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS past (version INTEGER, kind TEXT, sheet_id INTEGER, key INTEGER, body BLOB,
    PRIMARY KEY (version, kind, sheet_id, key)) WITHOUT ROWID;
"""

#: Per kind of record: its table, its key, its body, and which of them belong to a tab.
_RECORDS = {
    "state": ("state", "0", "body", "0 = ? AND name = 'spreadsheet'"),
    "metadata": ("metadata", "metadata_id", "body", "0 = ?"),
    "tab": ("tab", "0", "body", "sheet_id = ?"),
    "blocks": ("tab", "0", "blocks", "sheet_id = ?"),
    "block": ("block", "block_id", "row_ids", "sheet_id = ?"),
    "row": ("row", "row_id", "body", "sheet_id = ?"),
}


@dataclass(frozen=True, slots=True)
class Version:
    """One version. ``author`` is an e-mail address, None for the person at this machine; times are seconds since 1970."""

    number: int
    author: str | None
    started: float
    ended: float


def continues(last: Version, author: str | None, now: float) -> bool:
    """Whether a change belongs to the version before it."""
    is_near = 0 <= now - last.ended < PAUSE_SECONDS and now - last.started < LONGEST_SECONDS
    return last.author == author and is_near


def makes_version(tx: Transaction) -> bool:
    """Whether a change is kept as one of a version: not where only sharing and the like changed, or results of formulas."""
    is_about_more = bool(tx.metadata_before) or any(change.kind != "results" for change in tx.changes)
    return has_new_content(tx) and (is_about_more or not tx.changes)


class VersionTable:
    """The versions in one file; all of its writing happens within the transaction of the change."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._current: Version | None = None

    @property
    def _db(self) -> sqlite3.Connection:
        return self._connect()

    def begin(self, author: str | None, *, anew: bool = False) -> None:
        """Say whose change comes now; ``anew`` makes a version of its own of it."""
        now = time.time()
        last = self._last()
        if last is not None and not anew and continues(last, author, now):
            self._current = Version(last.number, author, last.started, now)
            self._db.execute("UPDATE version SET ended = ? WHERE number = ?", [now, last.number])
            return
        if last is not None:
            self._finish(last.number)
        self._current = Version(1 if last is None else last.number + 1, author, now, now)
        self._db.execute(
            "INSERT INTO version (number, author, started, ended) VALUES (?, ?, ?, ?)",
            [self._current.number, author, now, now],
        )

    def _last(self) -> Version | None:
        row = self._db.execute(
            "SELECT number, author, started, ended FROM version ORDER BY number DESC LIMIT 1"
        ).fetchone()
        return None if row is None else Version(*row)

    def _finish(self, number: int) -> None:
        """Measure the last version, and let go of the oldest ones where all together are too many or too large."""
        self._db.execute(
            "UPDATE version SET bytes = (SELECT coalesce(sum(length(body)), 0) FROM past WHERE version = number)"
            " WHERE number = ?",
            [number],
        )
        kept, size, oldest = 0, 0, number
        for one, taken in self._db.execute("SELECT number, bytes FROM version ORDER BY number DESC").fetchall():
            if kept == MOST_VERSIONS or (kept and size > MOST_BYTES):
                break
            kept, size, oldest = kept + 1, size + taken, one
        self._db.execute("DELETE FROM version WHERE number < ?", [oldest])
        self._db.execute("DELETE FROM past WHERE version <= ?", [oldest])

    def keep(self, kind: str, sheet_id: int, keys: Iterable[int] | None = None) -> None:
        """Keep what stands under these keys (None: all of the tab's) before it is replaced or deleted."""
        if self._current is None or self._current.number == 1:  # before the first one there is nothing to look at
            return
        table, key, body, condition = _RECORDS[kind]
        select = (
            f"INSERT OR IGNORE INTO past SELECT {self._current.number}, '{kind}', ?, {key}, {body} FROM {table}"
            f" WHERE {condition}"
        )
        if keys is None:
            self._db.execute(select, [sheet_id, sheet_id])
        else:
            self._db.executemany(f"{select} AND {key} = ?", ((sheet_id, sheet_id, one) for one in keys))

    def keep_absent(self, kind: str, keys: Iterable[int]) -> None:
        """Keep that nothing stood under these keys; for kinds of which nothing else says what belongs to a version."""
        if self._current is not None:
            rows = ((self._current.number, kind, one) for one in keys)
            self._db.executemany("INSERT OR IGNORE INTO past VALUES (?, ?, 0, ?, NULL)", rows)

    def end(self) -> None:
        """The change is written."""
        self._current = None

    # -- reading

    def all(self) -> list[Version]:
        """Newest first."""
        found = self._db.execute("SELECT number, author, started, ended FROM version ORDER BY number DESC")
        return [Version(*row) for row in found]

    def records(self, kind: str, sheet_id: int = 0, number: int | None = None) -> Iterator[tuple[int, Any]]:
        """Keys and bodies: the present ones, or those at the end of a version, where a key's last body is the right one.

        Some that the version did not have may be among them: its head, tabs and blocks say what belongs to it.
        """
        table, key, body, condition = _RECORDS[kind]
        yield from self._db.execute(f"SELECT {key}, {body} FROM {table} WHERE {condition}", [sheet_id])
        if number is not None:
            yield from self._db.execute(
                "SELECT key, body FROM past WHERE version > ? AND kind = ? AND sheet_id = ? ORDER BY version DESC",
                [number, kind, sheet_id],
            )


def put_back(tx: Transaction, past: Spreadsheet) -> None:
    """Make a version the present again. Rows that are as they were stay the same ones, so that little is written."""
    sheet = tx.spreadsheet
    tx.begins_version = True
    sheet.properties = {**past.properties, "title": sheet.title}
    sheet.named_ranges = past.named_ranges
    for key in sheet.metadata.keys() | past.metadata.keys():
        if sheet.metadata.get(key) != past.metadata.get(key):
            tx.set_metadata(key, past.metadata.get(key))
    live = {tab.sheet_id: tab for tab in sheet.tabs}
    sheet.tabs = [_put_back_tab(tx, live.get(tab.sheet_id), tab) for tab in past.tabs]
    for tab in sheet.tabs:
        tx.note_tab(tab, "version")


def _put_back_tab(tx: Transaction, live: Tab | None, past: Tab) -> Tab:
    if live is None:
        return past
    tx.touch(live)
    live.sheet, live.columns = past.sheet, past.columns
    known = {row.row_id: row for block in live.rows.blocks for row in block.rows if row is not None}
    blocks = [
        Block(block.block_id, [_same_or(known, row) for row in block.rows], tx.serial) for block in past.rows.blocks
    ]
    live.rows.next_block_id = max(live.rows.next_block_id, past.rows.next_block_id)
    live.next_row_id = max(live.next_row_id, past.next_row_id)
    live.rows.restore(blocks)
    return live


def _same_or(known: dict[int, Row], row: Row | None) -> Row | None:
    """The present row where it is equal to that of the version."""
    if row is None or (now := known.get(row.row_id)) is None:
        return row
    is_same = list(now.cells) == list(row.cells) and now.properties == row.properties and now.metadata == row.metadata
    return now if is_same and [*map(type, now.cells)] == [*map(type, row.cells)] else row
