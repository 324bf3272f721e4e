"""``python -m benchmarks.traffic``: the application's request latency with and without a full sync beside it.

A tiny ASGI application over the platform's database answers requests at a steady rate; phases without and with full
syncs of changed data alternate in one run, so that whatever else the machine does falls on both. Two layouts:

- *apart*: the sync, Dagster's storage and Local Sheets, in Google's place, get only processor time that nobody else
  wants, which comes close to having them on another machine. What the sync asks of the platform's database, and the
  pipeline's own tables in it, competes with the application.
- *together*: the sync and Dagster's storage compete with the application, as on one small machine.

A process that merely computes, in the sync's place, shows what such a machine takes whatever runs there. Writes
docs/measured/benchmarks-traffic.md.
"""

import argparse
import asyncio
import itertools
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
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from benchmarks.environment import MEASURED, ROOT, output_folder
from benchmarks.machine import machine
from benchmarks.stack import NOT_INHERITED, lay_out, make_way
from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.postgres import EmbeddedPostgres, Server
from sheets_pipeline.embedded.services import Services, ensure_services, stop_services
from sheets_pipeline.processes.priority import DEFAULT_NICE, lower
from sheets_pipeline.processes.servers import free_port
from sheets_pipeline.settings import Settings, load_settings

#: Quiz responses marked anew before each phase: what the next sync has to write.
_CHANGES = 500
_SETTLE_SECONDS = 1.0

#: So many times requests are sent for some seconds, per round and kind; once while a sync, which takes longer, runs.
_BURSTS = 3


@dataclass
class Phase:
    """Latencies of one kind of phase, round by round, in seconds, counted from when each request was due."""

    rounds: list[list[float]] = field(default_factory=list)
    sync_seconds: list[float] = field(default_factory=list)

    def percentiles(self, percent: int) -> list[float]:
        """In milliseconds, of each round."""
        return [1000 * statistics.quantiles(one, n=100, method="inclusive")[percent - 1] for one in self.rounds]

    def against(self, other: "Phase", percent: int) -> list[float]:
        """This one's percentile / the other's, round by round."""
        return [one / base for one, base in zip(self.percentiles(percent), other.percentiles(percent), strict=True)]


class SyncWorker:
    """A process that has imported everything and yields to others, as run workers do; syncs when it is told to."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "benchmarks.traffic", "--as-worker"]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
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


def work() -> None:
    """The process behind ``SyncWorker``: runs as the schedule starts them, in a worker of the launcher's priority."""
    from sheets_pipeline.dagster_runtime.connections import opened_instance
    from sheets_pipeline.definitions import defs
    from sheets_pipeline.runs.switches import FULL_SYNC_SCHEDULE

    lower(DEFAULT_NICE)
    job = defs().resolve_job_def("full_sync")
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        began = time.monotonic()
        with opened_instance() as instance:
            job.execute_in_process(instance=instance, tags={"dagster/schedule_name": FULL_SYNC_SCHEDULE})
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


def quiet_burst(url: str, arguments: argparse.Namespace, users: list[int]) -> list[float]:
    """About as long as a sync takes, without one."""
    end = time.monotonic() + arguments.seconds
    return asyncio.run(requests(url, arguments.per_second, users, lambda: time.monotonic() > end))


def sync_burst(
    phase: Phase, worker: SyncWorker, url: str, arguments: argparse.Namespace, users: list[int]
) -> list[float]:
    """As long as one full sync takes."""

    async def both() -> list[float]:
        sync = asyncio.create_task(asyncio.to_thread(worker.sync))
        latencies = await requests(url, arguments.per_second, users, sync.done)
        phase.sync_seconds.append(await sync)
        return latencies

    return asyncio.run(both())


def change(engine: sa.Engine, turn: int) -> None:
    """Mark some responses anew, so that a sync has something to write, and let the database settle."""
    statement = sa.text(
        "UPDATE quiz_responses SET score = CASE WHEN score = 50 THEN 51 ELSE 50 END "
        "WHERE id IN (SELECT id FROM quiz_responses ORDER BY submitted_at DESC LIMIT :n OFFSET :o)"
    )
    with engine.begin() as connection:
        connection.execute(statement, {"n": _CHANGES, "o": (turn % 10) * _CHANGES})
    time.sleep(_SETTLE_SECONDS)


LAYOUTS = ("apart", "together")
KINDS = ("no sync", "a full sync", "an endless loop instead")


def measure(arguments: argparse.Namespace) -> Iterator[dict[tuple[str, str], Phase]]:
    """Alternate over layouts and kinds; gives all phases after each round."""
    phases = {(layout, kind): Phase() for layout in LAYOUTS for kind in KINDS}
    with environment() as (services, dagster), application(str(services.database_url)) as url:
        engine = connect(str(services.database_url))
        with engine.connect() as connection:
            users = list(connection.scalars(sa.text("SELECT id FROM users")))
        worker, turn = SyncWorker(), 0
        try:
            worker.sync()  # the first one fills the tabs; not counted
            for _ in range(arguments.rounds):
                for layout in LAYOUTS:
                    for kind in KINDS:
                        phase = phases[layout, kind]
                        phase.rounds.append([])
                        lay_out(layout, [dagster.pid])
                        lay_out(layout, [worker.process.pid], DEFAULT_NICE)
                        for _ in range(1 if kind == "a full sync" else _BURSTS):
                            turn += 1
                            change(engine, turn)
                            if kind == "a full sync":
                                phase.rounds[-1] += sync_burst(phase, worker, url, arguments, users)
                                continue
                            with looping() if kind != "no sync" else nullcontext():
                                phase.rounds[-1] += quiet_burst(url, arguments, users)
                yield phases
        finally:
            worker.stop()
            engine.dispose()


