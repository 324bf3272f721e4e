"""``python -m benchmarks.latency``: from the commit of a quiz submission to the cell, ours beside stock Dagster.

Each variant is ``dagster dev`` on the embedded default, in a data folder of its own: real triggers, sensor daemon, runs
and Local Sheets with its usual quota, which answers at once and then after as long as Google takes. Writes
docs/measured/benchmarks-latency.md.
"""

import argparse
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
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import yaml

from benchmarks.environment import MEASURED, ROOT, output_folder
from benchmarks.latency_report import render
from benchmarks.latency_watch import Awaited, Watch
from benchmarks.machine import machine
from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.services import Services, ensure_services, stop_services
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.processes.servers import free_port
from sheets_pipeline.settings import load_settings

#: Settings of the person who runs this must not leak in.
_NOT_INHERITED = ("DATABASE_URL", "PIPELINE_DATABASE_URL", "DAGSTER_POSTGRES_URL", "SPREADSHEET_ID", "DAGSTER_HOME")


#: The first fill ends within a minute of the first tabs being there; so long after, its requests count no more.
_QUOTA_SECONDS = 100

#: Methods of the pipeline's requests; the watch asks by ``values.batchGet``.
_OF_THE_PIPELINE = ("*ByDataFilter", "*.spreadsheets.batchUpdate", "*.spreadsheets.get", "*.developerMetadata.*")


@dataclass(frozen=True)
class Variant:
    """One way to run the project: arguments of ``dagster dev``, and what its dagster.yaml lacks."""

    name: str
    target: list[str]
    left_out: tuple[str, ...]


VARIANTS = [
    Variant("ours", ["-w", "workspace.yaml"], ()),
    Variant("stock", ["-m", "benchmarks.stock_definitions"], ("run_launcher", "run_coordinator")),
]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    names = [variant.name for variant in VARIANTS]
    parser.add_argument("--variants", nargs="+", choices=names, default=names)
    parser.add_argument("--submissions", type=int, default=40, help="one about every 5 s (default: %(default)s)")
    parser.add_argument("--per-second", type=float, default=20, help="of the steady stream (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="length of the stream (default: %(default)s)")
    parser.add_argument(
        "--latency",
        type=int,
        nargs="+",
        default=[0, 300],
        metavar="MS",
        help="milliseconds before each of the pipeline's requests is carried out, one after the other (default: 0 300)",
    )
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    about = machine()
    if os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR):  # chrt -r 1 python -m benchmarks.latency
        about["priority"] = "all of it in the real-time class, before whatever else the machine did"
    results = {}
    for variant in (variant for variant in VARIANTS if variant.name in arguments.variants):
        results[variant.name] = measure(variant, arguments)
        print(json.dumps({variant.name: results[variant.name]}, indent=2), flush=True)
    about["load at the end"] = round(os.getloadavg()[0], 2)
    (arguments.output / "benchmarks-latency.md").write_text(render(about, results, vars(arguments)))


def measure(variant: Variant, arguments: argparse.Namespace) -> dict[str, Any]:
    """Both patterns on one variant, by milliseconds per request."""
    with running(variant) as (services, home):
        engine = connect(services.database_url)
        watch = wait_until_ready(services)
        try:
            single_submissions(engine, watch, 5)  # not counted: everybody has imported everything after these
            results: dict[str, Any] = {}
            for latency in arguments.latency:
                if results:
                    time.sleep(_QUOTA_SECONDS)
                answer_after(services, latency)
                results[str(latency)] = _patterns(engine, watch, home, arguments)
            return results
        finally:
            watch.close()
            engine.dispose()


