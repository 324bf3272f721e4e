"""``python -m benchmarks.load``: 100 submissions a second for 10 minutes, and what they do to everything else.

Phases on the same data: the application alone (no triggers), with triggers, and with the whole pipeline competing for the
same cores. Then short phases in turn, because a shared machine drifts by more than is to be measured: alone, on a second
database of the same server, while the pipeline stands still, and with all of it. Reported: the application's own
transaction times, the queue, requests within quota, memory of all processes, and whether every submission stands in the
spreadsheet once. Writes docs/measured/load.md.
"""

import argparse
import itertools
import multiprocessing
import os
import random
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import sqlalchemy as sa

from benchmarks.crashes import settle, wait_until_filled
from benchmarks.environment import MEASURED, output_folder
from benchmarks.machine import machine
from benchmarks.stack import Keeper, Stack, make_way, running_stack
from benchmarks.truth import Judge
from sheets_pipeline.database import events, triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.services import embedded_postgres
from sheets_pipeline.platform.demo import generate
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.platform.tables import transcript_requests
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.settings import Settings

_THREADS = 4
_STORM = 500
_SAMPLE_SECONDS = 5.0

ALONE, TRIGGERS = "the application alone", "with triggers"
WHOLE = "with triggers and the whole pipeline"

#: How often turns are drawn anew for an interval of confidence.
_DRAWS = 1000

#: Grows with the spreadsheet that it holds, as Google would; so it is not among the others.
_SPREADSHEET = "Local Sheets"
_ALL = "**all but Local Sheets**"


