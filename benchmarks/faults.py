"""Faults of every kind at every request, and what a reader and the final tab then show.

Used by ``python -m benchmarks.reliability`` and by the tests of reliability.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.errors import SheetsError
from sheets_pipeline.sheets.shared_requests import SharedRequests
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.testing import IMPATIENT, PEOPLE, Bench, people

#: Name → rule of Local Sheets. Timeouts are longer than the patience of ``IMPATIENT``.
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"action": "error", "status": 429},
    "500": {"action": "error", "status": 500},
    "500 after it was applied": {"action": "error", "status": 500, "after": True},
    "503": {"action": "error", "status": 503},
    "503 after it was applied": {"action": "error", "status": 503, "after": True},
    "connection reset": {"action": "reset"},
    "reset after it was applied": {"action": "reset", "after": True},
    "timeout": {"action": "timeout", "seconds": 1.0},
    "timeout after it was applied": {"action": "timeout", "seconds": 1.0, "after": True},
}

OLD = {i: (f"name {i}", i / 2) for i in range(1, 41)}
#: 5 updates, 4 deletes, 4 inserts.
NEW = {i: value for i, value in OLD.items() if i % 10 != 0} | {
    **{i: (f"changed {i}", 100 + i) for i in (1, 2, 15, 28, 39)},
    **{i: (f"new {i}", i) for i in (101, 102, 103, 104)},
}
#: On rows that stay; the others' notes go with their row.
NOTES = {i: f"note about {i}" for i in OLD if i in NEW}


@dataclass
class Damage:
    """What must never happen, counted."""

    lost: int = 0
    doubled: int = 0
    torn: int = 0
    notes_harmed: int = 0
    blank_moments: int = 0
    looks: int = 0
    faults: int = 0
    details: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.lost + self.doubled + self.torn + self.notes_harmed + self.blank_moments

    def add(self, other: "Damage") -> None:
        for name in ("lost", "doubled", "torn", "notes_harmed", "blank_moments", "looks", "faults"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.details += other.details


def prepare(bench: Bench) -> None:
    """A tab with the old rows, and people's notes beside them."""
    bench.sync(OLD)
    keys = [row[0] for row in bench.values()[1:]]
    bench.put(bench.a1(f"H1:H{len(keys) + 1}"), [["note"], *([NOTES.get(key, "")] for key in keys)])


def look(bench: Bench, damage: Damage, *, final: bool = False) -> None:
    """Read the tab as people see it and count what is wrong."""
    damage.looks += 1
    rows = [row + [""] * (8 - len(row)) for row in bench.values()[1:]]
    shown = [row for row in rows if row[0] != ""]
    if not shown:
        damage.blank_moments += 1
        return
    keys = [row[0] for row in shown]
    damage.doubled += len(keys) - len(set(keys))
    expected = set(NEW) if final else set(OLD) & set(NEW)
    damage.lost += len(expected - set(keys))
    for key, name, score, *_, note in shown:
        versions = [NEW.get(key)] if final else [OLD.get(key), NEW.get(key)]
        if (name, score) not in versions:
            damage.torn += 1
            damage.details.append(f"row {key}: {name!r}, {score!r}")
        if key in NOTES and note != NOTES[key]:
            damage.notes_harmed += 1
            damage.details.append(f"note of {key}: {note!r}")
    if final:
        damage.lost += len(set(keys) ^ set(NEW))


#: Keys of the rows that differ, as events would name them.
TOUCHED = {i for i in OLD.keys() | NEW.keys() if OLD.get(i) != NEW.get(i)}


def sync_all(bench: Bench) -> None:
    """A full sync to the new rows."""
    bench.sync(NEW)


def sync_touched(bench: Bench) -> SyncReport:
    """An event sync to the new rows; the queue would keep the events of one that fails."""
    return bench.event({i: NEW[i] for i in sorted(TOUCHED & NEW.keys())}, {str(i) for i in TOUCHED})


def run_events(bench: Bench, fault: dict[str, Any], request_index: int) -> Damage:
    """One event sync with a fault at its n-th request while a reader polls, then a clean event sync."""
    return run(bench, fault, request_index, sync_touched)


#: Tabs of one spreadsheet, with titles that must be quoted.
TITLES = ("people", "People's friends", "Leute!")


