"""``python -m benchmarks.edit_histories``: people, the application, sorts, undo, crashes and bad messages; is any edit lost?

People type into the demo's editable columns on Local Sheets' page, sort and put in rows; the application changes the same
rows; edits are undone; meanwhile parts are ended with ``kill -9``, three in ten messages of the script are lost, others are
doubled, late or overtake each other, and for a while the webhook is away. Afterwards each edit, each value that the
database ever held, the ledger and both sides are compared. Writes docs/measured/edit-histories.md.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from benchmarks.edit_checker import DAMAGE, Cell, Findings, Typed, check, check_end
from benchmarks.edit_ground import DEMO, SECRET, EditGround, running_edits
from benchmarks.edit_messages import FATES, Messages
from benchmarks.edit_notes import Notes
from benchmarks.environment import MEASURED, ROOT, output_folder
from benchmarks.machine import machine
from sheets_pipeline.database.engine import connect
from sheets_pipeline.edits import decisions
from sheets_pipeline.edits.local_script import install
from sheets_pipeline.errors import SheetsPipelineError

#: Columns of which each value is typed once, so that it can be followed.
UNIQUE = [("UserProfiles", "full_name"), ("UserProfiles", "email"), ("quiz_responses", "score")]
#: What is killed, and how often.
TARGETS = {"serve": 4, "run": 4, "warm process": 1, "daemon": 1, "code server": 1, "database": 2, "Local Sheets": 2}
#: As many responses as one tab holds; otherwise the first fill of the archives outlasts the history.
_FEW = """
set local session_replication_role = replica;
delete from quiz_responses where id <= (select max(id) - 3000 from quiz_responses);
set local session_replication_role = default;
"""
_ROWS = 40
_FAILURES = (OSError, sa.exc.SQLAlchemyError, SheetsPipelineError)


class World:
    """Everybody who changes something, each in a thread, until the end."""

    def __init__(self, ground: EditGround, people: int, seed: int) -> None:
        self.ground, self.rng = ground, random.Random(seed)
        self.typed: list[Typed] = []
        self.told: Counter[str] = Counter()
        self._numbers, self._lock = iter(range(1, 10**9)), threading.Lock()
        self._stop = threading.Event()
        places = ground.page.places
        self.rows = {tab: list(places[tab].rows)[:_ROWS] for tab in DEMO}
        self.engine = connect(f"{ground.url}{'&' if '?' in ground.url else '?'}application_name=platform")
        jobs = [(self._type, 2.0)] * people + [(self._change, 0.7), (self._undo, 9.0), (self._move, 15.0)]
        self._threads = [
            threading.Thread(target=self._repeat, args=(job, pause, seed * 100 + at))
            for at, (job, pause) in enumerate(jobs)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let everybody finish."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.engine.dispose()

    def _repeat(self, job: Any, pause: float, seed: int) -> None:
        rng = random.Random(seed)
        while not self._stop.wait(rng.uniform(0.3, 1.7) * pause):
            try:
                job(rng)
            except (*_FAILURES, decisions.NotPossible) as error:
                self.told[f"{job.__name__[1:]}: {type(error).__name__}"] += 1

    def _value(self, column: str) -> str:
        with self._lock:
            number = next(self._numbers)
        if column == "score":  # so many as there are hundredths; a cell sees each once
            return f"{(number * 37 % 10_000) / 100:.2f}"
        return f"p{number}@example.org" if column == "email" else f"Person {number}"

    def _type(self, rng: random.Random) -> None:
        tab, column = rng.choice(UNIQUE)
        key, value, at = rng.choice(self.rows[tab]), self._value(column), time.time()
        is_sure = False
        try:
            at, _ = self.ground.page.type(tab, key, column, value, user=f"p{rng.randrange(9)}@example.org")
            is_sure = True
        finally:
            with self._lock:
                self.typed.append(Typed(tab, key, column, value, at, is_sure))

    def _change(self, rng: random.Random) -> None:
        """The application changes the same cells."""
        tab, column = rng.choice(UNIQUE)
        table, key, _ = DEMO[tab]
        statement = sa.text(f"update {table} set {column} = :value where {key} = :key")
        with self.engine.begin() as connection:
            connection.execute(statement, {"value": self._value(column), "key": int(rng.choice(self.rows[tab]))})
        self.told["changes of the application"] += 1

    def _undo(self, rng: random.Random) -> None:
        query = sa.text("select id from sheet_edit where state = 'applied' order by id desc limit 30")
        with self.engine.connect() as connection:
            ids = list(connection.scalars(query))
        if ids:
            decisions.undo(self.engine, rng.sample(ids, min(2, len(ids))), "checker")
            self.told["undone"] += 1

    def _move(self, rng: random.Random) -> None:
        tab = rng.choice(["UserProfiles", "TranscriptRequests"])
        if rng.random() < 0.6:
            self.ground.page.sort(
                tab, rng.choice(list(self.ground.page.places[tab].columns)[:3]), descending=rng.random() < 0.5
            )
            self.told["sorts"] += 1
        else:
            self.ground.page.insert_row(tab, rng.randrange(2, 60))
            self.told["rows put in"] += 1


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edit_histories", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1, help="of everything that happens (default: %(default)s)")
    parser.add_argument(
        "--away", type=float, default=20, help="seconds for which the webhook is away (default: %(default)s)"
    )
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    about, started = machine(), time.monotonic()
    with running_edits("histories", DEMO, _FEW, SYNC_INTERVAL_SECONDS="60") as ground:
        result = live_through(ground, arguments)
    result |= {"minutes": (time.monotonic() - started) / 60, "load": round(os.getloadavg()[0], 1)}
    page = render(about, arguments, result)
    Path(arguments.output / "edit-histories.md").write_text(page)
    print(page)
    print("\n".join(result["findings"].lines[:60]))
    sys.exit(1 if result["findings"].damage.total() or result["written again"] else 0)


def live_through(ground: EditGround, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole history, then quiet, then the verdict."""
    messages = Messages(ground.port, SECRET, arguments.seed)
    install(ground.sheets.endpoint, ground.page.spreadsheet_id, messages.url, SECRET)
    notes = Notes(ground.page, ("UserProfiles", "TranscriptRequests"))
    world = World(ground, arguments.people, arguments.seed)
    kills = kill_at_random(ground, messages, arguments.kills, arguments.away, random.Random(arguments.seed))
    world.end()
    messages.is_kind.set()
    messages.close()
    is_quiet, written_again = come_to_rest(ground)
    ground.values.look()
    findings = check(world.typed, ground.values.changes, ground.edits())
    sheet, database = both_sides(ground, world)
    check_end(findings, sheet, database)
    for what in notes.harmed():
        findings.add("harmed", what)
    ground.scripts.close()
    return {
        "findings": findings, "kills": kills, "typed": len(world.typed), "told": world.told, "fates": messages.fates,
        "answers": messages.answers, "quiet": is_quiet, "written again": written_again, "cells": len(sheet),
        "restarts": ground.stack.restarts,
    }  # fmt: skip


