"""``python -m benchmarks.hosts``: three hosts keep one spreadsheet in step, and one after the other fails.

Each host is a network namespace with a host name and a /tmp of its own, and runs a code server, ``sheets-pipeline daemon`` and
``sheets-pipeline worker``. PostgreSQL, Redis and Local Sheets (with Google's quotas) are common. A learner submits a quiz every
second while a host is killed, cut off, stopped, has a wrong clock or other code, or a common service is started again.
Writes docs/measured/hosts.md. Needs root, ip and redis-server; faketime for the clock.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
import yaml

from benchmarks.environment import MEASURED, ROOT, output_folder
from benchmarks.hosts_net import CENTRE, Host, make_bridge, own_namespace, why_not
from benchmarks.hosts_report import render
from benchmarks.latency import drain, single_submissions, summary, wait_until_ready
from benchmarks.latency_watch import Awaited, Watch
from benchmarks.load import most_in_a_minute
from benchmarks.machine import machine
from benchmarks.truth import Judge
from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.services import Services, embedded_postgres, ensure_services, stop_services
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.processes.servers import free_port
from sheets_pipeline.settings import Settings, load_settings

#: After a fault everything has to be right within so long, in seconds.
RECOVERY_SECONDS = 60.0

#: How long the cable is pulled, or a host stands still: past all leases.
_AWAY_SECONDS = 45.0

#: A host's worker takes runs by then.
_STARTING_SECONDS = 20.0

_PROGRAMS = Path(sys.executable).parent


@dataclass
class Ground:
    """The hosts, and what they have in common."""

    folder: Path
    settings: Settings
    services: Services
    redis_port: int
    engine: sa.Engine
    hosts: list[Host] = field(default_factory=list)
    redis: subprocess.Popen[bytes] | None = None
    relays: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def ports(self) -> list[str]:
        """Of the common services."""
        sheets = str(self.services.sheets_api_endpoint).rpartition(":")[2]
        return [str(sa.make_url(self.services.database_url).port), sheets, str(self.redis_port)]

    def start_redis(self) -> None:
        """Without keeping anything: what was in it is lost when it ends."""
        options = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.redis = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)

    def relay(self, run: Callable[[list[str]], Any], listen: str, target: str) -> None:
        """Make the common services reachable there."""
        run([sys.executable, "-m", "benchmarks.hosts_net", "relay", listen, target, *self.ports])

    def add(self, name: str) -> None:
        """One more host, with all that runs on it."""
        host = Host(name, len(self.hosts), self.folder / name, _environment(self, self.folder / name))
        _configure(host.folder)
        self.hosts.append(host)
        self.start(host)

    def start(self, host: Host, clock: str | None = None) -> None:
        """All that runs on a host."""
        self.relay(lambda words: host.start(*words), "127.0.0.1", CENTRE)
        for program, *words in (
            (
                "dagster",
                "api",
                "grpc",
                "-h",
                "127.0.0.1",
                "-p",
                "4266",
                "-m",
                "sheets_pipeline.definitions",
                "--location-name",
                "sheets_pipeline",
            ),
            ("sheets-pipeline", "daemon", "-w", "workspace.yaml"),
            ("sheets-pipeline", "worker", "--concurrency", "2"),
        ):
            host.start(str(_PROGRAMS / program), *words, clock=clock)

    def active(self) -> Host:
        """The host whose daemon runs."""
        for host in self.hosts:
            for pid in host.pids():
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if any(word.endswith(b"dagster-daemon") for word in words):
                    return host
        raise RuntimeError("no daemon runs")

    def other(self) -> Host:
        """A host whose daemon stands by."""
        active = self.active()
        return next(host for host in self.hosts if host is not active)


@contextmanager
def running() -> Iterator[Ground]:
    """Two hosts with their common services; all gone afterwards, with what was added."""
    folder = Path(tempfile.mkdtemp(prefix="hosts-", dir="/var/tmp"))
    for name in ("DATABASE_URL", "PIPELINE_DATABASE_URL", "DAGSTER_POSTGRES_URL", "SPREADSHEET_ID", "DAGSTER_HOME"):
        os.environ.pop(name, None)
    os.environ["LOCAL_DATA_DIR"] = str(folder / "data")
    settings = load_settings()
    make_bridge()
    services = ensure_services(settings)
    ground = Ground(folder, settings, services, free_port(), connect(services.database_url))
    try:
        ground.start_redis()
        ground.relay(lambda words: ground.relays.append(subprocess.Popen(words, cwd=ROOT)), CENTRE, "127.0.0.1")
        for name in ("host-a", "host-b"):
            ground.add(name)
        yield ground
    finally:
        for host in ground.hosts:
            host.plug(into=True)
            host.kill()
        for process in (*ground.relays, *([ground.redis] if ground.redis else [])):
            process.kill()
            process.wait()
        ground.engine.dispose()
        stop_services(settings)
        shutil.rmtree(folder, ignore_errors=True)


def _environment(ground: Ground, home: Path) -> dict[str, str]:
    services = ground.services
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "LC_ALL")}
    return kept | {
        "DATABASE_URL": services.database_url,
        "DAGSTER_POSTGRES_URL": services.dagster_postgres_url,
        "SPREADSHEET_ID": services.spreadsheet_id,
        "SHEETS_API_ENDPOINT": str(services.sheets_api_endpoint),
        "GOOGLE_APPLICATION_CREDENTIALS": str(services.credentials_file),
        "CELERY_BROKER_URL": f"redis://127.0.0.1:{ground.redis_port}/0",
        "DAGSTER_HOME": str(home),
        "LOCAL_DATA_DIR": str(home / "data"),
        "PYTHONPATH": str(ROOT),
    }


def _configure(home: Path) -> None:
    configuration = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    configuration["run_launcher"] = {
        "module": "sheets_pipeline.dagster_runtime.celery_launcher",
        "class": "CeleryHostsRunLauncher",
        "config": {"broker": {"env": "CELERY_BROKER_URL"}},
    }
    configuration["run_monitoring"]["poll_interval_seconds"] = 5
    (home / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    server = {"host": "127.0.0.1", "port": 4266, "location_name": "sheets_pipeline"}
    (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))


# What happens -------------------------------------------------------------------------------------------------------------


def kill_worker_host(ground: Ground) -> Callable[[], None]:
    """A host that executes runs is switched off."""
    host = ground.other()
    host.kill()
    return lambda: ground.start(host)


def kill_daemon_host(ground: Ground) -> Callable[[], None]:
    """The host whose daemon runs is switched off."""
    host = ground.active()
    host.kill()
    return lambda: ground.start(host)


def pull_cable(ground: Ground) -> Callable[[], None]:
    """The cable of the daemon's host is pulled."""
    host = ground.active()
    host.plug(into=False)
    return lambda: host.plug(into=True)


