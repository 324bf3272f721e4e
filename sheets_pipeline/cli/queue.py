"""``sheets-pipeline queue``: what waits, syncing it now, and what was set aside.

Heavy modules are imported inside the commands, so that ``--help`` answers at once.
"""

import json
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sheets_pipeline.database.event_table import Event

#: Events set aside that are listed, the oldest first; the count is of all.
_LISTED = 200


@click.group()
def queue() -> None:
    """Events that no tab shows yet: count them, sync them now, retry or drop those set aside."""


@queue.command()
@click.option("--watch", is_flag=True, help="Refresh until Ctrl-C.")
@click.option(
    "--every",
    "every_seconds",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds between two looks, with --watch.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --watch one line each time.")
def status(watch: bool, every_seconds: float, as_json: bool) -> None:
    """Show what waits, how long, how much of the quota is used, and what was set aside."""
    from sheets_pipeline.cli.queue_output import print_queue, watch_queue

    if as_json or not watch:
        while True:
            current = queue_status()
            click.echo(json.dumps(current)) if as_json else print_queue(current)
            if not watch:
                return
            time.sleep(every_seconds)
    watch_queue(queue_status, every_seconds)


def queue_status() -> dict[str, Any]:
    """The shape of ``queue status --json``."""
    import dagster as dg

    from sheets_pipeline.dagster_runtime.connections import opened_instance
    from sheets_pipeline.database import events
    from sheets_pipeline.pipeline import Pipeline
    from sheets_pipeline.runs.gate import UNDER_WAY

    pipeline = Pipeline.open()
    with pipeline.platform.connect() as connection:
        counted = asdict(events.status(connection))
        given_up = events.set_aside(connection, limit=_LISTED)
    quota = pipeline.quota()
    with opened_instance() as instance:
        running = instance.get_runs_count(dg.RunsFilter(job_name="event_sync", statuses=UNDER_WAY))
    return {
        "running": running,
        **counted,
        "reads_last_minute": quota.used("read"),
        "writes_last_minute": quota.used("write"),
        "reads_per_minute": quota.limits["read"],
        "writes_per_minute": quota.limits["write"],
        "set_aside_events": [_as_json(event) for event in given_up],
    }


def _as_json(event: "Event") -> dict[str, Any]:
    tabs = event.tabs
    return {
        "id": event.id,
        "entity": event.entity,
        "key": event.key,
        "kind": event.kind,
        "attempts": event.attempts,
        "tabs": None if tabs is None else sorted(tabs),
        "created_at": event.created_at.isoformat(),
        "set_aside_at": event.set_aside_at.isoformat() if event.set_aside_at else None,
        "reason": event.reason,
    }


@queue.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def process(as_json: bool) -> None:
    """Sync all that is due now, here, as one Dagster run; pauses and the circuit breaker do not hold it up."""
    from sheets_pipeline.cli.progress import progress
    from sheets_pipeline.cli.queue_output import print_processed

    with progress("Loading"):
        from sheets_pipeline.cli.run_events import run_events
    with progress("Syncing"):
        result = run_events()
    click.echo(json.dumps(result)) if as_json else print_processed(result)
    if result["status"] != "success" or result["set_aside"]:
        sys.exit(1)


@queue.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All events that were set aside.")
def retry(ids: tuple[int, ...], everything: bool) -> None:
    """Let the events with these IDs, which were set aside, wait again, as if new."""
    from sheets_pipeline.database import events

    number = _change(ids, everything, events.retry)
    click.echo(f"{_events(number)} {'waits' if number == 1 else 'wait'} again; the next event sync takes them.")


@queue.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All events that were set aside.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(ids: tuple[int, ...], everything: bool, yes: bool) -> None:
    """Forget the events with these IDs, which were set aside; their rows are then refreshed by full syncs only."""
    from sheets_pipeline.database import events

    _check_choice(ids, everything)
    if not yes:
        chosen = "all events that were set aside" if everything else _events(len(ids))
        click.confirm(f"Forget {chosen}? Their rows are then refreshed by full syncs only.", abort=True)
    click.echo(f"{_events(_change(ids, everything, events.drop))} dropped.")


def _check_choice(ids: Collection[int], everything: bool) -> None:
    if bool(ids) == everything:
        raise click.UsageError("Name ids of events that were set aside (see `queue status`), or give --all.")


def _change(
    ids: Collection[int], everything: bool, change: "Callable[[sa.Connection, Collection[int] | None], int]"
) -> int:
    """Apply a change to the chosen events that were set aside; all of them or, where one is none such, not any."""
    from sheets_pipeline.database import events
    from sheets_pipeline.errors import SheetsPipelineError
    from sheets_pipeline.pipeline import Pipeline

    _check_choice(ids, everything)
    with Pipeline.open().platform.begin() as connection:
        known = {event.id for event in events.set_aside(connection)} if ids else set()
        if unknown := sorted(set(ids) - known):
            raise SheetsPipelineError(
                f"Expected ids of events that were set aside, found {', '.join(map(str, unknown))}, which are not. "
                "`sheets-pipeline queue status` lists them. Nothing was changed."
            )
        return change(connection, None if everything else ids)


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number:,} events"
