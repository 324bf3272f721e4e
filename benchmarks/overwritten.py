"""What it costs that a write brings back what it writes over: ``python -m benchmarks.overwritten``.

The same syncs on Local Sheets of a tab with two editable columns and of the same tab with none, in turn, with what is
remembered in SQLite: requests, cells, bytes sent and received, milliseconds (median). See docs/decisions/0025.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests
import sqlalchemy as sa

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.pipeline import StoredMemory
from sheets_pipeline.sheets.memory import EditInbox
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.testing import PEOPLE, Bench, people

#: Rows of the tab, and how many of them each kind of sync changes.
ROWS = 5000
KINDS = (("event", 1), ("event", 50), ("full", 1), ("full", 1000), ("full", 0))
TIMES = 9

EDITED = replace(
    PEOPLE,
    title="edited",
    columns=tuple(
        replace(one, editing=Editing(f"people.{one.name}")) if one.name in ("name", "score") else one
        for one in PEOPLE.columns
    ),
    edits=Edits((RowTarget("people", {"id": "id"}),)),
)


class NoEdits:
    """Follows the protocol ``EditInbox``; nobody types here."""

    def take(self, *_: object) -> None:
        """Nothing."""

    def note_overwritten(self, found: Sequence[object], _sent_at: float, *, is_sure: bool = True) -> None:
        """Nothing may be found.

        Raises:
            AssertionError: It was.
        """
        if found:
            raise AssertionError(f"{len(found)} cells were taken for edits, and nobody typed.")


@dataclass
class Cost:
    """What syncs of one kind took."""

    milliseconds: list[float] = field(default_factory=list)
    reads: int = 0
    writes: int = 0
    cells: int = 0
    sent: int = 0
    received: int = 0

    def row(self) -> str:
        """As cells of a table."""
        per_sync = (self.reads, self.writes, self.cells, self.sent, self.received)
        numbers = " | ".join(f"{number / TIMES:,.0f}" for number in per_sync)
        return f"{numbers} | {statistics.median(self.milliseconds):,.0f}"


class Ground:
    """One tab, its writer, and rows that change."""

    def __init__(self, server: LocalSheetsServer, engine: sa.Engine, *, is_edited: bool) -> None:
        self.bench = Bench(server, EDITED if is_edited else PEOPLE)
        self.memory = StoredMemory(engine, self.bench.spreadsheet_id, self.bench.tab.title)
        self.inbox: EditInbox | None = NoEdits() if is_edited else None
        self.rows = {key: f"name {key}" for key in range(1, ROWS + 1)}
        self.received, self.round = 0, 0
        for _ in range(2):  # the second one makes the hidden tab
            self.change(1)
            self.sync("full", 1)

    def change(self, number: int) -> None:
        """Other names in rows that lie apart."""
        self.round += 1
        for i in range(number):
            self.rows[1 + i * (ROWS // max(number, 1))] = f"name {self.round}.{i}"

    def sync(self, kind: str, number: int) -> Cost:
        """One sync of the rows that changed last, or of all."""
        bench = self.bench
        bench.use(bench.tab)
        bench.writer.memory = bench.writer._finder.memory = bench.writer._sender.memory = self.memory
        bench.writer.keep_edits(self.inbox)
        bench.client._http.session.hooks["response"].append(self._count)
        self.received, began = 0, time.perf_counter()
        if kind == "full":
            report = bench.sync(people(self.rows))
        else:
            keys = [1 + i * (ROWS // number) for i in range(number)]
            report = bench.event({key: self.rows[key] for key in keys}, {str(key) for key in keys})
        spent, traffic = (time.perf_counter() - began) * 1000, report.traffic
        return Cost(
            [spent], traffic.read_requests, traffic.write_requests, report.cells, traffic.bytes_sent, self.received
        )

    def _count(self, response: requests.Response, *_: object, **__: object) -> None:
        self.received += len(response.content)


def measure() -> dict[tuple[str, int], list[Cost]]:
    """Kind and number of changed rows → what it took without and with editable columns."""
    costs: dict[tuple[str, int], list[Cost]] = {kind: [Cost(), Cost()] for kind in KINDS}
    with LocalSheetsServer() as server, tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(f"sqlite:///{Path(folder, 'state.db')}")
        install_state(engine)
        grounds = [Ground(server, engine, is_edited=is_edited) for is_edited in (False, True)]
        for kind, number in KINDS:
            for _ in range(TIMES):
                for ground, total in zip(grounds, costs[kind, number], strict=True):
                    ground.change(number)
                    one = ground.sync(kind, number)
                    total.milliseconds += one.milliseconds
                    for name in ("reads", "writes", "cells", "sent", "received"):
                        setattr(total, name, getattr(total, name) + getattr(one, name))
        engine.dispose()
    return costs


def main() -> None:
    """Measure, and print the table."""
    print("| Sync | Columns | Reads | Writes | Cells | Bytes sent | Bytes received | ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for (kind, number), (plain, edited) in measure().items():
        print(f"| {kind}, {number:,} rows changed | none editable | {plain.row()} |")
        print(f"| | two editable | {edited.row()} |")


if __name__ == "__main__":
    main()
