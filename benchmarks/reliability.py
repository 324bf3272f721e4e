"""``python -m benchmarks.reliability``: faults at every request and kills at random moments; writes docs/measured/reliability.md.

The exit code is 1 when anything was lost, doubled, torn, harmed or blank.
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.environment import MEASURED
from benchmarks.faults import FAULTS, Damage, kill_at_random, run, run_events, run_together
from benchmarks.first_load import first_load_with_fault
from benchmarks.machine import machine
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.embedded.postgres import EmbeddedPostgres
from sheets_pipeline.testing import Bench

#: Requests of a sync with 5 updates, 4 deletes and 4 inserts.
REQUESTS = ("read", "inserts and updates", "deletes")
#: The same rows, named by events.
EVENT_REQUESTS = ("read of the keys", "inserts and updates", "deletes")
#: The same rows of three tabs at once.
SHARED_REQUESTS = ("read of all tabs", "inserts and updates of all", "deletes of all")
#: Requests of a first load whose rows do not fit into one.
FIRST_LOAD_REQUESTS = ("read of the tab", "creation", "first rows", "last rows")

Row = tuple[str, str, Damage]


def faults(server: LocalSheetsServer, repetitions: int, say: Callable[[Row], None]) -> list[Row]:
    """Every kind of fault at every request, each followed by a clean sync."""
    rows: list[Row] = []
    acts: list[tuple[str, Sequence[str], Callable[[dict[str, Any], int], Damage]]] = [
        ("update", REQUESTS, lambda fault, index: run(Bench(server), fault, index)),
        ("events", EVENT_REQUESTS, lambda fault, index: run_events(Bench(server), fault, index)),
        ("events of three tabs", SHARED_REQUESTS, lambda fault, index: run_together(server, fault, index)),
        ("first load", FIRST_LOAD_REQUESTS, lambda fault, index: first_load_with_fault(Bench(server), fault, index)),
    ]
    for what, names, act in acts:
        for index, request in enumerate(names):
            for name, fault in FAULTS.items():
                damage = Damage()
                for _ in range(repetitions):
                    server.clear_faults()
                    damage.add(act(fault, index))
                rows.append((f"{what}: {request}", name, damage))
                say(rows[-1])
    return rows


def kills(server: LocalSheetsServer, count: int, seed: int) -> Damage:
    """``kill -9`` of syncing processes, two at a time on the same tab."""
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            database_url = postgres.ensure({"reliability": None}).url("reliability")
            return kill_at_random(Bench(server), database_url, kills=count, seed=seed)
        finally:
            postgres.stop()


def render(rows: list[Row], killed: Damage, about: dict[str, Any]) -> str:
    """docs/measured/reliability.md."""
    total = Damage()
    for *_, damage in rows:
        total.add(damage)
    lines = [
        "# Reliability",
        "",
        "This page is written by `python -m benchmarks.reliability`; do not edit it by hand. A sync is disturbed, a reader",
        "looks at the tab meanwhile as people see it, then a clean sync follows and the tab is compared with the database.",
        "",
        f"Measured on {about['date']}: {about['cores']} cores, {about['memory_gib']} GiB, {about['system']}, "
        f"Python {about['python']}.",
        "",
        "- **lost**: rows missing at a moment when they should stand there, or at the end; **doubled**: the same key twice;",
        "  **torn**: a row that is neither the old nor the new one; **harmed**: people's notes gone or on another row;",
        "  **blank**: looks at which the tab held no row.",
        "- **looks**: how often the reader looked; **faults**: how many were injected.",
        '- "After it was applied": the server carried the request out and the answer was lost.',
        "",
        "| Request | Fault | faults | looks | lost | doubled | torn | harmed | blank |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_line(request, fault, damage) for request, fault, damage in rows]
    lines += [
        _line("**all of these**", "", total),
        _line("any moment", "`kill -9` of two processes that sync the same tab", killed),
    ]
    return "\n".join(lines) + "\n"


def _line(request: str, fault: str, damage: Damage) -> str:
    counts = [damage.faults, damage.looks, damage.lost, damage.doubled, damage.torn, damage.notes_harmed]
    return f"| {request} | {fault} | {' | '.join(f'{count:,}' for count in [*counts, damage.blank_moments])} |"


def _say(row: Row) -> None:
    request, fault, damage = row
    print(f"{request:28} {fault:30} {damage.looks:4} looks, damage {damage.total} {damage.details}", flush=True)


def main(given: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1, help="of each fault at each request")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=MEASURED / "reliability.md")
    arguments = parser.parse_args(given)
    logging.getLogger("sheets_pipeline").setLevel(logging.ERROR)  # each fault is a warning; the table says enough
    about = machine()
    with LocalSheetsServer() as server:
        rows = faults(server, arguments.repetitions, _say)
        killed = kills(server, arguments.kills, arguments.seed)
    _say(("any moment", "kill -9", killed))
    arguments.output.write_text(render(rows, killed, about))
    print(f"Written: {arguments.output}")
    return 1 if killed.total or any(damage.total for *_, damage in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
