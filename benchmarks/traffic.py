"""``python -m benchmarks.traffic``: the application's request latency with and without a full sync beside it.

A tiny ASGI application over the platform's database answers requests at a steady rate; phases without and with full
syncs of changed data alternate in one run, so that whatever else the machine does falls on both. Everything is on one
machine: database, application, load, sync and Local Sheets, which stands in for Google and so gets only processor time
that nobody else wants. Writes docs/benchmarks-traffic.md.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from benchmarks.environment import ROOT
from benchmarks.machine import machine
from benchmarks.stack import NOT_INHERITED, make_way
from sheets_pipeline.database.engine import connect
from sheets_pipeline.local.processes import free_port
from sheets_pipeline.local.services import ensure_services, stop_services
from sheets_pipeline.settings import load_settings

#: Quiz responses marked anew before each phase: what the next sync has to write.
_CHANGES = 500
_SETTLE_SECONDS = 2.0


@dataclass
class Phase:
    """Latencies of one kind of phase, in seconds, counted from when each request was due."""

    name: str
    latencies: list[float] = field(default_factory=list)
    sync_seconds: list[float] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        return 1000 * statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1]


class SyncWorker:
    """A process that has imported everything, as the runs' warm process has, and syncs when it is told to."""

    def __init__(self, nice: int) -> None:
        command = [sys.executable, "-m", "benchmarks.traffic", "--as-worker", "--nice", str(nice)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._answer("ready")

    def sync(self) -> float:
        """One full sync; returns its seconds."""
        self.process.stdin.write("sync\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        return float(self._answer("done")["seconds"])

    def stop(self) -> None:
        """End it."""
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait(60)

    def _answer(self, expected: str) -> dict[str, Any]:
        for line in self.process.stdout or ():
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                if expected in answer:
                    return answer
        raise RuntimeError("the sync's process ended; run it by hand with --as-worker to see why")


def work(nice: int) -> None:
    """The process behind ``SyncWorker``."""
    os.nice(nice)
    from sheets_pipeline.headless import run_sync

    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        began = time.monotonic()
        result = run_sync((), None)
        if result["status"] != "success":
            raise RuntimeError(str(result["errors"]))
        print(json.dumps({"done": True, "seconds": time.monotonic() - began}), flush=True)


async def requests(url: str, per_second: float, users: list[int], until: Callable[[], bool]) -> list[float]:
    """Send requests when they are due, whether or not earlier ones have been answered; returns their latencies."""
    latencies: list[float] = []
    rng = random.Random(5)

    async def one(client: httpx.AsyncClient, due: float) -> None:
        answer = await client.get(url, params={"id": rng.choice(users)})
        answer.raise_for_status()
        latencies.append(time.monotonic() - due)

    limits = httpx.Limits(max_connections=50, max_keepalive_connections=50)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client, asyncio.TaskGroup() as group:
        start, sent = time.monotonic(), 0
        while not until():
            due = start + sent / per_second
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            group.create_task(one(client, due))
            sent += 1
    return latencies


def quiet_phase(phase: Phase, url: str, arguments: argparse.Namespace, users: list[int]) -> None:
    """No sync."""
    end = time.monotonic() + arguments.seconds
    phase.latencies += asyncio.run(requests(url, arguments.per_second, users, lambda: time.monotonic() > end))


def sync_phase(phase: Phase, worker: SyncWorker, url: str, arguments: argparse.Namespace, users: list[int]) -> None:
    """As long as one full sync takes."""

    async def both() -> list[float]:
        sync = asyncio.create_task(asyncio.to_thread(worker.sync))
        latencies = await requests(url, arguments.per_second, users, sync.done)
        phase.sync_seconds.append(await sync)
        return latencies

    phase.latencies += asyncio.run(both())


def change(engine: sa.Engine, turn: int) -> None:
    """Mark some responses anew, so that a sync has something to write, and let the database settle."""
    statement = sa.text(
        "UPDATE quiz_responses SET score = CASE WHEN score = 50 THEN 51 ELSE 50 END "
        "WHERE id IN (SELECT id FROM quiz_responses ORDER BY submitted_at DESC LIMIT :n OFFSET :o)"
    )
    with engine.begin() as connection:
        connection.execute(statement, {"n": _CHANGES, "o": (turn % 10) * _CHANGES})
    time.sleep(_SETTLE_SECONDS)


def measure(arguments: argparse.Namespace) -> Iterator[list[Phase]]:
    """Alternate: without, with, without, with at lower priority; gives all phases after each round."""
    without, beside, nice = Phase("without a sync"), Phase("full sync beside"), Phase("full sync beside, nice 10")
    anything = Phase("an endless loop of idle priority beside, no sync")
    with environment() as database_url, application(database_url) as url:
        engine = connect(database_url)
        with engine.connect() as connection:
            users = list(connection.scalars(sa.text("SELECT id FROM users")))
        usual, polite = SyncWorker(0), SyncWorker(10)
        try:
            usual.sync()  # the first one fills the tabs; not counted
            polite.sync()
            for turn in range(arguments.rounds):
                for number, worker in enumerate((usual, polite)):
                    change(engine, 4 * turn + 2 * number)
                    quiet_phase(without, url, arguments, users)
                    change(engine, 4 * turn + 2 * number + 1)
                    sync_phase(beside if worker is usual else nice, worker, url, arguments, users)
                change(engine, 4 * turn)
                with looping():
                    quiet_phase(anything, url, arguments, users)
                yield [without, beside, nice, anything]
        finally:
            usual.stop()
            polite.stop()
            engine.dispose()


@contextmanager
def looping() -> Iterator[None]:
    """A process that computes, and yields to everybody: what follows from that is this machine's, not the sync's."""
    loop = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass",
        ]
    )
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


