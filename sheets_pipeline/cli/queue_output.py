"""How the queue shows on a terminal: counts, quota and the events that were set aside."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from sheets_pipeline.terminal import escape, screen

_LISTED = 20
_LONGEST_KEY = 60


def print_queue(status: dict[str, Any]) -> None:
    """The queue at one moment."""
    screen(soft_wrap=True).print(_queue(status))


def watch_queue(look: Callable[[], dict[str, Any]], every_seconds: float) -> None:
    """The queue again and again, in place, until Ctrl-C."""
    with Live(_queue(look()), console=screen(soft_wrap=True), auto_refresh=False) as live:
        try:
            while True:
                time.sleep(every_seconds)
                live.update(_queue(look()), refresh=True)
        except KeyboardInterrupt:
            return


def _queue(status: dict[str, Any]) -> RenderableType:
    parts: list[RenderableType] = [_counts(status)]
    if events := status["set_aside_events"]:
        parts += ["", _set_aside(events[:_LISTED])]
        if (hidden := status["set_aside"] - min(len(events), _LISTED)) > 0:
            parts.append(f"... and {hidden:,} more.")
        parts.append("Mend the cause, then `sheets-pipeline queue retry ID...` or `--all`; `queue drop` forgets them.")
    return Group(*parts)


def _counts(status: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    oldest = status["oldest_seconds"]
    table.add_row("running", f"{status['running']} event_sync" if status["running"] else "nothing")
    table.add_row("pending", f"{status['pending']:,}" + ("" if oldest is None else f", the oldest for {oldest:.1f} s"))
    for field in ("priority", "entity"):
        counts = {name: number for name, number in status[f"pending_by_{field}"].items() if number}
        if counts:
            table.add_row(f"  by {field}", escape(", ".join(f"{name} {n:,}" for name, n in counts.items())))
    number = status["set_aside"]
    table.add_row("set aside", f"[yellow]{number:,}[/]" if number else "0")
    for kind in ("reads", "writes"):
        table.add_row(f"{kind}, last minute", f"{status[f'{kind}_last_minute']} of {status[f'{kind}_per_minute']}")
    return table


def _set_aside(events: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("id", "what", "tabs", "attempts", "reason"):
        table.add_column(head)
    for event in events:
        key = event["key"] if len(event["key"]) <= _LONGEST_KEY else event["key"][:_LONGEST_KEY] + "..."
        event_text = f"{event['kind']} {event['entity']} {key}"
        tabs = ", ".join(event["tabs"] or ["all that it touches"])
        cells = (str(event["id"]), event_text, tabs, str(event["attempts"]), event["reason"] or "")
        table.add_row(*(escape(cell) for cell in cells))
    return table


def print_processed(result: dict[str, Any]) -> None:
    """What ``queue process`` did."""
    console = screen(soft_wrap=True)
    for title, numbers in result["tabs"].items():
        console.print(
            f"[bold]{escape(title)}[/]  {numbers['inserts']:,} inserts, {numbers['updates']:,} rows updated, "
            f"{numbers['deletes']:,} deletes, {numbers['cells']:,} cells, {numbers['write_requests']} write requests",
            highlight=False,
        )
    for reason in result["failures"]:
        console.print(f"[yellow]not written[/]: {escape(reason)}", highlight=False)
    if result["error"]:
        console.print(f"[red]failed[/]: {escape(result['error'])}", highlight=False)
    colour = "green" if result["status"] == "success" else "red"
    console.print(
        f"[{colour}]{result['status']}[/] in {result['seconds']:.1f} s: {result['events']:,} events taken, "
        f"{result['set_aside']:,} set aside, {result['still_pending']:,} still pending, run {result['run_id']}",
        highlight=False,
    )
