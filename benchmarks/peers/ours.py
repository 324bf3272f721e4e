"""This project's writer, put together as the pipeline does, with its memory, lock and quota budget in PostgreSQL.

The quota budget is counted and locked as always, with limits so high that nothing waits.
"""

from pathlib import Path

import pandas as pd

from benchmarks.peers.addresses import Target
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.installation import Installation
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.quota import DatabaseQuota
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.pipeline import StoredMemory
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.credentials import load_identity
from sheets_pipeline.sheets.writer import TabWriter
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

_TYPES = {
    "id": ColumnType.INTEGER,
    "name": ColumnType.TEXT,
    "email": ColumnType.TEXT,
    "phone": ColumnType.TEXT,
    "code": ColumnType.TEXT,
    "comment": ColumnType.TEXT,
    "amount": ColumnType.DECIMAL,
    "progress": ColumnType.PERCENT,
    "active": ColumnType.BOOLEAN,
    "seen_at": ColumnType.DATETIME,
}


def declared(title: str) -> Tab:
    """The tab, as an asset would declare it."""
    return Tab(title, ("id",), tuple(Column(name, kind) for name, kind in _TYPES.items()))


def sync(target: Target, frame: pd.DataFrame) -> None:
    """One full sync."""
    engine = connect(target.database_url)
    install_state(engine)
    identity = load_identity(None, Path(target.credentials_file))
    quota = DatabaseQuota(engine, identity.name, reads_per_minute=100_000, writes_per_minute=100_000)
    client = SheetsClient(identity, target.spreadsheet_id, budget=quota, endpoint=target.endpoint)
    memory = StoredMemory(engine, target.spreadsheet_id, target.tab)
    lock = lambda: named_lock(engine, target.spreadsheet_id)  # noqa: E731
    writer = TabWriter(declared(target.tab), client, memory, lock, Installation(engine))
    writer.full_sync(frame, computed_at=memory.now())