def pause(ground: Ground) -> Callable[[], None]:
    """The daemon's host stands still, past its leases, and goes on."""
    host = ground.active()
    host.signal(signal.SIGSTOP)
    return lambda: host.signal(signal.SIGCONT)


def wrong_clock(ground: Ground) -> Callable[[], None]:
    """A host's clock is an hour ahead."""
    host = ground.other()
    host.kill()
    ground.start(host, clock="+1h")

    def mend() -> None:
        host.kill()
        ground.start(host)

    return mend


def other_code(ground: Ground) -> Callable[[], None]:
    """A host has other declarations, so another version of the code."""
    host = ground.other()
    host.kill()
    project = host.folder / "tabs"
    shutil.copytree(ROOT / "sheets_pipeline" / "defs" / "tabs", project)
    host.environment["PROJECT_DIR"] = str(host.folder)
    ground.start(host)

    def mend() -> None:
        host.kill()
        shutil.rmtree(project)
        del host.environment["PROJECT_DIR"]
        ground.start(host)

    return mend


def restart_broker(ground: Ground) -> Callable[[], None]:
    """Redis is killed with all that it held, and started again ten seconds later."""
    redis = ground.redis
    if redis is None:
        raise RuntimeError("no broker runs")
    redis.kill()
    redis.wait()
    time.sleep(10)
    ground.start_redis()
    return lambda: None


def fail_over(ground: Ground) -> Callable[[], None]:
    """PostgreSQL dies with all its connections, and another takes its place on the same files."""
    running = embedded_postgres(ground.settings).running()
    if running is None:
        raise RuntimeError("no PostgreSQL runs")
    os.kill(running.pid, signal.SIGQUIT)
    time.sleep(3)
    ensure_services(ground.settings)
    return lambda: None


