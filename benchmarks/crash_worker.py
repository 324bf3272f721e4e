"""Syncs that are meant to be killed: forks one process per line of input, each makes the tab old, new, old ...

    python -m benchmarks.crash_worker DATABASE_URL ENDPOINT SPREADSHEET_ID

Each line ``go`` answers with the process id of a new worker.
"""

import os
import sys

import sqlalchemy as sa
from google.auth.credentials import AnonymousCredentials

from benchmarks.faults import NEW, OLD
from sheets_pipeline.database.installation import Installation
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.pipeline import StoredMemory
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sheets.writer import TabWriter
from sheets_pipeline.testing import FAST, PEOPLE, NoQuota, people


def writer(database_url: str, endpoint: str, spreadsheet_id: str) -> TabWriter:
    """A writer whose memory and lock are in a real database."""
    engine = sa.create_engine(database_url)
    install_state(engine)
    identity = Identity(AnonymousCredentials(), "robot@example.org")
    client = SheetsClient(identity, spreadsheet_id, budget=NoQuota(), endpoint=endpoint, policy=FAST)
    store = StoredMemory(engine, spreadsheet_id, PEOPLE.title)
    lock = lambda: named_lock(engine, spreadsheet_id, timeout_seconds=30)  # noqa: E731
    return TabWriter(PEOPLE, client, store, lock, Installation(engine))


def work(arguments: list[str]) -> None:
    """Write until killed."""
    mine = writer(*arguments)
    turn = 0
    while True:
        for rows in (NEW, OLD):
            turn += 1
            try:
                if turn % 3:
                    mine.full_sync(people(rows), computed_at=mine.memory.now())
                else:
                    touched = {key: value for key, value in rows.items() if OLD.get(key) != NEW.get(key)}
                    keys = {str(key) for key in OLD.keys() | NEW.keys() if OLD.get(key) != NEW.get(key)}
                    mine.event_sync(lambda touched=touched: people(touched), keys)  # type: ignore[misc]
            except SheetsPipelineError as error:
                sys.stderr.write(f"{error}\n")


def main() -> None:
    """Fork a worker for each line; workers are reaped by nobody, so that ``kill -9`` is all that ends them."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work(sys.argv[1:])
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