@contextmanager
def looping() -> Iterator[None]:
    """A process that computes, and yields to everybody: what follows from that is this machine's, not the sync's."""
    loop = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    lay_out("apart", [loop.pid])
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


@contextmanager
def environment() -> Iterator[tuple[Services, Server]]:
    """The embedded default in a folder of its own, with a server of its own for Dagster's storage."""
    folder = Path(tempfile.mkdtemp(prefix="traffic-"))
    for name in NOT_INHERITED:
        os.environ.pop(name, None)
    dagster = EmbeddedPostgres(folder / "dagster")
    settings: Settings | None = None
    try:
        server = dagster.ensure({"dagster": None})
        os.environ |= {"LOCAL_DATA_DIR": str(folder / "data"), "DAGSTER_POSTGRES_URL": server.url("dagster")}
        settings = load_settings()
        services = ensure_services(settings)
        make_way(settings)
        yield services, server
    finally:
        if settings:
            stop_services(settings)
        dagster.stop()
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


def render(about: dict[str, Any], phases: dict[tuple[str, str], Phase], per_second: float, rounds: int) -> str:
    """The report, in Markdown."""
    lines = [
        "# Request latency of the application beside a full sync",
        "",
        f"Made by `python -m benchmarks.traffic` on {about['date']}: {about['cores']} cores, {about['memory_gib']} GiB, load "
        f"{about['load']} at the start. A tiny ASGI application with three statements per request (one of them writes), "
        f"{per_second:g} requests per second, {rounds} rounds; each sync has {_CHANGES} changed responses to write. Latency "
        "counts from when a request was due. Medians of rounds, since neighbours on the same hardware disturb some of them; "
        "changes against the phase without a sync of the same round.",
        "",
        "*Apart*: the sync, Dagster's storage and Local Sheets get only processor time that nobody else wants, which comes "
        "close to having them on another machine; queries on the platform's database compete. *Together*: sync and Dagster's "
        "storage compete, too. *An endless loop* of the lowest priority shows what the processes of such a machine take "
        "from each other whatever they do. *Five minutes*: p95 over a whole interval, weighted by how long a sync takes.",
        "",
        "| layout | beside the application | requests | p50 ms | p95 ms | p99 ms | p50 against no sync | p95 against no sync | p95 over five minutes |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (layout, kind), phase in phases.items():
        p50, p95, p99 = (statistics.median(phase.percentiles(percent)) for percent in (50, 95, 99))
        number = sum(len(one) for one in phase.rounds)
        ratios, alone = [""] * 3, phases[layout, "no sync"]
        if kind != "no sync":
            ratios[:2] = [_change(phase.against(alone, percent)) for percent in (50, 95)]
        if phase.sync_seconds:
            share = statistics.median(phase.sync_seconds) / 300
            ratios[2] = _change([_mixed(*pair, share) for pair in zip(alone.rounds, phase.rounds, strict=True)])
        lines.append(f"| {layout} | {kind} | {number:,} | {p50:.1f} | {p95:.1f} | {p99:.1f} | {' | '.join(ratios)} |")
    seconds = ", ".join(
        f"{statistics.median(phase.sync_seconds):.1f} s {layout}"
        for (layout, _), phase in phases.items()
        if phase.sync_seconds
    )
    return "\n".join([*lines, "", f"Median length of a sync: {seconds}.", ""])


def _mixed(quiet: list[float], syncing: list[float], share: float) -> float:
    """95th percentile where this share of the time has a sync / without any."""
    weighted = sorted(
        [(one, (1 - share) / len(quiet)) for one in quiet] + [(one, share / len(syncing)) for one in syncing]
    )
    reached = itertools.accumulate(weight for _, weight in weighted)
    slowest = next(latency for (latency, _), sofar in zip(weighted, reached, strict=True) if sofar >= 0.95)
    return slowest / statistics.quantiles(quiet, n=100, method="inclusive")[94]


def _change(ratios: list[float]) -> str:
    """The median of the rounds, and their range."""
    return f"{statistics.median(ratios) - 1:+.1%} ({min(ratios) - 1:+.0%} to {max(ratios) - 1:+.0%})"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traffic", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--per-second", type=float, default=50, help="requests (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=6, help="of a burst without a sync (default: %(default)s)")
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    parser.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_worker:
        work()
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    about = machine()
    for rounds, phases in enumerate(measure(arguments), start=1):  # an early end leaves what there is by then
        report = render(about, phases, arguments.per_second, rounds)
        (arguments.output / "benchmarks-traffic.md").write_text(report)
        print(report, flush=True)


if __name__ == "__main__":
    main()
