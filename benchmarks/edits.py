"""``python -m benchmarks.edits``: from an edit on the page to the commit in the database, alone and with 50 editors.

Everything runs on this machine: Local Sheets with the shipped Apps Script, Google's quotas and the limits of a Workspace
account, ``serve``, Dagster, PostgreSQL. Beside it the way of a system that was studied: one edit per message, a queue, a
worker that polls every 3 s. Writes docs/measured/edits.md.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import edit_paste
from benchmarks.edit_ground import DEMO, EditGround, running_edits
from benchmarks.edit_judge import Typed, judge
from benchmarks.edit_load import Application, Derived, Person, edit_together, people
from benchmarks.edit_peer import Peer
from benchmarks.edits_report import render
from benchmarks.environment import MEASURED, output_folder
from benchmarks.machine import machine

#: The first fill of the tabs has used the minute's quota.
_QUOTA_SECONDS = 100
_BASELINE_SECONDS = 60


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edits", description=__doc__)
    parser.add_argument("--edits", type=int, default=40, help="of one person, one every 5 s (default: %(default)s)")
    parser.add_argument("--people", type=int, default=50, help="at once (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=300, help="they edit for so long (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=3, help="between two of a person's edits (default: %(default)s)")
    parser.add_argument(
        "--bursts", type=int, default=5, help="of one edit of each within a second (default: %(default)s)"
    )
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    about = machine()
    with running_edits("edits", DEMO) as ground:
        result = measure(ground, arguments)
    result["paste"] = edit_paste.measure()
    about["load at the end"] = round(os.getloadavg()[0], 2)
    print(json.dumps(result, indent=2), flush=True)
    Path(arguments.output / "edits.md").write_text(render(about, vars(arguments), result))
    sys.exit(1 if any(one.get("wrong") for one in result.values()) else 0)


def measure(ground: EditGround, arguments: argparse.Namespace) -> dict[str, Any]:
    """All of it, one after the other."""
    some = people(ground, arguments.people)
    print(f"Waiting {_QUOTA_SECONDS} s for the quota that the first fill used ...", flush=True)
    time.sleep(_QUOTA_SECONDS)
    single_edits(ground, some[0], 4)  # not counted: everybody has imported everything after these
    ground.scripts.take()
    result: dict[str, Any] = {"single": single_edits(ground, some[0], arguments.edits)}
    print(json.dumps(result), flush=True)
    application = Application(ground.url)
    time.sleep(_BASELINE_SECONDS)
    result["application alone"] = application.take()
    ground.scripts.take()
    before = ground.sheets.stats()
    typed = edit_together(some, arguments.seconds, arguments.pause)
    result["application beside"] = application.take()
    application.close()  # or events wait for ever, and nothing comes to rest
    result["together"] = _judged(ground, typed)
    result["together"] |= {"script": script_use(ground, arguments.seconds), "quota": quota_use(ground, before)}
    print(json.dumps(result["together"]), flush=True)
    typed = []
    for number in range(arguments.bursts):
        typed += edit_together(some, 0.5, 1.0)
        print(f"burst {number + 1}", flush=True)
        time.sleep(10)
    result["bursts"] = _judged(ground, typed)
    ground.scripts.close()
    peer = Peer(ground)
    result["peer"] = peer.measure(min(20, arguments.edits), arguments.people)
    peer.close()
    return result


def single_edits(ground: EditGround, person: Person, count: int) -> dict[str, Any]:
    """One about every 5 s, every second one of a score, whose averages stand in two other tabs."""
    rng, derived, typed = random.Random(1), Derived(ground), list[Typed]()
    for number in range(count):
        due = time.monotonic() + 5 + rng.uniform(-1, 1)
        typed.append(person.edit(*(("quiz_responses", "score") if number % 2 else (None, None))))
        if number % 2:
            derived.follow(typed[-1])
        time.sleep(max(0.0, due - time.monotonic()))
    shown = derived.close()
    return _judged(ground, typed) | {"derived": shown}


def _judged(ground: EditGround, typed: list[Typed]) -> dict[str, Any]:
    is_settled = ground.settled(180)
    ground.values.look()
    return judge(typed, ground.values.changes, ground.edits()) | {"settled": is_settled}


def script_use(ground: EditGround, seconds: float) -> dict[str, Any]:
    """What executions of the script used of Google's limits."""
    done = ground.scripts.take()
    moments = sorted(
        moment
        for one in done
        for moment in ((_seconds(one["startTime"]), 1), (_seconds(one["startTime"]) + one["seconds"], -1))
    )
    most = at_once = 0
    for _, step in moments:
        at_once += step
        most = max(most, at_once)
    spent = sum(one["seconds"] for one in done)
    return {
        "executions": len(done),
        "not completed": sum(one["processStatus"] != "COMPLETED" for one in done),
        "fetches": sum(one["fetches"] for one in done),
        "most at once": most,
        "seconds": round(spent, 1),
        "hours of such a day": round(6 * 3600 / spent * seconds / 3600, 1) if spent else None,
    }


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def quota_use(ground: EditGround, before: dict[str, Any]) -> dict[str, Any]:
    """Requests that Local Sheets refused for the quota meanwhile."""
    after = ground.sheets.stats()
    refused = int(after["by_status"].get("429", 0)) - int(before["by_status"].get("429", 0))
    return {"refused": refused}


if __name__ == "__main__":
    main()
