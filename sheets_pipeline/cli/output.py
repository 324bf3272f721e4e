"""How the command line shows results to people: tables, plans, in colour on a terminal."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from sheets_pipeline.errors import GuardRefused, SheetsPipelineError
from sheets_pipeline.sync.cells import from_serial, json_key, readable_key
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import ColumnType
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
#: Rows set aside, and rows of a refused delete, that are listed.
_LISTED = 20
_COLOURS = {"insert": "green", "update": "yellow", "delete": "red"}


def print_sync(result: dict[str, Any]) -> None:
    """A sync's summary: one line per tab, errors below, the run's id."""
    console = screen(soft_wrap=True)
    if result["tabs"]:
        console.print(_table(result["tabs"]))
    for title, numbers in result["tabs"].items():
        _print_set_aside(console, numbers["set_aside_rows"], f"{title}, ")
    for title, message in result["errors"].items():
        console.print(f"[bold red]{escape(title)}[/]: {escape(_of_tab(title, message))}", highlight=False)
    colour = "green" if result["status"] == "success" else "red"
    console.print(f"[{colour}]{result['status']}[/] in {result['seconds']:.1f} s, run {result['run_id']}")


def _of_tab(title: str, message: str) -> str:
    """What is said of a tab, under its title."""
    text = message.removeprefix(f"Tab {title!r}: ")
    is_file = "." in text.partition(" ")[0]  # its name is written as it is
    return text if text == message or is_file else f"{text[:1].upper()}{text[1:]}"


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
        "refused_deletes": {
            title: [{"row_number": row, "key": json_key(key)} for row, key in error.deletes]
            for title, error in errors.items()
            if isinstance(error, GuardRefused)
        },
    }


def _plan_json(plan: SyncReport) -> dict[str, Any]:
    changes = [
        {"change": kind, "row_number": row, "key": json_key(key), "column": column, "old": old, "new": new}
        for kind, row, key, column, old, new in _readable(plan)
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
            word = "refused" if isinstance(plan, GuardRefused) else "failed"
            console.print(
                f"[bold]{escape(title)}[/]  [red]{word}[/]: {escape(_of_tab(title, str(plan)))}", highlight=False
            )
            if isinstance(plan, GuardRefused):
                _print_deletes(console, plan.deletes)
            continue
        console.print(
            f"[bold]{escape(title)}[/]  {plan.rows:,} rows: [green]{plan.inserts:,} inserts[/], "
            f"[yellow]{plan.updates:,} rows updated[/], [red]{plan.deletes:,} deletes[/]; "
            f"{plan.planned_cells:,} cells in {plan.planned_requests} write requests, {plan.planned_bytes:,} bytes",
            highlight=False,
        )
        for kind, row, key, column, old, new in _readable(plan):
            place = f"row {row}" if row else "new row"
            detail = f"column {column}: {_short(old)} → {_short(new)}" if kind == "update" else ""
            if kind == "insert":
                detail = ", ".join(_short(cell) for cell in new[1:5])
            line = f"{place}, key {readable_key(key)}  {detail}"
            console.print(f"  [{_COLOURS[kind]}]{kind}[/] {escape(line)}", highlight=False)
        hidden = plan.inserts + plan.updates + plan.deletes - len({change[2] for change in plan.sample})
        if hidden > 0:
            console.print(f"  ... and {hidden:,} more rows")
        _print_set_aside(console, plan.set_aside_json())
    console.print("Nothing was sent (dry run).")


def _print_set_aside(console: Console, rows: list[dict[str, Any]], where: str = "") -> None:
    """Rows that cannot be written, with the reason of each."""
    for row in rows[:_LISTED]:
        line = escape(f"{where}key {readable_key(row['key'])}: {row['reason']}")
        console.print(f"  [magenta]set aside[/] {line}", highlight=False)
    if len(rows) > _LISTED:
        more = f"  ... and {len(rows) - _LISTED:,} more rows set aside; the check all_rows_are_written names them"
        console.print(more, highlight=False)


def _print_deletes(console: Console, deletes: tuple[tuple[int, str], ...]) -> None:
    """Rows that would go, if a person allowed it."""
    for row, key in deletes[:_LISTED]:
        console.print(f"  [red]delete[/] {escape(f'row {row}, key {readable_key(key)}')}", highlight=False)
    if len(deletes) > _LISTED:
        console.print(f"  ... and {len(deletes) - _LISTED:,} more rows", highlight=False)


def _readable(plan: SyncReport) -> Iterator[tuple[str, int | None, str, str, Any, Any]]:
    """The first changes, with dates as people write them instead of the numbers that Google keeps for them."""
    types = [kind for _, kind in plan.columns.values()]
    by_letters = dict(plan.columns.values())
    for change, row, key, column, old, new in plan.sample:
        if change == "insert" and len(types) == len(new):
            new = [shown(cell, kind) for cell, kind in zip(new, types, strict=True)]
        elif (kind := by_letters.get(column)) is not None:
            old, new = shown(old, kind), shown(new, kind)
        yield change, row, key, column, old, new


def shown(cell: Any, kind: ColumnType) -> Any:
    """A cell as people read it: a date for the number that Google keeps for it, anything else as it is."""
    if (
        kind not in (ColumnType.DATE, ColumnType.DATETIME)
        or isinstance(cell, bool)
        or not isinstance(cell, int | float)
    ):
        return cell
    try:
        moment = from_serial(cell)
    except (OverflowError, ValueError):  # people's own number
        return cell
    return moment.date().isoformat() if kind is ColumnType.DATE else moment.isoformat(" ", "seconds")


def _short(value: Any) -> str:
    text = "blank" if value is None else repr(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