def _patterns(engine: Any, watch: Watch, home: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    watch.take()
    started = time.time()
    single_submissions(engine, watch, arguments.submissions)
    single = watch.take()
    stages = where_time_goes(home, single, started)
    count = int(arguments.per_second * arguments.seconds)
    for submission in submit_quizzes(engine, count, arguments.per_second, seed=2):
        watch.add(submission)
    drain(watch)
    return {"single": summary(single), "stream": summary(watch.take()), "stages": stages}


def answer_after(services: Services, milliseconds: int) -> None:
    """Let requests of the kinds that the pipeline sends wait so long before they are carried out; not those of the watch."""
    url, headers = f"{services.sheets_api_endpoint}/_local/faults", {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()
    delay = {"action": "delay", "seconds": milliseconds / 1000, "count": None}
    rules = [delay | {"method": method} for method in _OF_THE_PIPELINE] if milliseconds else []
    body = json.dumps(rules).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10).close()


@contextmanager
def running(variant: Variant) -> Iterator[tuple[Services, Path]]:
    """``dagster dev`` as a user would start it, with data and configuration in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix=f"latency-{variant.name}-"))
    for name in _NOT_INHERITED:
        os.environ.pop(name, None)
    os.environ.update(LOCAL_DATA_DIR=str(folder / "data"), DAGSTER_HOME=str(folder))
    configuration = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    kept = {key: value for key, value in configuration.items() if key not in variant.left_out}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(kept))
    settings = load_settings()
    services = ensure_services(settings)
    port = free_port()
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "--host=127.0.0.1", f"--port={port}"]
    # Every installed Python keeps compiled modules; without them stock Dagster would look slower than it is.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with (folder / "dagster.log").open("w") as log:
        process = subprocess.Popen(
            [*command, *variant.target], cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for_webserver(port, process, folder / "dagster.log")
        yield services, folder
    finally:
        _stop(process)
        stop_services(settings)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_webserver(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"dagster dev ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=2).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise RuntimeError("dagster dev did not answer within 5 minutes")


def _stop(process: subprocess.Popen[bytes]) -> None:
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
    _, alive = psutil.wait_procs(family, timeout=30)
    for left in alive:
        print(f"left behind and ended: {left}")
        left.kill()


def wait_until_ready(services: Services, seconds: float = 300) -> Watch:
    """Wait until the first full sync has filled the tabs, and the minute's quota that this took is there again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            Watch(services, connect(services.database_url)).close()
        except (OSError, LookupError, SheetsPipelineError) as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the tabs are not filled after {seconds:g} s") from error
            time.sleep(3)
        else:
            time.sleep(_QUOTA_SECONDS)
            return Watch(services, connect(services.database_url))


def single_submissions(engine: Any, watch: Watch, count: int, apart: float = 5) -> None:
    """One about every so many seconds, a little off, so as not to fall into step with the sensor's ticks."""
    rng = random.Random(1)
    for number in range(count):
        started = time.monotonic()
        [submission] = submit_quizzes(engine, 1, 1, seed=number)
        watch.add(submission)
        time.sleep(max(0.0, started + apart + rng.uniform(-1, 1) - time.monotonic()))
    drain(watch)


def drain(watch: Watch, seconds: float = 120) -> None:
    """Wait until all is readable."""
    deadline = time.monotonic() + seconds
    while watch.waiting() and time.monotonic() < deadline:
        time.sleep(0.1)


def summary(awaited: list[Awaited]) -> dict[str, Any]:
    """Seconds from commit to readable; ``missing`` were not readable 2 minutes after the last commit."""
    seconds = sorted(one.seconds for one in awaited if one.seconds is not None)
    ranks = statistics.quantiles(seconds, n=20, method="inclusive")
    return {
        "submissions": len(awaited),
        "median": round(statistics.median(seconds), 2),
        "p95": round(ranks[18], 2),
        "max": round(seconds[-1], 2),
        "missing": len(awaited) - len(seconds),
    }


def where_time_goes(home: Path, awaited: list[Awaited], since: float) -> dict[str, float]:
    """Median seconds of each stage, of submissions for which a run was started."""
    stages: dict[str, list[float]] = {}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for record in instance.get_run_records(dg.RunsFilter(job_name="event_sync")):
            created = record.create_timestamp.timestamp()
            commits = [one.submission.committed_at.timestamp() for one in awaited if one.seconds is not None]
            commit = max((moment for moment in commits if moment < created), default=None)
            if created < since or commit is None:
                continue
            [one] = [one for one in awaited if one.submission.committed_at.timestamp() == commit]
            moments = {
                "commit → run requested": created,
                "→ run worker started": _moment(instance, record, dg.DagsterEventType.ENGINE_EVENT, "Started process"),
                "→ user code started": _moment(instance, record, dg.DagsterEventType.STEP_START, ""),
                "→ readable": one.readable_at,
            }
            previous = commit
            for stage, moment in moments.items():
                if moment is None or moment < previous:
                    break
                stages.setdefault(stage, []).append(moment - previous)
                previous = moment
    return {stage: round(statistics.median(seconds), 2) for stage, seconds in stages.items()}


def _moment(instance: dg.DagsterInstance, record: Any, kind: dg.DagsterEventType, text: str) -> float | None:
    for entry in instance.all_logs(record.dagster_run.run_id, of_type=kind):
        if entry.dagster_event and text in (entry.dagster_event.message or ""):
            return float(entry.timestamp)
    return None


if __name__ == "__main__":
    main()