FAULTS: dict[str, Callable[[Ground], Callable[[], None]]] = {
    "nothing": lambda _: lambda: None,
    "a worker's host killed": kill_worker_host,
    "the daemon's host killed": kill_daemon_host,
    "the daemon's host cut off": pull_cable,
    "the daemon's host stands still": pause,
    "a clock an hour ahead": wrong_clock,
    "other code on a host": other_code,
    "the broker killed": restart_broker,
    "PostgreSQL killed": fail_over,
}


def measure(ground: Ground, watch: Watch, name: str, seconds: float) -> dict[str, Any]:
    """One fault, with a submission every second from before it until after it is mended."""
    watch.take()
    ended, count = threading.Event(), int(seconds)

    def submit() -> None:
        for submission in submit_quizzes(ground.engine, count, 1, seed=hash(name) % 1000):
            watch.add(submission)
        ended.set()

    def persist() -> None:
        """An application whose database fails over goes on when it is there again."""
        while not ended.is_set():
            try:
                submit()
            except Exception as error:
                print(f"submitting: {type(error).__name__}", flush=True)
                time.sleep(1)

    since = time.time()
    submitting = threading.Thread(target=persist, daemon=True)
    submitting.start()
    time.sleep(10)
    fault_at = time.time()
    mend = FAULTS[name](ground)
    time.sleep(max(0.0, fault_at + _AWAY_SECONDS - time.time()) if name != "nothing" else 0)
    mend()
    submitting.join(seconds + 120)
    drain(watch, 180)
    taken = watch.take()
    result = judged(ground, taken, since, fault_at)
    print(name, result, flush=True)
    return result


def judged(ground: Ground, taken: list[Awaited], since: float, fault_at: float | None = None) -> dict[str, Any]:
    """What came of submissions, and what the tabs and the requests since then say; without a fault recovery is the longest."""
    fault_at = since if fault_at is None else fault_at
    behind = [
        one.readable_at - max(fault_at, one.submission.committed_at.timestamp())
        for one in taken
        if one.readable_at is not None and one.readable_at > fault_at
    ]
    verdicts = Judge(ground.services, ground.engine).verdicts()
    url = f"{ground.services.sheets_api_endpoint}/_local/requests"
    requests = [one for one in httpx.get(url, timeout=30).json() if one["time"] >= since]
    ours = [one for one in requests if not any(word in (one["caller"] or "") for word in ("judge", "latency-reader"))]
    in_a_minute = {kind: most_in_a_minute([r["time"] for r in ours if r["kind"] == kind]) for kind in ("read", "write")}
    return summary(taken) | {
        "recovery": round(max(behind, default=0.0), 1),
        "right": all(verdict.is_right for verdict in verdicts.values()),
        "doubled": sum(verdict.doubled for verdict in verdicts.values()),
        "reads": in_a_minute["read"],
        "writes": in_a_minute["write"],
        "refused": sum(one["status"] == 429 for one in ours),
        "out_of_turn": sum(one["status"] == 400 for one in ours),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosts", description=__doc__)
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=list(FAULTS))
    parser.add_argument(
        "--single",
        type=int,
        default=24,
        help="submissions to two hosts, one every 5 s, and half as many, one every 20 s (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds", type=float, default=80, help="of submissions with each fault (default: %(default)s)"
    )
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    if reason := why_not():
        raise SystemExit(reason)
    own_namespace()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    about = machine()
    with running() as ground:
        watch = wait_until_ready(ground.services)
        results: dict[str, dict[str, Any]] = {}
        patterns = ((5, arguments.single), (20, arguments.single // 2)) if arguments.single else ()
        for apart, count in patterns:
            watch.take()
            began = time.time()
            single_submissions(ground.engine, watch, count, apart)
            results[f"nothing, on two hosts, one every {apart} s"] = judged(ground, watch.take(), began)
            print(results, flush=True)
        ground.add("host-c")
        time.sleep(_STARTING_SECONDS)
        results |= {name: measure(ground, watch, name, arguments.seconds) for name in arguments.faults}
        watch.close()
    (arguments.output / "hosts.md").write_text(render(about, results))


if __name__ == "__main__":
    main()
