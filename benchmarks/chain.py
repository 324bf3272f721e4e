"""The chain of syncs of one tool at one size, each counted by the server and judged afterwards."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from benchmarks.data import COLUMNS, frame
from benchmarks.judge import Verdict, judge
from benchmarks.peers import Peer
from benchmarks.people import TAB, Sheet, add_people, harmed
from benchmarks.scenarios import Scenario
from benchmarks.tool_process import ToolProcess
from local_sheets.testing import LocalSheetsServer

#: Rows beyond the data in a tab that is made large enough beforehand.
_SPARE_ROWS = 100


@dataclass
class Measured:
    """One sync of one scenario, with requests, cells and bytes as the server counted them.

    ``error`` is what the first attempt said; ``meanwhile`` what the tab held before the second one, which a scheduler
    would make. ``seconds`` are those of all attempts, None where one was ended for taking too long.
    """

    peer: str
    rows: int
    scenario: str
    seconds: float | None = 0.0
    peak_memory_mb: float = 0.0
    reads: int = 0
    writes: int = 0
    cells: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    cells_to_change: int = 0
    attempts: int = 0
    error: str | None = None
    meanwhile: dict[str, Any] | None = None
    verdict: dict[str, Any] = field(default_factory=dict)
    harmed: dict[str, int] | None = None

    def as_json(self) -> dict[str, Any]:
        """For the file of results."""
        return asdict(self)


class Chain:
    """Runs scenarios in order on one spreadsheet; a tab that one of them left wrong is begun anew."""

    def __init__(
        self,
        server: LocalSheetsServer,
        process: ToolProcess,
        peer: Peer,
        rows: int,
        database_url: str,
        timeout_seconds: float,
    ) -> None:
        self.server, self.process, self.peer, self.rows = server, process, peer, rows
        self.database_url, self.timeout_seconds = database_url, timeout_seconds
        self._steps: list[str] = []
        self._sheet: Sheet | None = None

    def run(
        self, scenarios: Sequence[Scenario], say: Callable[[Measured], None], longest_seconds: float = 3600
    ) -> list[Measured]:
        """Measure each scenario once; ends early after ``longest_seconds``, or where a sync had to be ended."""
        found: list[Measured] = []
        started = time.monotonic()
        for scenario in scenarios:
            if found and time.monotonic() - started > longest_seconds:
                break
            measured = self._measure(scenario)
            found.append(measured)
            say(measured)
            if measured.seconds is None:
                break
        return found

    def _measure(self, scenario: Scenario) -> Measured:
        sheet = self._new_sheet() if scenario.is_first else self._filled_sheet()
        before = frame(self.rows, self._steps)
        if scenario.step:
            self._steps.append(scenario.step)
        wanted = frame(self.rows, self._steps)
        keys = add_people(sheet, _keys(before) & _keys(wanted)) if scenario.has_people else None
        measured = Measured(self.peer.name, self.rows, scenario.name)
        measured.cells_to_change = changed_cells(None if scenario.is_first else before, wanted)
        self.server.faults(*scenario.faults)
        self._attempt(sheet, measured)
        self.server.clear_faults()
        if measured.error and measured.seconds is not None:
            measured.meanwhile = judge(sheet.grid(), wanted).as_json()
            self._attempt(sheet, measured)
        verdict = judge(sheet.grid(), wanted)
        measured.verdict = verdict.as_json()
        if keys is not None:
            measured.harmed = harmed(sheet, keys, wanted)
        if keys is not None or not _rows_are_right(verdict):
            self._sheet = None
        return measured

    def _attempt(self, sheet: Sheet, measured: Measured) -> None:
        self.server.reset_stats()
        said = self._sync(sheet)
        totals = self.server.stats()["totals"]
        measured.attempts += 1
        measured.error = measured.error or said["error"]
        measured.reads += totals["reads"]
        measured.writes += totals["writes"]
        measured.cells += totals["cells_written"]
        measured.bytes_sent += totals["bytes_in"]
        measured.bytes_received += totals["bytes_out"]
        if said["seconds"] is None or measured.seconds is None:
            measured.seconds = None
            return
        measured.seconds += said["seconds"]
        measured.peak_memory_mb = max(measured.peak_memory_mb, said["peak_memory_mb"])

    def _sync(self, sheet: Sheet) -> dict[str, Any]:
        target = {
            "endpoint": self.server.endpoint,
            "spreadsheet_id": sheet.spreadsheet_id,
            "tab": TAB,
            "credentials_file": str(self.server.credentials_file),
            "database_url": self.database_url,
        }
        return self.process.sync(target, self.rows, self._steps, self.timeout_seconds)

    def _new_sheet(self) -> Sheet:
        self._steps = []
        self._sheet = Sheet(self.server, self.server.create_spreadsheet("Benchmark", TAB))
        if self.peer.needs_grid:
            self._sheet.make_room(self.rows + _SPARE_ROWS, len(COLUMNS))
        return self._sheet

    def _filled_sheet(self) -> Sheet:
        """The spreadsheet as the scenario before left it, or a new one, filled by the same tool."""
        if self._sheet is None:
            self._sync(self._new_sheet())
        if self._sheet is None:
            raise RuntimeError("No spreadsheet, though one was just created.")
        return self._sheet


def _keys(frame_: pd.DataFrame) -> set[str]:
    return set(map(str, frame_["id"].tolist()))


def _rows_are_right(verdict: Verdict) -> bool:
    return not (verdict.lost or verdict.doubled or verdict.left_over)


def changed_cells(before: pd.DataFrame | None, wanted: pd.DataFrame) -> int:
    """Cells that differ in rows that stay, and cells that are not blank in new rows."""
    if before is None:
        return int(wanted.notna().to_numpy().sum())
    old, new = before.set_index("id"), wanted.set_index("id")
    stay = old.index.intersection(new.index)
    a, b = old.loc[stay], new.loc[stay]
    differ = (a != b) & ~(a.isna() & b.isna())
    fresh = wanted[~wanted["id"].isin(old.index)]
    return int(differ.to_numpy().sum() + fresh.notna().to_numpy().sum())