def kill_at_random(
    ground: EditGround, messages: Messages, count: int, away_seconds: float, rng: random.Random
) -> Counter[str]:
    """Kill that many processes, one every few seconds; a third of the way through, the webhook is away."""
    kills: Counter[str] = Counter()
    while kills.total() < count:
        if kills.total() == count // 3 and not kills["webhook away"]:
            messages.is_away.set()
            time.sleep(away_seconds)
            messages.is_away.clear()
            kills["webhook away"] += 1
        target = rng.choices(list(TARGETS), list(TARGETS.values()))[0]
        if _killed(ground, target, rng):
            kills[target] += 1
            print(f"{kills.total():>4}/{count} {target}", flush=True)
        time.sleep(rng.uniform(0.5, 5))
    return kills


def _killed(ground: EditGround, target: str, rng: random.Random) -> bool:
    if target == "Local Sheets":
        ground.sheets.kill()
        time.sleep(rng.uniform(0, 1))
        ground.sheets.start()
        return True
    victims = ground.stack.parts().get(target)
    end = time.monotonic() + 5
    while not victims and time.monotonic() < end:
        time.sleep(0.05)
        victims = ground.stack.parts().get(target)
    if not victims:
        return False
    time.sleep(rng.uniform(0, 0.5))  # somewhere within what it does
    try:
        rng.choice(victims).kill()
    except psutil.NoSuchProcess:
        return False
    return True


