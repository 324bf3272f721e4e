"""``python -m benchmarks.slices``: what processes that compute cost an application that shares their processors.

The application submits quizzes at a steady rate to a PostgreSQL of its own. Beside it compute, in turns of a second in
random order, nobody, or one or two processes of several priorities: those of run workers with and without the long slices
that they ask for. Turns are so short because a shared machine changes from minute to minute. Writes
docs/benchmarks-slices.md.
"""

import argparse
import json
import multiprocessing
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.environment import ROOT
from benchmarks.load import ranks, submit_for
from benchmarks.machine import machine
from benchmarks.own_postgres import own_postgres
from sheets_pipeline.database.engine import connect
from sheets_pipeline.platform.demo import generate
from sheets_pipeline.processes.priority import DEFAULT_NICE, LONGEST_SLICE_SECONDS, MOST_NICE, ask_for_slices, lower

NOBODY = "nobody"

#: What computes: name → for each process steps of nice, and seconds of the slices that it asks for (0: the usual ones).
COMPUTING: dict[str, list[tuple[int, float]]] = {
    NOBODY: [],
    "one process": [(0, 0)],
    f"one of nice {DEFAULT_NICE}": [(DEFAULT_NICE, 0)],
    f"one of nice {DEFAULT_NICE} with long slices (a run)": [(DEFAULT_NICE, LONGEST_SLICE_SECONDS)],
    "two processes": [(0, 0)] * 2,
    f"two of nice {MOST_NICE}": [(MOST_NICE, 0)] * 2,
    f"two of nice {DEFAULT_NICE} with long slices": [(DEFAULT_NICE, LONGEST_SLICE_SECONDS)] * 2,
}

_TURN_SECONDS, _PAUSE_SECONDS = 1.0, 0.2
_LEAD_SECONDS = 8.0

Turn = tuple[str, float, float]


def plan(rounds: int, begin: float) -> list[Turn]:
    """Name, begin and end (seconds since 1970) of each turn; every round has each name once."""
    turns: list[Turn] = []
    chance = random.Random(0)
    for _ in range(rounds):
        for name in chance.sample(list(COMPUTING), len(COMPUTING)):
            turns.append((name, begin, begin + _TURN_SECONDS))
            begin += _TURN_SECONDS + _PAUSE_SECONDS
    return turns


def compute(nice: int, slice_seconds: float) -> None:
    """Compute in the turns that come on stdin, [begin, end] each."""
    turns = json.load(sys.stdin)
    lower(nice)
    if nice and not ask_for_slices(0, slice_seconds):
        raise SystemExit("This system takes no wish for slices; it needs Linux 6.12 or later.")
    document = {str(number): number for number in range(400)}
    for begin, end in turns:
        time.sleep(max(0.0, begin - time.time()))
        while time.time() < end:
            json.loads(json.dumps(document))


@contextmanager
def computing(name: str, turns: list[Turn]) -> Iterator[None]:
    """The processes of one name, waiting for their turns; none may end before its last one."""
    own = json.dumps([(begin, end) for of, begin, end in turns if of == name])
    processes = []
    try:
        for nice, seconds in COMPUTING[name]:
            command = [sys.executable, "-m", "benchmarks.slices", "--compute", str(nice), str(seconds)]
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True, start_new_session=True)
            processes.append(process)
            if process.stdin is not None:
                process.stdin.write(own)
                process.stdin.close()
        yield
        if failed := [process.returncode for process in processes if process.poll()]:
            raise SystemExit(f"{name}: nobody computed, the processes ended with {failed}")
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(url: str, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each transaction that lies in a turn, by who computed in it."""
    turns = plan(arguments.rounds, time.time() + _LEAD_SECONDS)
    with ExitStack() as stack:
        for name in COMPUTING:
            stack.enter_context(computing(name, turns))
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            duration = turns[-1][2] - time.time()
            print(f"{len(turns)} turns, {duration:.0f} s", flush=True)
            transactions = sorted(pool.submit(submit_for, url, arguments.per_second, duration).result())
    found: dict[str, list[float]] = {name: [] for name in COMPUTING}
    ahead = iter(transactions)
    began, seconds = next(ahead)
    for name, begin, end in turns:
        while began < begin:
            began, seconds = next(ahead, (float("inf"), 0.0))
        while began < end:
            found[name].append(seconds)
            began, seconds = next(ahead, (float("inf"), 0.0))
    return found


def render(about: dict[str, Any], arguments: argparse.Namespace, found: dict[str, list[float]]) -> str:
    """The report as Markdown."""
    lines = [
        "# What computing beside an application costs it",
        "",
        f"Made by `python -m benchmarks.slices` on {about['date']}: {about['cores']} cores, {about['memory_gib']} GiB, "
        f"{about['system']}, load {about['load']} at the start. The application makes {arguments.per_second:g} submissions a "
        f"second on the embedded PostgreSQL; {arguments.rounds} rounds of a turn of {_TURN_SECONDS:g} s each, in random order. "
        "Slow is what takes longer than the 95th percentile beside nobody. Why: [decision 0015](decisions/0015-runs-ask-for-long-slices.md).",
        "",
        "| beside it compute | transactions | median ms | p95 ms | p99 ms | slow |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    slow = ranks(found[NOBODY])[1] / 1000
    for name, seconds in found.items():
        share = sum(one > slow for one in seconds) / len(seconds)
        cells = " | ".join(f"{rank:.2f}" for rank in ranks(seconds))
        lines.append(f"| {name} | {len(seconds):,} | {cells} | {share:.1%} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slices", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--per-second", type=float, default=100)
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="folder of the report")
    parser.add_argument("--compute", nargs=2, type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compute:
        compute(int(arguments.compute[0]), arguments.compute[1])
        return
    about = machine()
    with own_postgres("slices") as (_, server):
        url = server.url("postgres")
        engine = connect(url)
        generate(engine)
        engine.dispose()
        page = render(about, arguments, measure(url, arguments))
    (arguments.output / "benchmarks-slices.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
