"""``sheets-pipeline status``: health, syncs, queue, quota and circuit, as tables, as JSON, or refreshed in place.

The exit code is 0 while health is healthy or warning, 1 when it is degraded, stopped or unhealthy.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from sheets_pipeline.cli.progress import errors_console
from sheets_pipeline.terminal import escape, screen

if TYPE_CHECKING:
    from sheets_pipeline.sync.health import Health, Status, TabHealth
    from sheets_pipeline.sync.hosts import HostProcess

#: ``--watch`` looks this often.
_WATCH_SECONDS = 2.0

_COLOURS = {"healthy": "green", "warning": "yellow", "degraded": "red", "stopped": "bold red", "unhealthy": "bold red"}


@click.command()
@click.option("--watch", is_flag=True, help="Refresh until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON (one line per look with --watch).")
def status(watch: bool, as_json: bool) -> None:
    """Show whether the tabs are in step: health, last syncs, queue, quota, circuit. Exit code 1: degraded or stopped."""

    from sheets_pipeline.dagster_runtime.connections import opened_instance
    from sheets_pipeline.embedded.code_health import REMEDY, what_is_wrong
    from sheets_pipeline.monitoring.status import as_json as to_json
    from sheets_pipeline.monitoring.status import collect
    from sheets_pipeline.pipeline import Pipeline

    with _told_as_json(as_json):
        pipeline = Pipeline.open()
    with _told_as_json(as_json), opened_instance() as instance:
        current = collect(instance, pipeline)
        problem = what_is_wrong(pipeline.settings)
        if as_json:
            click.echo(json.dumps(to_json(current)))
        if not watch:
            if not as_json:
                screen().print(view(current))
            if problem:
                errors_console.print(f"[yellow]{escape(problem)}.[/] {escape(REMEDY)}", highlight=False)
            sys.exit(exit_code(current.health))
        try:
            with Live(view(current), console=screen(), screen=not as_json, auto_refresh=False) as live:
                while True:
                    time.sleep(_WATCH_SECONDS)
                    current = collect(instance, pipeline)
                    if as_json:
                        click.echo(json.dumps(to_json(current)))
                    else:
                        live.update(view(current), refresh=True)
        except KeyboardInterrupt:
            sys.exit(exit_code(current.health))


@contextmanager
def _told_as_json(as_json: bool) -> Iterator[None]:
    """Scripts get JSON, too, where nothing can be looked at: the state ``unhealthy``, and why."""
    from sheets_pipeline.errors import SheetsPipelineError

    try:
        yield
    except SheetsPipelineError as error:
        if as_json:
            click.echo(json.dumps({"health": "unhealthy", "reason": str(error)}))
        raise


def exit_code(health: "Health") -> int:
    """1 when somebody should look, else 0."""
    return 0 if health in ("healthy", "warning") else 1


def view(status: "Status") -> RenderableType:
    """Everything on one screen: the sentence first, then tabs, queue and quota, and what is wrong with what to do."""
    parts: list[RenderableType] = [f"{_coloured(status.health)}  {escape(status.reason)}"]
    if not status.daemon_running and not any(one.key == "daemon" for one in status.host_findings):
        parts.append(
            "[yellow]Dagster's daemon has not reported within the last five minutes: no sync starts by itself. "
            "Start `sheets-pipeline daemon`, or `sheets-pipeline dev` on a machine of your own.[/]"
        )
    others = [one.text for one in status.host_findings]
    others += [*status.failed_ticks, *([status.stale_code] if status.stale_code else [])]
    parts += [f"[yellow]{escape(text)}[/]" for text in others if text not in status.reason]
    if all(tab.total_syncs == 0 for tab in status.tabs.values()):
        parts.append("Nothing has been synced yet. `sheets-pipeline sync` does it now.")
    parts += ["", _tabs(status), "", _facts(status)]
    if problems := [tab for tab in status.tabs.values() if tab.health != "healthy" and tab.reason not in status.reason]:
        parts.append("")
        parts += [f"{_coloured(tab.health)}  [bold]{escape(tab.title)}[/]  {escape(tab.reason)}" for tab in problems]
    return Group(*parts)


def _tabs(status: "Status") -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("tab", no_wrap=True)
    table.add_column("health", no_wrap=True)
    for head in ("last success", "lag", "pending", "syncs", "success", "duration", "average", "next sync"):
        table.add_column(head, justify="right", no_wrap=True)
    for tab in status.tabs.values():
        table.add_row(*_cells(tab, status.at))
    return table


def _cells(tab: "TabHealth", at: datetime) -> list[str]:
    ago = None if tab.last_success is None else (at - tab.last_success).total_seconds()
    return [
        escape(tab.title),
        _coloured(tab.health),
        f"{duration(ago)} ago" if ago is not None else "never",
        duration(tab.lag_seconds),
        f"{tab.pending_events:,}",
        f"{tab.successful_syncs:,} of {tab.total_syncs:,}",
        "-" if tab.success_rate_percent is None else f"{tab.success_rate_percent:g} %",
        duration(tab.last_duration_seconds),
        duration(tab.average_duration_seconds),
        "never" if tab.next_sync_in_seconds is None else f"in {duration(tab.next_sync_in_seconds)}",
    ]


def _facts(status: "Status") -> Table:
    """Queue, quota, circuit and pause, a line each."""
    table = Table.grid(padding=(0, 2))
    queue = status.queue
    waiting = f"{queue['pending']:,} events pending"
    if queue["oldest_seconds"] is not None:
        waiting += f", the oldest for {duration(queue['oldest_seconds'])}"
    if queue["set_aside"]:
        waiting += f"; {queue['set_aside']:,} set aside"
    if queue["none_taken"]:
        waiting = queue["none_taken"]
    elif not queue["installed"]:
        waiting += "; not all changes are recorded as events: run `sheets-pipeline db install`"
    table.add_row("queue", escape(waiting))
    used = [f"{use.used_last_minute} of {use.per_minute} {use.kind}s" for use in status.quota]
    table.add_row("quota", ", ".join(used) + " in the last minute" if used else "no credentials")
    if status.hosts:
        table.add_row("hosts", escape(", ".join(f"{one.role} on {one.host} {_doing(one)}" for one in status.hosts)))
    if status.edits is not None:
        table.add_row("edits", _edits(status.edits))
    if status.sources is not None:
        counted = [f"{number:,} {name.replace('_', ' ')}" for name, number in status.sources.items() if number]
        table.add_row("sources", ", ".join(counted))
    circuit = status.circuit
    until = f" until {circuit.until:%H:%M:%S} UTC" if circuit.until else ""
    table.add_row(
        "circuit", escape(f"{circuit.state.replace('_', ' ')}{until}  {circuit.reason} {circuit.remedy}".strip())
    )
    if status.paused_until:
        table.add_row("paused", f"until {status.paused_until:%H:%M:%S} UTC")
    return table


def _doing(one: "HostProcess") -> str:
    return f"silent for {duration(one.silent_seconds)}" if one.is_silent else one.state


def _edits(edits: dict[str, Any]) -> str:
    if not edits["enabled"]:
        return "off (EDITS_ENABLED)"
    waiting, by = edits["waiting"], edits["found_by"]
    counts = [f"{waiting[state]:,} {word}" for state, word in _EDIT_WORDS.items() if waiting[state]]
    found = f"found in the last day: {by['webhook']:,} by the webhook, {by['read']:,} by reading"
    silent = "; the webhook is silent" if edits["webhook_is_silent"] else ""
    return f"{', '.join(counts) or 'none waits'}; {found}{silent}"


_EDIT_WORDS = {"new": "waiting", "awaiting": "for a person", "conflict": "in conflict", "dead": "failed"}


def _coloured(health: "Health") -> str:
    return f"[{_COLOURS[health]}]{health}[/]"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: ``0.35 s``, ``12 s``, ``4 min``, ``3.5 h``, ``2 d``; ``-`` for None."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} d"