@dataclass
class Application:
    """Threads that submit quizzes; each transaction is (seconds since 1970 at BEGIN, seconds to the answer to COMMIT)."""

    url: str
    per_second: float
    transactions: list[tuple[float, float]] = field(default_factory=list)
    _counts_from: float = 0.0

    def run(self, duration: float, lead: float = 0.0) -> None:
        """Submit for so many seconds, after ``lead`` seconds that do not count."""
        each = self.per_second / _THREADS
        self._counts_from = time.monotonic() + lead
        duration += lead
        threads = [
            threading.Thread(target=self._submit, args=(seed, each, int(each * duration))) for seed in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _submit(self, seed: int, per_second: float, count: int) -> None:
        engine = connect(self.url)
        began: list[float] = []
        sa.event.listen(engine, "begin", lambda _: began.append(time.perf_counter()))
        for _ in submit_quizzes(engine, count, per_second, seed=seed):
            if time.monotonic() >= self._counts_from:
                seconds = time.perf_counter() - began[-1]
                self.transactions.append((time.time() - seconds, seconds))
            began.clear()
        engine.dispose()


@dataclass
class Samples:
    """What was looked at every 5 s."""

    pending: list[int] = field(default_factory=list)
    oldest: list[float] = field(default_factory=list)
    memory: list[dict[str, float]] = field(default_factory=list)
    requests: dict[str, list[float]] = field(default_factory=lambda: {"read": [], "write": []})
    refused: int = 0


def submit_for(url: str, per_second: float, seconds: float, lead: float = 0.0) -> list[tuple[float, float]]:
    """Run the application; gives its transactions."""
    application = Application(url, per_second)
    application.run(seconds, lead)
    return application.transactions


class Sampler:
    """Looks at queue, processes and Local Sheets' log until it is closed."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.samples = stack, Samples()
        self._engine = connect(stack.services.database_url)
        self._last_request = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def close(self) -> Samples:
        """Stop looking."""
        self._stop.set()
        self._thread.join()
        self._engine.dispose()
        return self.samples

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            with self._engine.connect() as connection:
                status = events.status(connection)
            self.samples.pending.append(status.pending)
            self.samples.oldest.append(status.oldest_seconds or 0.0)
            self.samples.memory.append(memory_by_part(self.stack))
            self._count_requests()

    def _count_requests(self) -> None:
        url = f"{self.stack.services.sheets_api_endpoint}/_local/requests"
        for request in httpx.get(url, params={"after": self._last_request}, timeout=30).json():
            self._last_request = max(self._last_request, request["number"])
            if "judge" in (request["caller"] or ""):
                continue
            if request["kind"] in self.samples.requests and request["status"] != 429:
                self.samples.requests[request["kind"]].append(request["time"])
            self.samples.refused += request["status"] == 429


def memory_by_part(stack: Stack) -> dict[str, float]:
    """Proportional memory of all processes by what they are, in MiB."""
    result: dict[str, float] = {}
    for part, processes in stack.parts().items():
        for process in processes:
            try:
                result[part] = result.get(part, 0.0) + process.memory_full_info().pss / 2**20
            except (psutil.Error, OSError):
                continue  # it has ended
    return result


def processor_seconds(stack: Stack) -> dict[str, float]:
    """Processor time by part so far, children that have ended included: runs count with the warm process."""
    result: dict[str, float] = {}
    for part, processes in stack.parts().items():
        for process in processes:
            try:
                times = process.cpu_times()
            except (psutil.Error, OSError):
                continue  # it has ended
            name = {"run": "runs", "warm process": "runs", "database session": "database"}.get(part, part)
            own, ended = times.user + times.system, times.children_user + times.children_system
            result[name] = result.get(name, 0.0) + own + (ended if part in {"warm process", "database"} else 0.0)
    return result


def most_in_a_minute(moments: list[float]) -> int:
    """The most requests in any 60 seconds."""
    moments, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 60:
            first += 1
        most = max(most, last - first + 1)
    return most


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--per-second", type=float, default=100)
    parser.add_argument("--minutes", type=float, default=10, help="with the pipeline running (default: %(default)s)")
    parser.add_argument(
        "--alone", type=float, default=60, help="seconds of each phase without it (default: %(default)s)"
    )
    parser.add_argument(
        "--turns", type=int, default=24, help="of one phase alone and one with it (default: %(default)s)"
    )
    parser.add_argument("--turn", type=float, default=30, help="seconds of each of those (default: %(default)s)")
    parser.add_argument(
        "--lead",
        type=float,
        default=15,
        help="seconds of submissions before each of those that do not count, so that syncs find their pace "
        "(default: %(default)s)",
    )
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    about = machine()
    with running_stack("load") as stack:
        result = measure(stack, arguments)
    page = render(about, arguments, result | {"load": round(os.getloadavg()[0], 1)})
    (arguments.output / "load.md").write_text(page)
    print(page)


def measure(stack: Stack, arguments: argparse.Namespace) -> dict[str, Any]:
    """The phases; after the whole pipeline's, quiet until the queue is empty, then the turns."""
    url = stack.services.database_url
    engine = connect(url)
    phases: dict[str, list[float]] = {}

    def timed(name: str, seconds: float, on: str = url, lead: float = 0.0) -> list[float]:
        print(f"{name}: {seconds:.0f} s at {arguments.per_second:g} a second", flush=True)
        # A process of its own: whoever samples and mends here must not hold up what is timed.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            transactions = pool.submit(submit_for, on, arguments.per_second, seconds, lead).result()
        return [seconds for _, seconds in transactions]

    triggers.remove(engine)
    phases[ALONE] = timed(ALONE, arguments.alone)
    triggers.install(engine, WATCHED)
    phases[TRIGGERS] = timed(TRIGGERS, arguments.alone)
    make_way(stack.settings)
    stack.start_daemon()
    keeper = Keeper(stack)
    try:
        wait_until_filled(stack)
        sampler, before = Sampler(stack), processor_seconds(stack)
        phases[WHOLE] = timed(WHOLE, arguments.minutes * 60)
        spent = {part: seconds - before.get(part, 0.0) for part, seconds in processor_seconds(stack).items()}
        samples = sampler.close()
        began = time.monotonic()
        verdicts = settle(stack)
        caught_up = time.monotonic() - began
        stormed = storm(stack, engine)
        turns = in_turn(stack, timed, second_platform(stack.settings), arguments) if arguments.turns else {}
    finally:
        keeper.close()
    engine.dispose()
    return {
        "phases": phases,
        "turns": turns,
        "samples": samples,
        "spent": spent,
        "verdicts": verdicts,
        "catching_up": caught_up,
        "storm": stormed,
        "restarts": stack.restarts,
    }


def second_platform(settings: Settings) -> str:
    """The same demo platform in another database of the server: without triggers, and unknown to the pipeline."""

    def fill(url: str) -> None:
        engine = connect(url)
        generate(engine)
        engine.dispose()

    return embedded_postgres(settings).ensure({"alone": fill}).url("alone")


def in_turn(
    stack: Stack, timed: Callable[..., list[float]], alone: str, arguments: argparse.Namespace
) -> dict[str, list[list[float]]]:
    """Phases alone and with everything, shortly after each other; which is first alternates."""
    result: dict[str, list[list[float]]] = {ALONE: [], WHOLE: []}
    for number in range(arguments.turns):
        for name in (ALONE, WHOLE) if number % 2 else (WHOLE, ALONE):
            if name == ALONE:
                with stack.held():
                    result[name].append(timed(name, arguments.turn, alone, arguments.lead))
            else:
                result[name].append(timed(name, arguments.turn, lead=arguments.lead))
    return result


def storm(stack: Stack, engine: sa.Engine) -> dict[str, float]:
    """500 transcript requests changed in one statement: seconds until all stand in the tab, and requests for it."""
    print("storm: 500 transcript requests change at once", flush=True)
    time.sleep(65)  # the quota of what went before is there again
    judge, counting = Judge(stack.services, engine), Sampler(stack)
    changed = transcript_requests.update().where(
        transcript_requests.c.id.in_(
            sa.select(transcript_requests.c.id).order_by(transcript_requests.c.id).limit(_STORM)
        )
    )
    with engine.begin() as connection:
        other = sa.case((transcript_requests.c.status == "sent", "approved"), else_="sent")
        connection.execute(changed.values(status=other))
    began = time.time()
    while not judge.verdicts()["TranscriptRequests"].is_right and time.time() < began + 60:
        time.sleep(0.5)
    seconds = time.time() - began
    time.sleep(_SAMPLE_SECONDS * 2)
    requests = counting.close().requests
    return {"seconds": seconds, **{kind: sum(moment > began for moment in requests[kind]) for kind in requests}}


def render(about: dict[str, Any], arguments: argparse.Namespace, result: dict[str, Any]) -> str:
    """The page."""
    lines = [
        f"# {arguments.per_second:g} submissions a second for {arguments.minutes:g} minutes",
        "",
        f"Made by `python -m benchmarks.load` on {about['date']}: {about['cores']} cores, {about['memory_gib']} GiB, "
        f"Python {about['python']}, load {about['load']} at the start and {result['load']} at the end. Application, "
        "database, daemon and runs share these cores; Local Sheets, in Google's place, takes what is left of them.",
        "",
        *_application(arguments, result),
        *_pipeline(arguments, result),
        *_memory(result["samples"].memory),
        *_aftermath(result),
    ]
    return "\n".join([*lines, ""])


def _application(arguments: argparse.Namespace, result: dict[str, Any]) -> list[str]:
    phases: dict[str, list[float]] = result["phases"]
    lines = [
        "## The application's own transactions",
        "",
        "| phase | submissions | a second | median ms | p95 ms | p99 ms |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, seconds in phases.items():
        length = arguments.minutes * 60 if name == WHOLE else arguments.alone
        cells = " | ".join(f"{rank:.2f}" for rank in ranks(seconds))
        lines.append(f"| {name} | {len(seconds):,} | {len(seconds) / length:.1f} | {cells} |")
    return [*lines, "", *(_turns(arguments, result["turns"]) if result["turns"] else [])]


def _turns(arguments: argparse.Namespace, turns: dict[str, list[list[float]]]) -> list[str]:
    number = len(turns[ALONE])
    lines = [
        f"The same in {number} turns of {arguments.turn:.0f} s alone (on a second database of the same server, while daemon, "
        f"code server and runs stand still) and {arguments.turn:.0f} s with everything, each after {arguments.lead:.0f} s of the "
        f"same that do not count: percentiles of all of them, and what 95 % of {_DRAWS:,} random choices of {number} turns say "
        "of their ratio.",
        "",
        "| | median ms | p95 ms | p99 ms |",
        "|---|---:|---:|---:|",
    ]
    for name, phases in turns.items():
        lines.append(f"| {name} | " + " | ".join(f"{rank:.2f}" for rank in ranks(itertools.chain(*phases))) + " |")
    cells = [f"{ratio:.2f} ({low:.2f} to {high:.2f})" for ratio, low, high in ratios(turns[ALONE], turns[WHOLE])]
    return [*lines, f"| with everything, times alone | {' | '.join(cells)} |", ""]


def ratios(alone: list[list[float]], whole: list[list[float]]) -> list[tuple[float, float, float]]:
    """For each of the percentiles: ``whole`` divided by ``alone``, and the bounds of 95 % of what turns drawn anew give."""
    chance = random.Random(0)
    number = len(alone)
    draws = [chance.choices(range(number), k=number) for _ in range(_DRAWS)]

    def ratio(turns: Iterable[int]) -> list[float]:
        pairs = zip(*(ranks(itertools.chain(*(one[i] for i in turns))) for one in (whole, alone)), strict=True)
        return [ours / theirs for ours, theirs in pairs]

    drawn = [sorted(column) for column in zip(*map(ratio, draws), strict=True)]
    low, high = int(_DRAWS * 0.025), int(_DRAWS * 0.975) - 1
    return [(one, column[low], column[high]) for one, column in zip(ratio(range(number)), drawn, strict=True)]


def ranks(seconds: Iterable[float]) -> tuple[float, float, float]:
    """Median, 95th and 99th percentile in ms."""
    result = [1000 * rank for rank in statistics.quantiles(seconds, n=100)]
    return result[49], result[94], result[98]


def _pipeline(arguments: argparse.Namespace, result: dict[str, Any]) -> list[str]:
    samples: Samples = result["samples"]
    return [
        "## The pipeline",
        "",
        f"- Queue: at most {max(samples.pending):,} events, median {statistics.median(samples.pending):,.0f}; the "
        f"oldest never older than {max(samples.oldest):.0f} s. Empty and all tabs right {result['catching_up']:.0f} s "
        "after the last submission.",
        f"- Requests in any 60 s: at most {most_in_a_minute(samples.requests['read'])} reads and "
        f"{most_in_a_minute(samples.requests['write'])} writes of 60 and 60 allowed; {samples.refused} answers of 429.",
        f"- Restarts: {result['restarts']}.",
        "- Processor, in cores: "
        + ", ".join(
            f"{part} {seconds / arguments.minutes / 60:.2f}"
            for part, seconds in sorted(result["spent"].items(), key=lambda one: -one[1])
        )
        + " (database: the application's sessions included).",
        "",
    ]


def _memory(samples: list[dict[str, float]]) -> list[str]:
    """Means of a minute each, by part."""
    lines = [
        "| memory (PSS, MiB) | first minute | after a third | after two thirds | last minute | most |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    parts = sorted({part for sample in samples for part in sample} - {_SPREADSHEET})
    minute, number = int(60 / _SAMPLE_SECONDS), len(samples)
    starts = [0, number // 3, 2 * number // 3, number - minute]
    for part in [_SPREADSHEET, *parts, _ALL]:
        series = [
            sum(mib for name, mib in one.items() if name != _SPREADSHEET) if part == _ALL else one.get(part, 0.0)
            for one in samples
        ]
        means = [f"{statistics.mean(series[start : start + minute]):.0f}" for start in starts]
        lines.append(f"| {part} | {' | '.join(means)} | {max(series):.0f} |")
    return [*lines, ""]


def _aftermath(result: dict[str, Any]) -> list[str]:
    lines = [
        "## A storm",
        "",
        f"{_STORM} transcript requests changed in one statement: all in the tab {result['storm']['seconds']:.1f} s after the "
        f"commit, with {result['storm']['read']} reads and {result['storm']['write']} writes.",
        "",
        "## The spreadsheet afterwards",
        "",
        "| Tab | rows in the database | missing | doubled | unknown | wrong |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for tab, verdict in result["verdicts"].items():
        counts = f"{verdict.missing} | {verdict.doubled} | {verdict.unknown} | {verdict.wrong}"
        lines.append(f"| {tab} | {verdict.rows:,} | {counts} |")
    return lines


if __name__ == "__main__":
    main()
