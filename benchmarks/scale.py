"""``python -m benchmarks.scale``: 1,000 spreadsheets, simulated by the pipeline's own code and costs measured here.

Measures what work costs, lets a tenth of the plan really run for a minute and a half, simulates that, to be compared, and then
the plan: by one installation, with one event sync and with several, and by one for each team. Writes docs/measured/scale.md. Takes about a quarter of an hour.
"""

import argparse
import json
import math
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.environment import MEASURED, output_folder
from benchmarks.machine import machine
from benchmarks.scale_plan import Costs, Plan
from benchmarks.scale_report import as_json, from_json, render
from benchmarks.scale_run import measure
from benchmarks.scale_simulation import AT_ONCE, Outcome, Setting, Simulation

#: Of the plan, that really runs.
_PART = 10

#: Into so many installations the plan is divided; each has whole credentials and its part of the projects.
_INSTALLATIONS = (1, 2, 4, 10)

#: SYNC_EVENT_RUNS of one installation that has all.
_EVENT_RUNS = (1, 2, 4, 8, 16)

#: SYNC_INTERVAL_SECONDS of the plan: reading 8 million rows takes a core a while.
_INTERVAL_SECONDS = 3600.0

_LATENCY_SECONDS = 0.3

#: SYNC_WORK_SHARE unless it is set, and of how many installations one is simulated with it.
_SHY, _SHY_PART = 0.05, 4


def simulate(plan: Plan, costs: Costs, setting: Setting) -> Outcome:
    """One simulation; for a process of its own."""
    return Simulation(plan, costs, setting).run()


def steady(plan: Plan, costs: Costs, *, work_share: float = 1.0, event_runs: int = 1) -> Setting:
    """Counted are the submissions of a round, and of two minutes at least, after two rounds in which it settles.

    In whole seconds, each of which has as many submissions as any other: a simulation ends when so many are shown.
    """
    busy = plan.spreadsheets * (costs.spreadsheet.pipeline + costs.spreadsheet.database / 5)
    one_round = math.ceil(max(60.0, busy / event_runs, 60 * plan.spreadsheets / plan.granted_per_minute))
    counted, settled = max(120.0, one_round), 2 * one_round
    return Setting(counted, settled, True, work_share, _INTERVAL_SECONDS, event_runs)


def simulated(plan: Plan, part: Plan, costs: Costs, seconds: float) -> dict[str, Any]:
    """All that the page shows of simulations."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:  # this process has threads
        whole = {
            number: pool.submit(simulate, plan.part(number), costs, steady(plan.part(number), costs))
            for number in _INSTALLATIONS
        }
        runs = {
            number: pool.submit(simulate, plan, costs, steady(plan, costs, event_runs=number))
            for number in _EVENT_RUNS[1:]
        }
        team = plan.part(_SHY_PART)
        shy = pool.submit(simulate, team, costs, steady(team, costs, work_share=_SHY))
        check = pool.submit(simulate, part, costs, Setting(seconds, goes_on=False))
        return {
            "plan": {number: one.result() for number, one in whole.items()},
            "runs": {1: whole[1].result()} | {number: one.result() for number, one in runs.items()},
            "shy": (_SHY_PART, shy.result()),
            "check": check.result(),
            "interval": _INTERVAL_SECONDS,
            "places": AT_ONCE,
            "seconds": seconds,
        }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--seconds", type=float, default=90, help="of submissions that really come in (default: 90)")
    parser.add_argument("--spreadsheets", type=int, default=100, help="that are really kept (default: 100)")
    parser.add_argument("--rows", type=int, default=2000, help="of each of their tabs (default: 2000)")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep what was measured as JSON")
    parser.add_argument("--measured", type=Path, metavar="FILE", help="simulate with what was kept; measure nothing")
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    plan = Plan()
    if arguments.measured:
        kept = json.loads(arguments.measured.read_text())
    else:
        about, part = machine(), replace(plan.part(_PART), spreadsheets=arguments.spreadsheets, rows=arguments.rows)
        measured = measure(part, arguments.seconds, _LATENCY_SECONDS)
        kept = {"about": about, "part": asdict(part), "seconds": arguments.seconds, "measured": as_json(measured)}
    if arguments.keep:
        arguments.keep.write_text(json.dumps(kept, indent=1) + "\n")
    part, measured = Plan(**kept["part"]), from_json(kept["measured"])
    outcomes = simulated(plan, part, measured["costs"], kept["seconds"])
    (arguments.output / "scale.md").write_text(render(kept["about"], plan, part, measured, outcomes))


if __name__ == "__main__":
    main()