def come_to_rest(ground: EditGround) -> tuple[bool, int | None]:
    """Full syncs until nothing waits; whether it came to rest, and the cells that one further sync writes."""
    cells = None
    for _ in range(8):
        is_quiet = ground.settled(240)
        cells = full_sync()
        if is_quiet and cells == 0:
            return True, full_sync()
        time.sleep(5)
    return False, cells


def full_sync() -> int | None:
    """One full sync by the command line; cells that it wrote, None where it failed."""
    command = [str(Path(sys.executable).with_name("sheets-pipeline")), "sync", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=400, check=False)
    try:
        tabs = json.loads(done.stdout)["tabs"]
    except (ValueError, KeyError):
        print(f"sync: {done.returncode} {done.stderr[-300:]}", flush=True)
        return None
    if done.returncode or any(tab.get("error") for tab in tabs.values()):
        return None
    return sum(int(tab["cells"] or 0) for tab in tabs.values())


def both_sides(ground: EditGround, world: World) -> tuple[dict[Cell, Any], dict[Cell, Any]]:
    """All editable cells of the rows that are in a tab: as the page shows them, as the database holds them."""
    sheet: dict[Cell, Any] = {}
    database: dict[Cell, Any] = {}
    for tab, (table, key, columns) in DEMO.items():
        for column in columns:
            sheet |= {(tab, one, column): cell for one, cell in ground.page.column(tab, column).items()}
            with ground.values.engine.connect() as connection:
                rows = connection.execute(sa.text(f"select {key}, {column} from {table}"))
                database |= {(tab, str(one), column): cell for one, cell in rows}
    return sheet, database


def render(about: dict[str, Any], arguments: argparse.Namespace, result: dict[str, Any]) -> str:
    """The page."""
    findings: Findings = result["findings"]
    kills, fates = result["kills"], result["fates"]
    states = Counter({name: n for name, n in findings.told.items() if "(" in name})
    lines = [
        "# Histories of edits, and what was left",
        "",
        f"Made by `python -m benchmarks.edit_histories --kills {arguments.kills} --people {arguments.people} --seed "
        f"{arguments.seed} --away {arguments.away:g}` on {about['date']} in {result['minutes']:.0f} minutes: {about['cores']} cores, "
        f"{about['memory_gib']} GiB, Python {about['python']}, load {about['load']} at the start and {result['load']} at the end.",
        "",
        f"{arguments.people} people typed {result['typed']:,} values into editable columns of the demo, each another one, while the "
        f"application changed the same cells {result['told']['changes of the application']:,} times. There were "
        f"{result['told']['sorts']} sorts, {result['told']['rows put in']} rows put in and {result['told']['undone']} undos. "
        "Meanwhile:",
        "",
        "- ended with `kill -9`: " + ", ".join(f"{name} {kills[name]}" for name in TARGETS) + f"; the webhook away for "
        f"{arguments.away:g} s",
        "- messages of the script: " + ", ".join(f"{name} {fates[name]}" for name in [*FATES, "at once"]),
        "",
        "| Found | times | means |",
        "|---|---:|---|",
        *(f"| {kind} | {findings.damage[kind]} | {means} |" for kind, means in DAMAGE.items()),
        f"| written again | {_said(result['written again'])} | cells that a further full sync wrote, once nothing waited |",
        "",
        f"{result['cells']:,} editable cells were compared on both sides. In the ledger: "
        + ", ".join(f"{number} {name}" for name, number in sorted(states.items()))
        + ". "
        + "; ".join(f"{number} {name}" for name, number in findings.told.items() if "(" not in name)
        + ".",
        "",
    ]
    return "\n".join(lines)


def _said(number: int | None) -> str:
    return "it failed" if number is None else str(number)


if __name__ == "__main__":
    main()
