"""``sheets-pipeline clean-up``: the job ``clean_up`` now, and what it removed."""

import json
import sys
from typing import Any

import click

#: Keys of ``--json``, in words.
_WORDS = {
    "runs": "finished runs with their logs",
    "event_runs": "successful runs of event_sync",
    "check_evaluations": "evaluations of asset checks",
    "events_without_run": "events that belong to no run",
    "syncs": "records of syncs",
    "edits": "settled edits",
    "gone_rows": "keys of rows that left their tab long ago",
}


@click.command("clean-up")
@click.option("--json", "as_json", is_flag=True, help="Print what was removed as JSON.")
def clean_up(as_json: bool) -> None:
    """Remove old runs, logs and records of syncs now, as the job clean_up does every night (KEEP_..._DAYS)."""
    from sheets_pipeline.cli.progress import progress

    with progress("Loading"):
        from sheets_pipeline.cli.run_clean_up import run_clean_up
    with progress("Removing"):
        result = run_clean_up()
    click.echo(json.dumps(result) if as_json else told(result))
    if result["error"]:
        sys.exit(1)


def told(result: dict[str, Any]) -> str:
    """The result in words."""
    if result["error"]:
        return f"The clean-up failed: {result['error']} What it had removed by then stays removed."
    removed = result["removed"]
    counts = [f"    {removed[name]:>9,}  {words}" for name, words in _WORDS.items() if removed.get(name)]
    lines = ["Removed:", *counts] if counts else ["Nothing is old enough to be removed."]
    if not removed["is_complete"]:
        lines.append("The time for one clean-up ran out; the next one goes on from here.")
    return "\n".join([*lines, f"It took {removed['seconds']:g} s (run {result['run_id']})."])
