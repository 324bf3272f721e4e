"""Spreadsheets on disk: one SQLite file each, one record per row, one transaction per request.

A request's changes are committed together or not at all, also when the process is killed in between (SQLite's
write-ahead log). Rows stand under an id of their own; their order is kept in blocks, so that a row inserted in the
middle writes one row and one block. See https://www.sqlite.org/wal.html
"""

import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from local_sheets.model.cell import SharedPool
from local_sheets.model.rows import Block, Row, RowSequence
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Column, Tab
from local_sheets.model.transaction import TabBefore, Transaction
from local_sheets.store_codec import decode_cells, encode_cells
from local_sheets.versions import SCHEMA, Version, VersionTable, makes_version

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tab (sheet_id INTEGER PRIMARY KEY, body BLOB NOT NULL, blocks BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS block (sheet_id INTEGER, block_id INTEGER, row_ids BLOB NOT NULL,
    PRIMARY KEY (sheet_id, block_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS row (sheet_id INTEGER, row_id INTEGER, body BLOB NOT NULL,
    PRIMARY KEY (sheet_id, row_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shared (key INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS metadata (metadata_id INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""


class SpreadsheetFile:
    """The file of one spreadsheet. It is opened when first needed; ``close`` lets go of it until then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._versions = VersionTable(lambda: self._db)
        self._shared_saved = 0

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _opened(self.path)
        return self._connection

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def head(self) -> dict[str, Any] | None:
        """Properties, permissions and file data, without reading any tab; None when nothing was ever committed."""
        connection = sqlite3.connect(self.path)
        try:
            found = connection.execute("SELECT body FROM state WHERE name = 'spreadsheet'").fetchone()
        except sqlite3.OperationalError:  # killed before its tables were made
            return None
        finally:
            connection.close()
        return None if found is None else orjson.loads(found[0])

    # -- writing

    def save(self, tx: Transaction) -> None:
        """Write what a transaction changed, as one transaction on disk."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._write(tx)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        finally:
            self._versions.end()
        self._shared_saved = len(tx.spreadsheet.pool.by_key)

    def _write(self, tx: Transaction) -> None:
        sheet, db = tx.spreadsheet, self._db
        if makes_version(tx):
            self._versions.begin(tx.editor, anew=tx.begins_version)
        self._versions.keep("state", 0)
        db.execute("INSERT OR REPLACE INTO state VALUES ('spreadsheet', ?)", [orjson.dumps(_head_of(sheet))])
        known = {id(tab) for tab in tx.before.tabs}
        for tab in tx.before.tabs:
            if all(tab is not other for other in sheet.tabs):
                self._delete_tab(tx.tabs_before[id(tab)][1] if id(tab) in tx.tabs_before else None, tab)
        for tab in sheet.tabs:
            if id(tab) not in known:
                self._write_tab(tab, TabBefore({}, [], []))
            elif id(tab) in tx.tabs_before:
                self._write_tab(tab, tx.tabs_before[id(tab)][1])
        fresh = list(range(self._shared_saved + 1, len(sheet.pool.by_key) + 1))
        db.executemany(
            "INSERT OR REPLACE INTO shared VALUES (?, ?)", [(k, orjson.dumps(sheet.pool.by_key[k].body)) for k in fresh]
        )
        self._write_metadata(tx)

    def _write_metadata(self, tx: Transaction) -> None:
        before = tx.metadata_before
        self._versions.keep("metadata", 0, before)
        self._versions.keep_absent("metadata", [key for key, message in before.items() if message is None])
        for key in before:
            message = tx.spreadsheet.metadata.get(key)
            if message is None:
                self._db.execute("DELETE FROM metadata WHERE metadata_id = ?", [key])
            else:
                self._db.execute("INSERT OR REPLACE INTO metadata VALUES (?, ?)", [key, orjson.dumps(message)])

    def _delete_tab(self, before: TabBefore | None, tab: Tab) -> None:
        sheet_id = (before.sheet if before is not None else tab.sheet)["properties"]["sheetId"]
        for kind in ("tab", "blocks", "block", "row"):
            self._versions.keep(kind, sheet_id)
        for table in ("tab", "block", "row"):
            self._db.execute(f"DELETE FROM {table} WHERE sheet_id = ?", [sheet_id])

    def _write_tab(self, tab: Tab, before: TabBefore) -> None:
        sheet_id = tab.sheet_id
        block_ids = array("q", (block.block_id for block in tab.rows.blocks)).tobytes()
        body = orjson.dumps({"sheet": tab.sheet, "columns": [_column_body(c) for c in tab.columns]})
        self._versions.keep("tab", sheet_id)
        self._versions.keep("blocks", sheet_id)
        self._db.execute("INSERT OR REPLACE INTO tab VALUES (?, ?, ?)", [sheet_id, body, block_ids])
        old = {id(block): block for block in before.blocks}
        kept = {id(block) for block in tab.rows.blocks if id(block) in old}
        gone = [block for block in before.blocks if id(block) not in kept]
        fresh = [block for block in tab.rows.blocks if id(block) not in kept]
        self._write_blocks(sheet_id, gone, fresh)
        self._write_rows(sheet_id, gone, fresh)

    def _write_blocks(self, sheet_id: int, gone: list[Block], fresh: list[Block]) -> None:
        orders = {block.block_id: block.order() for block in gone}
        written = [
            (sheet_id, block.block_id, array("q", order).tobytes())
            for block in fresh
            if orders.get(block.block_id) != (order := block.order())
        ]
        removed = orders.keys() - {block.block_id for block in fresh}
        self._versions.keep("block", sheet_id, [*(block_id for _, block_id, _ in written), *removed])
        self._db.executemany("INSERT OR REPLACE INTO block VALUES (?, ?, ?)", written)
        self._db.executemany("DELETE FROM block WHERE sheet_id = ? AND block_id = ?", [(sheet_id, b) for b in removed])

    def _write_rows(self, sheet_id: int, gone: list[Block], fresh: list[Block]) -> None:
        old = {row.row_id: row for block in gone for row in block.rows if row is not None}
        new = {row.row_id: row for block in fresh for row in block.rows if row is not None}
        self._versions.keep("row", sheet_id, [key for key, row in old.items() if new.get(key) is not row])
        bodies = _bodies(row for key, row in new.items() if old.get(key) is not row)
        written = ((sheet_id, row.row_id, body) for row, body in bodies)
        self._db.executemany("INSERT OR REPLACE INTO row VALUES (?, ?, ?)", written)
        self._db.executemany(
            "DELETE FROM row WHERE sheet_id = ? AND row_id = ?", [(sheet_id, key) for key in old.keys() - new.keys()]
        )

    # -- reading

    def versions(self) -> list[Version]:
        """Its versions, newest first."""
        return self._versions.all()

    def load(self, spreadsheet_id: str, version: int | None = None, pool: SharedPool | None = None) -> Spreadsheet:
        """Read the whole spreadsheet, as it is or as a version left it; ``pool`` has its formats where it is open.

        Raises:
            KeyError: Nothing was ever committed to the file, or the version is not kept.
        """
        if version is not None and version not in {one.number for one in self.versions()}:
            raise KeyError(version)
        body = None if self.head() is None else self._records("state", 0, version).get(0)
        if body is None:
            raise KeyError(spreadsheet_id)
        head = orjson.loads(body)
        sheet = Spreadsheet(spreadsheet_id, head["properties"])
        sheet.named_ranges, sheet.permissions, sheet.file = head["namedRanges"], head["permissions"], head["file"]
        if pool is not None:
            sheet.pool = pool
        else:
            for key, body in self._db.execute("SELECT key, body FROM shared ORDER BY key"):
                sheet.pool.add(key, orjson.loads(body))
            self._shared_saved = len(sheet.pool.by_key)
        metadata = self._records("metadata", 0, version)
        sheet.metadata = {key: orjson.loads(body) for key, body in metadata.items() if body is not None}
        sheet.tabs = [self._load_tab(sheet, sheet_id, version) for sheet_id in head["tabs"]]
        return sheet

    def _records(self, kind: str, sheet_id: int, version: int | None) -> dict[int, Any]:
        return dict(self._versions.records(kind, sheet_id, version))

    def _load_tab(self, sheet: Spreadsheet, sheet_id: int, version: int | None) -> Tab:
        state = orjson.loads(self._records("tab", sheet_id, version)[0])
        block_ids = _int64s(self._records("blocks", sheet_id, version)[0])
        tab = Tab(state["sheet"])
        tab.columns = [None if c is None else Column(c[0], tuple(c[1])) for c in state["columns"]]
        bodies = self._versions.records("row", sheet_id, version)
        rows = {key: _row_of(key, body, sheet.pool) for key, body in bodies}
        orders = self._records("block", sheet_id, version)
        blocks = [
            Block(block_id, [rows[key] if key else None for key in _int64s(orders[block_id])], 0)
            for block_id in block_ids
        ]
        tab.rows = RowSequence(blocks, max(orders, default=0) + 1)
        tab.next_row_id = max(rows, default=0) + 1
        return tab


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to a file that has all tables; those of a new one come in one transaction."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(f"BEGIN; {_SCHEMA} {SCHEMA} COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _row_of(key: int, body: bytes, pool: SharedPool) -> Row:
    found = orjson.loads(body)
    if isinstance(found, list):
        return Row(key, decode_cells(found, pool))
    return Row(key, decode_cells(found["c"], pool), found.get("p"), tuple(found.get("m", ())))


def _int64s(blob: bytes) -> Iterable[int]:
    numbers = array("q")
    numbers.frombytes(blob)
    return numbers


def _head_of(sheet: Spreadsheet) -> dict[str, Any]:
    return {
        "properties": sheet.properties,
        "namedRanges": sheet.named_ranges,
        "permissions": sheet.permissions,
        "file": sheet.file,
        "tabs": [tab.sheet_id for tab in sheet.tabs],
    }


def _column_body(column: Column | None) -> list[Any] | None:
    return None if column is None else [column.properties, list(column.metadata)]


def _bodies(rows: Iterable[Row]) -> Iterator[tuple[Row, bytes]]:
    """Rows with their bodies; rows made in one go share their cells and so their body."""
    last: Row | None = None
    body = b""
    for row in rows:
        if last is None or row.cells is not last.cells or row.properties or row.metadata:
            body = _row_body(row)
        last = None if row.properties or row.metadata else row
        yield row, body


def _row_body(row: Row) -> bytes:
    """A list of cells where that is all; else a dict with properties and metadata beside it."""
    cells = encode_cells(row.cells)
    if row.properties is None and not row.metadata:
        return orjson.dumps(cells)
    return orjson.dumps({"c": cells, "p": row.properties, "m": list(row.metadata)})
