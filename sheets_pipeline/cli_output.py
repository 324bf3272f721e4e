"""How the command line shows results to people: tables, plans, in colour on a terminal."""

from typing import Any

from rich.table import Table

from sheets_pipeline.errors import GuardRefused, SheetsPipelineError
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.terminal import escape, screen

#: Numbers of one tab, and how the table's head calls them.
_COLUMNS = {
    "rows": "rows",
    "inserts": "inserts",
    "updates": "updates",
    "deletes": "deletes",
    "cells": "cells",
    "read_requests": "reads",
    "write_requests": "writes",
    "bytes_sent": "bytes",
    "seconds": "seconds",
}
_SHORT = 40
_COLOURS = {"insert": "green", "update": "yellow", "delete": "red"}


def print_sync(result: dict[str, Any]) -> None:
    """A sync's summary: one line per tab, errors below, the run's id."""
    console = screen(soft_wrap=True)
    if result["tabs"]:
        console.print(_table(result["tabs"]))
    for step, message in result["errors"].items():
        console.print(f"[bold red]{escape(step)}[/]: {escape(message)}", highlight=False)
    colour = "green" if result["status"] == "success" else "red"
    console.print(f"[{colour}]{result['status']}[/] in {result['seconds']:.1f} s, run {result['run_id']}")


def _table(tabs: dict[str, dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("tab", no_wrap=True)
    for head in _COLUMNS.values():
        table.add_column(head, justify="right", no_wrap=True)
    for title, numbers in tabs.items():
        table.add_row(escape(title), *(f"{numbers[name]:,}" for name in _COLUMNS))
    return table


def plans_as_json(plans: dict[str, SyncReport | SheetsPipelineError], seconds: float) -> dict[str, Any]:
    """The shape of ``sync --dry-run --json``."""
    errors = {title: plan for title, plan in plans.items() if isinstance(plan, SheetsPipelineError)}
    refused = any(isinstance(error, GuardRefused) for error in errors.values())
    return {
        "run_id": None,
        "status": "refused" if refused else "failed" if errors else "dry_run",
        "seconds": round(seconds, 3),
        "tabs": {title: _plan_json(plan) for title, plan in plans.items() if isinstance(plan, SyncReport)},
        "errors": {title: str(error) for title, error in errors.items()},
    }


def _plan_json(plan: SyncReport) -> dict[str, Any]:
    changes = [
        {"change": what, "row_number": row, "key": key, "column": column, "old": old, "new": new}
        for what, row, key, column, old, new in plan.sample
    ]
    return plan.as_json() | {
        "cells": plan.planned_cells,
        "write_requests": plan.planned_requests,
        "bytes_sent": plan.planned_bytes,
        "changes": changes,
    }


def print_plans(plans: dict[str, SyncReport | SheetsPipelineError]) -> None:
    """What would be done, tab by tab: counts, cost, the first changes, and what was refused and why."""
    console = screen(soft_wrap=True)
    for title, plan in plans.items():
        if isinstance(plan, SheetsPipelineError):
            console.print(f"[bold]{escape(title)}[/]  [red]refused[/]: {escape(str(plan))}", highlight=False)
            continue
        console.print(
            f"[bold]{escape(title)}[/]  {plan.rows:,} rows: [green]{plan.inserts:,} inserts[/], "
            f"[yellow]{plan.updates:,} rows updated[/], [red]{plan.deletes:,} deletes[/]; "
            f"{plan.planned_cells:,} cells in {plan.planned_requests} write requests, {plan.planned_bytes:,} bytes",
            highlight=False,
        )
        for what, row, key, column, old, new in plan.sample:
            place = f"row {row}" if row else "new row"
            detail = f"column {column}: {_short(old)} → {_short(new)}" if what == "update" else ""
            if what == "insert":
                detail = ", ".join(_short(cell) for cell in new[1:5])
            line = f"{place}, key {key}  {detail}"
            console.print(f"  [{_COLOURS[what]}]{what}[/] {escape(line)}", highlight=False)
        hidden = plan.inserts + plan.updates + plan.deletes - len({change[2] for change in plan.sample})
        if hidden > 0:
            console.print(f"  ... and {hidden:,} more rows")
        for row_set_aside in plan.set_aside:
            reason = escape(row_set_aside.reason)
            console.print(f"  [magenta]set aside[/] key {escape(row_set_aside.key)}: {reason}", highlight=False)
    console.print("Nothing was sent (dry run).")


def _short(value: Any) -> str:
    text = "blank" if value is None else repr(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