@contextmanager
def environment() -> Iterator[str]:
    """The embedded default in a folder of its own; gives the platform's URL."""
    folder = Path(tempfile.mkdtemp(prefix="traffic-"))
    for name in NOT_INHERITED:
        os.environ.pop(name, None)
    os.environ["LOCAL_DATA_DIR"] = str(folder)
    settings = load_settings()
    try:
        services = ensure_services(settings)
        make_way(settings)
        yield services.database_url
    finally:
        stop_services(settings)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def application(database_url: str) -> Iterator[str]:
    """The application, served by uvicorn; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.traffic_app:app", "--port", str(port), "--no-access-log"]
    env = {**os.environ, "DATABASE_URL": database_url}
    process = subprocess.Popen([*command, "--log-level", "warning"], cwd=ROOT, env=env)
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(300):
            try:
                httpx.get(url, params={"id": 1}).raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def render(about: dict[str, Any], phases: list[Phase], per_second: float, rounds: int) -> str:
    """The report, in Markdown."""
    first = phases[0]
    lines = [
        "# Request latency of the application beside a full sync",
        "",
        "`python -m benchmarks.traffic`: a tiny ASGI application with three statements per request (one of them writes), "
        f"{per_second:g} requests per second, {rounds} rounds; phases without and with a full sync of "
        f"{_CHANGES} changed responses alternate. Database, application, load, sync and Local Sheets share this machine's "
        "cores; Local Sheets, in Google's place, has idle priority. The last line shows what this machine's cores take from each "
        "other whatever computes on them. Latency counts from when a request was due.",
        "",
        "| Phase | Requests | p50 ms | p95 ms | p99 ms | p95 against no sync |",
        "|---|---|---|---|---|---|",
    ]
    for phase in phases:
        p50, p95, p99 = (phase.percentile(percent) for percent in (50, 95, 99))
        ratio = f"{100 * (p95 / first.percentile(95) - 1):+.1f} %" if phase is not first else ""
        lines.append(f"| {phase.name} | {len(phase.latencies)} | {p50:.1f} | {p95:.1f} | {p99:.1f} | {ratio} |")
    seconds = ", ".join(
        f"{phase.name} {statistics.median(phase.sync_seconds):.1f} s" for phase in phases if phase.sync_seconds
    )
    lines += ["", f"Median length of a sync: {seconds}.", "", f"Measured on: {json.dumps(about)}.", ""]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traffic", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--per-second", type=float, default=25, help="requests (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=8, help="of a phase without a sync (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="folder of the report")
    parser.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--nice", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_worker:
        work(arguments.nice)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    about = machine()
    for rounds, phases in enumerate(measure(arguments), start=1):  # an early end leaves what there is by then
        about["load at the end"] = round(os.getloadavg()[0], 2)
        report = render(about, phases, arguments.per_second, rounds)
        (arguments.output / "benchmarks-traffic.md").write_text(report)
        print(report, flush=True)


if __name__ == "__main__":
    main()
