"""``python -m benchmarks.crashes``: kills every part with SIGKILL at random moments while learners submit quizzes.

Afterwards every submission must stand in the spreadsheet exactly once. Real databases, Dagster daemon, runs and Local
Sheets with its usual quota, in a folder of their own; what dies is started again as a service manager would. Writes
docs/measured/crashes.md.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psutil
import sqlalchemy as sa

from benchmarks.environment import MEASURED, output_folder
from benchmarks.machine import machine
from benchmarks.stack import Keeper, Stack, running_stack
from benchmarks.truth import Judge, Verdict
from sheets_pipeline.database import events
from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.platform.tables import transcript_requests

#: What is killed. Runs are killed most often: they are what writes.
_TARGETS = {"run": 4, "warm process": 1, "daemon": 1, "code server": 1, "database": 2, "Local Sheets": 2}
_LONGEST_WAIT_FOR_TARGET = 8.0
_LONGEST_CATCHING_UP = 600.0


@dataclass
class Learners:
    """Submits quizzes and changes transcript requests until stopped; tries again where the database is away."""

    url: str
    per_second: float
    committed: int = 0
    refused: int = 0
    changed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread = threading.Thread(target=self._submit, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End and wait for the last one."""
        self._stop.set()
        self._thread.join()

    def _submit(self) -> None:
        engine, rng = connect(self.url), random.Random(7)
        seed = 0
        while not self._stop.is_set():
            seed += 1
            try:
                for _ in submit_quizzes(engine, 1_000_000, self.per_second, seed=seed):
                    self.committed += 1
                    if rng.random() < 0.2:
                        self._change_request(engine, rng)
                    if self._stop.is_set():
                        break
            except (sa.exc.DBAPIError, SheetsPipelineError):
                self.refused += 1
                time.sleep(0.2)
        engine.dispose()

    def _change_request(self, engine: sa.Engine, rng: random.Random) -> None:
        with engine.begin() as connection:
            ids = connection.scalars(sa.select(transcript_requests.c.id).limit(500)).all()
            status = {"status": rng.choice(["pending", "approved", "sent", "rejected"])}
            connection.execute(
                transcript_requests.update().where(transcript_requests.c.id == rng.choice(ids)).values(**status)
            )
        self.changed += 1


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--per-second", type=float, default=5, help="submissions (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of what is killed when (default: %(default)s)")
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    about, started = machine(), time.monotonic()
    with running_stack("crashes") as stack:
        result = torment(stack, arguments)
    result |= {"seconds": time.monotonic() - started, "load": round(os.getloadavg()[0], 1)}
    page = render(about, arguments, result)
    (arguments.output / "crashes.md").write_text(page)
    print(page)
    if not all(verdict.is_right for verdict in result["verdicts"].values()):
        sys.exit(1)


def torment(stack: Stack, arguments: argparse.Namespace) -> dict[str, Any]:
    """Load, kills, then quiet until the queue is empty; what the spreadsheet holds at the end."""
    stack.start_daemon()
    keeper = Keeper(stack)
    learners = Learners(stack.services.database_url, arguments.per_second)
    try:
        wait_until_filled(stack)
        learners.start()
        kills = kill_at_random(stack, arguments.kills, random.Random(arguments.seed))
        learners.stop()
        began = time.monotonic()
        verdicts = settle(stack)
        return {
            "kills": kills,
            "verdicts": verdicts,
            "committed": learners.committed,
            "changed": learners.changed,
            "refused": learners.refused,
            "catching_up": time.monotonic() - began,
            "daemon_restarts": stack.restarts,
        }
    finally:
        keeper.close()


def kill_at_random(stack: Stack, count: int, rng: random.Random) -> Counter[str]:
    """Kill that many processes, one every few seconds; says how many of each kind."""
    kills: Counter[str] = Counter()
    while kills.total() < count:
        target = rng.choices(list(_TARGETS), list(_TARGETS.values()))[0]
        deadline = time.monotonic() + _LONGEST_WAIT_FOR_TARGET
        while not (victims := stack.parts().get(target)) and time.monotonic() < deadline:
            time.sleep(0.05)
        if victims:
            time.sleep(rng.uniform(0, 0.5))  # somewhere within what a run does
            if _killed(rng.choice(victims)):
                kills[target] += 1
                print(f"{kills.total():>4}/{count} {target}", flush=True)
        time.sleep(rng.uniform(0.5, 5))
    return kills


def _killed(process: psutil.Process) -> bool:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True


def settle(stack: Stack) -> dict[str, Verdict]:
    """Wait until no event is pending, then compare; runs that still write get a while."""
    engine = connect(stack.services.database_url)
    deadline = time.monotonic() + _LONGEST_CATCHING_UP
    verdicts: dict[str, Verdict] = {}
    while time.monotonic() < deadline:
        try:
            with engine.connect() as connection:
                pending = events.count(connection)
            if not pending:
                verdicts = Judge(stack.services, engine).verdicts()
                if all(verdict.is_right for verdict in verdicts.values()):
                    break
        except (sa.exc.DBAPIError, SheetsPipelineError, OSError) as error:
            print(f"still coming up: {type(error).__name__}", flush=True)
        time.sleep(3)
    engine.dispose()
    return verdicts


def wait_until_filled(stack: Stack) -> None:
    """Wait for the first full sync."""
    print("Starting; waiting until the tabs are filled ...", flush=True)
    deadline = time.monotonic() + 300
    engine = connect(stack.services.database_url)
    while time.monotonic() < deadline:
        try:
            verdicts = Judge(stack.services, engine).verdicts()
        except (OSError, KeyError, ValueError):
            time.sleep(3)
            continue
        if all(not verdict.missing for verdict in verdicts.values()):
            engine.dispose()
            return
        time.sleep(3)
    raise RuntimeError(f"The tabs are not filled after 300 s; see {stack.folder / 'daemon.log'}.")


def render(about: dict[str, Any], arguments: argparse.Namespace, result: dict[str, Any]) -> str:
    """The page."""
    kills: Counter[str] = result["kills"]
    lines = [
        "# Killed at random, and what was left",
        "",
        f"Made by `python -m benchmarks.crashes --kills {arguments.kills} --per-second {arguments.per_second:g}` on "
        f"{about['date']}: {about['cores']} cores, {about['memory_gib']} GiB, Python {about['python']}, "
        f"load {about['load']} at the start and {result['load']} at the end.",
        "",
        f"While learners submitted {arguments.per_second:g} quizzes a second, one part after the other was ended with "
        "`kill -9`, chosen at random, at random moments. Whatever died was started again as a service manager would.",
        "",
        "| Killed | times |",
        "|---|---:|",
        *(f"| {name} | {kills[name]} |" for name in _TARGETS),
        f"| **together** | **{kills.total()}** |",
        "",
        f"{result['committed']:,} submissions and {result['changed']:,} changes of transcript requests were committed in "
        f"{result['seconds'] / 60:.0f} minutes; {result['refused']} times the database was away and the application tried "
        f"again. {result['catching_up']:.0f} s after the last commit the spreadsheet, read through the API, held:",
        "",
        "| Tab | rows in the database | missing | doubled | unknown | wrong |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for tab, verdict in result["verdicts"].items():
        counts = f"{verdict.missing} | {verdict.doubled} | {verdict.unknown} | {verdict.wrong}"
        lines.append(f"| {tab} | {verdict.rows:,} | {counts} |")
    lines += [
        "",
        "*Missing*: rows of the database that stand in no row. *Doubled*: rows that stand there twice. *Unknown*: rows "
        "that the database does not know. *Wrong*: rows whose count, score or status is not what the database says.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
