"""``python -m benchmarks``: measures this project's writer beside other tools, and writes docs/measured/benchmarks.md."""

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import orjson

from benchmarks.chain import Chain, Measured
from benchmarks.environment import MEASURED, ROOT, ensure_environment, output_folder, versions
from benchmarks.machine import machine
from benchmarks.peers import OURS, PEERS, Peer
from benchmarks.report import render
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.targets import time_compare
from benchmarks.tool_process import ToolProcess
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.embedded.postgres import EmbeddedPostgres

SIZES = (1_000, 10_000, 100_000)

#: Tools whose scenarios of a size take longer than this together are measured once.
_REPEATED_UP_TO_SECONDS = 45


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    modules = [peer.module for peer in PEERS]
    parser.add_argument("--peers", nargs="+", choices=modules, default=modules, metavar="NAME", help=", ".join(modules))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="rows (default: %(default)s)")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--scenarios", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--runs", type=int, default=5, help="runs of each tool and size (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=120, help="longest sync, in seconds (default: %(default)s)")
    parser.add_argument(
        "--chain",
        type=float,
        default=100,
        help="after so many seconds, a tool's other scenarios of a size are left out",
    )
    parser.add_argument("--minutes", type=float, default=12, help="after so long, further runs are left out")
    parser.add_argument(
        "--output", type=output_folder, default=MEASURED, help="folder of benchmarks.md (default: docs/measured)"
    )
    parser.add_argument(
        "--results", type=Path, default=ROOT / ".local" / "benchmarks.json", help="file of the single measurements"
    )
    parser.add_argument("--append", action="store_true", help="add these runs to the file of results")
    parser.add_argument("--render", action="store_true", help="only write the page again, from the file of results")
    return parser.parse_args(given)


def measure(arguments: argparse.Namespace, python: Path) -> dict[str, Any]:
    """Run all that was asked for; gives what the report is made of."""
    started = time.monotonic()
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in arguments.scenarios]
    peers = [peer for peer in PEERS if peer.module in arguments.peers]
    measured: list[Measured] = []
    about = machine()
    too_slow: set[tuple[str, int]] = set()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
        postgres = EmbeddedPostgres(folder / "postgres")
        stack.callback(postgres.stop)
        database_url = postgres.ensure({"benchmarks": None}).url("benchmarks")
        # Run by run, so that what a busy moment spoils is spoilt for all.
        for run, rows, peer in product(range(1, arguments.runs + 1), arguments.sizes, peers):
            is_late = run > 1 and time.monotonic() - started > arguments.minutes * 60
            if is_late or (peer.module, rows) in too_slow or (peer.most_rows and rows > peer.most_rows):
                continue
            began = time.monotonic()
            measured += _run(peer, rows, run, scenarios, python, folder, database_url, arguments)
            if time.monotonic() - began > _REPEATED_UP_TO_SECONDS:
                too_slow.add((peer.module, rows))
    about["minutes"] = round((time.monotonic() - started) / 60, 1)
    return {"machine": about, "measured": [one.as_json() for one in measured]}


def _run(
    peer: Peer,
    rows: int,
    run: int,
    scenarios: list[Scenario],
    python: Path,
    folder: Path,
    database_url: str,
    arguments: argparse.Namespace,
) -> list[Measured]:
    """One chain, on a server of its own."""
    print(f"{peer.name}, {rows:,} rows, run {run}", flush=True)
    interpreter = Path(sys.executable) if peer.module == OURS else python
    log = folder / f"{peer.module}.log"
    with (
        LocalSheetsServer() as server,
        log.open("a") as said,
        ToolProcess(interpreter, peer.module, said, folder / "settings") as process,
    ):
        chain = Chain(server, process, peer, rows, database_url, arguments.timeout)
        return chain.run(scenarios, _say, arguments.chain)


def _say(one: Measured) -> None:
    seconds = "  ended" if one.seconds is None else f"{one.seconds:7.2f}"
    right = "right" if one.verdict["is_right"] else "NOT RIGHT"
    error = f"  {one.error[:80]}" if one.error else ""
    print(
        f"  {one.scenario:12} {seconds} s  {one.reads:4} reads {one.writes:5} writes {one.cells:9,} cells "
        f"{one.peak_memory_mb:6.0f} MB  {right}{error}",
        flush=True,
    )


def _together(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Runs made earlier on this machine and those made now."""
    minutes = round(before["machine"]["minutes"] + now["machine"]["minutes"], 1)
    return {
        "machine": {**before["machine"], "minutes": minutes},
        "measured": [*before["measured"], *now["measured"]],
    }


def main(given: list[str] | None = None) -> int:
    """Command line."""
    arguments = _arguments(given)
    python = ensure_environment()
    results: Path = arguments.results
    if not arguments.render:
        answer = measure(arguments, python)
        if arguments.append and results.exists():
            answer = _together(orjson.loads(results.read_bytes()), answer)
        answer["versions"] = versions(python, [peer.package for peer in PEERS if peer.package])
        answer["compared"] = time_compare()
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_bytes(orjson.dumps(answer) + b"\n")
    (arguments.output / "benchmarks.md").write_text(render(orjson.loads(results.read_bytes())))
    subprocess.run(
        [python, "-m", "benchmarks.chart", results, arguments.output / "benchmarks.svg"], check=True, cwd=ROOT
    )
    print(f"Written: {arguments.output / 'benchmarks.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