def tabs_of_one_spreadsheet(server: LocalSheetsServer) -> list[Bench]:
    """A bench for each tab; nothing is in them."""
    first, *others = TITLES
    benches = [Bench(server, replace(PEOPLE, title=first))]
    return benches + [Bench(server, replace(PEOPLE, title=title), benches[0].spreadsheet_id) for title in others]


def sync_together(
    benches: list[Bench], how: Callable[[Bench], SyncReport] = sync_touched
) -> dict[str, SyncReport | Exception]:
    """A sync of each tab, all at once, as in a round; an event sync to the new rows by default. What fails is given back."""
    shared = SharedRequests()
    for bench in benches:
        bench.use(bench.tab, shared.join())

    def sync(bench: Bench) -> SyncReport | Exception:
        try:
            return how(bench)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(benches)) as pool:
        return dict(zip((bench.tab.title for bench in benches), pool.map(sync, benches), strict=True))


def run_together(server: LocalSheetsServer, fault: dict[str, Any], request_index: int) -> Damage:
    """Event syncs of three tabs that share their requests, with a fault at the n-th of them, then a clean one."""
    benches = tabs_of_one_spreadsheet(server)

    def sync() -> None:
        for outcome in sync_together(benches).values():
            if isinstance(outcome, Exception):
                raise outcome

    return _disturb(benches, fault, request_index, sync)


def run(bench: Bench, fault: dict[str, Any], request_index: int, sync: Callable[[Bench], object] = sync_all) -> Damage:
    """One sync with a fault at its n-th request while a reader polls, then a clean sync of the same kind."""
    return _disturb([bench], fault, request_index, lambda: sync(bench))


def _disturb(benches: list[Bench], fault: dict[str, Any], request_index: int, sync: Callable[[], object]) -> Damage:
    server, damage, stop, has_looked = benches[0].server, Damage(), threading.Event(), threading.Event()
    for bench in benches:
        prepare(bench)
        if fault["action"] == "timeout":
            bench.policy = IMPATIENT
            bench.use(bench.tab)

    def poll() -> None:
        while not stop.wait(0.005):
            for bench in benches:
                look(bench, damage)
            has_looked.set()

    reader = threading.Thread(target=poll)
    # The reader's own requests must not meet the fault: it reads by values.get, the pipeline never does.
    server.faults(**fault, method="*batch*", skip=request_index, count=1)
    reader.start()
    has_looked.wait(30)
    try:
        sync()
    except SheetsError as error:
        damage.details.append(f"gave up: {type(error).__name__}")
    finally:
        stop.set()
        reader.join()
        damage.faults = sum(rule["hits"] for rule in server.fault_state()["rules"])
        server.clear_faults()
    sync()
    for bench in benches:
        look(bench, damage, final=True)
    return damage


def kill_at_random(bench: Bench, database_url: str, kills: int, seed: int) -> Damage:
    """``kill -9`` a syncing process again and again, each time after a random while; two of them at once.

    After each kill the tab must show whole rows, none lost or doubled; after the last one a clean sync finishes.
    """
    from benchmarks import crash_worker

    rng, damage = random.Random(seed), Damage()
    mine = crash_worker.writer(database_url, bench.server.endpoint, bench.spreadsheet_id)
    mine.full_sync(people(OLD), computed_at=mine.memory.now())
    keys = [row[0] for row in bench.values()[1:]]
    bench.put(f"people!H1:H{len(keys) + 1}", [["note"], *([NOTES.get(key, "")] for key in keys)])
    arguments = [database_url, bench.server.endpoint, bench.spreadsheet_id]
    command = [sys.executable, "-m", crash_worker.__name__, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        assert nursery.stdin
        assert nursery.stdout
        for _ in range(kills // 2):
            pids = []
            for _ in range(2):
                nursery.stdin.write("go\n")
                nursery.stdin.flush()
                pids.append(int(nursery.stdout.readline()))
            time.sleep(rng.uniform(0.05, 0.6))
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                time.sleep(rng.uniform(0, 0.1))
            damage.faults += 2
            look(bench, damage)
    mine.full_sync(people(NEW), computed_at=mine.memory.now())
    look(bench, damage, final=True)
    return damage
