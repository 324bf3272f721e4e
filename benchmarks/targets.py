"""The targets of this project's writer, checked against what was measured."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.data import frame
from benchmarks.figures import OURS, Figure
from sheets_pipeline.sync.diff import compare
from sheets_pipeline.sync.headers import locate_columns
from sheets_pipeline.sync.rows import rows_from_frame
from sheets_pipeline.sync.snapshot import TabSnapshot, index_rows

#: Rows of a tab with a million cells.
LARGE = 100_000


@dataclass(frozen=True)
class Target:
    """One target: what was to be reached, what was found."""

    wanted: str
    result: str
    is_reached: bool


def time_compare(rows: int = LARGE, runs: int = 5) -> dict[str, Any]:
    """Seconds for comparing a tab with its frame in memory, with nothing and with 1 % changed (median).

    What is timed: finding the columns, indexing the rows by key, comparing all cells. The rows of cells are made before.
    """
    from zoneinfo import ZoneInfo

    from benchmarks.peers.ours import declared

    tab, zone = declared("data"), ZoneInfo("Etc/GMT")
    present = rows_from_frame(tab, frame(rows), zone)
    columns = [[name, *cells] for name, cells in present.columns.items()]
    snapshot = TabSnapshot("data", rows + 1, len(columns), columns)
    result: dict[str, Any] = {"rows": rows}
    for name, steps in (("unchanged", []), ("one_percent", ["percent"])):
        wanted = rows_from_frame(tab, frame(rows, steps), zone)
        times = []
        for _ in range(runs):
            started = time.perf_counter()
            layout = locate_columns(tab, snapshot)
            changes = compare(tab, snapshot, layout, index_rows(tab, snapshot, layout), wanted, set)
            times.append(time.perf_counter() - started)
        result[name] = median(times)
        result[f"{name}_updates"] = len(changes.updates)
    return result


def targets(figures: list[Figure], compared: dict[str, Any]) -> list[Target]:
    """All targets for which there is a measurement."""
    ours = [figure for figure in figures if figure.peer == OURS and not figure.was_ended]
    return [*_requests(ours), *_against_peers(figures, ours), _compare(compared)]


def _requests(ours: list[Figure]) -> Iterator[Target]:
    for figure in ours:
        reads, writes, cells = (int(max(run[n] for run in figure.runs)) for n in ("reads", "writes", "cells"))
        if figure.scenario == "no-change":
            yield Target(
                f"Nothing changed, {figure.rows:,} rows: 1 read, 0 writes",
                f"{reads} read, {writes} writes",
                (reads, writes) == (1, 0),
            )
        if figure.scenario == "few-changes":
            changed = figure.runs[0]["cells_to_change"]
            yield Target(
                f"20 changes, {figure.rows:,} rows: 1 read, at most 2 writes, cells sent = cells changed ({changed:,})",
                f"{reads} read, {writes} writes, {cells:,} cells",
                reads == 1 and writes <= 2 and cells == changed,
            )


def _against_peers(figures: list[Figure], ours: list[Figure]) -> Iterator[Target]:
    for scenario, most, words in (
        ("no-change", 0.5, "Nothing changed, {rows:,} rows: at most half of the fastest other tool's seconds"),
        ("first-load", 1.2, "First load of {cells:,} cells: at most 1.2 × the fastest other tool's seconds"),
    ):
        mine = next((f for f in ours if f.scenario == scenario and f.rows == LARGE), None)
        others = [f for f in figures if (f.scenario, f.rows) == (scenario, LARGE) and f.peer != OURS]
        others = [f for f in others if not f.was_ended and not any(run["error"] for run in f.runs)]
        if mine is None or not others:
            continue
        fastest = min(others, key=lambda figure: figure.seconds)
        yield Target(
            words.format(rows=LARGE, cells=LARGE * 10),
            f"{mine.seconds:.2f} s; {_beside(mine, fastest, 'fastest other')}{_fastest_right(mine, others)}",
            mine.seconds <= most * fastest.seconds,
        )
        if scenario == "no-change":
            yield Target(
                f"Nothing changed, {LARGE:,} rows: peak memory under 600 MB",
                f"{mine.peak_memory_mb:.0f} MB",
                mine.peak_memory_mb < 600,
            )


def _beside(mine: Figure, other: Figure, what: str) -> str:
    return f"{what}: {other.peer} with {other.seconds:.2f} s ({mine.seconds / other.seconds:.2f} ×)"


def _fastest_right(mine: Figure, others: list[Figure]) -> str:
    """The fastest tool whose tab is right as well."""
    right = [figure for figure in others if figure.worst["verdict"]["is_right"]]
    if not right:
        return ""
    return "; " + _beside(mine, min(right, key=lambda figure: figure.seconds), "fastest whose tab is right")


def _compare(compared: dict[str, Any]) -> Target:
    return Target(
        f"Comparing {compared['rows']:,} rows × 10 columns in memory: under 1 s",
        f"{compared['unchanged']:.2f} s unchanged, {compared['one_percent']:.2f} s with "
        f"{compared['one_percent_updates']:,} cells changed",
        max(compared["unchanged"], compared["one_percent"]) < 1,
    )
