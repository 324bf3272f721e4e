"""How the command line shows sources: their tasks, rows of versions in several formats, and what changed between two."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.table import Table as ScreenTable

from sheets_pipeline.errors import SettingsError
from sheets_pipeline.sources.schema import held_back
from sheets_pipeline.sources.showing import as_text
from sheets_pipeline.terminal import escape, json_safe, screen

if TYPE_CHECKING:
    from sheets_pipeline.database.source_tasks import Task
    from sheets_pipeline.sources.api import Table
    from sheets_pipeline.sources.diff import Difference, RowChange

_COLOURS = {"completed": "green", "failed": "red", "processing": "yellow", "pending": "yellow"}


def task_as_json(task: "Task") -> dict[str, Any]:
    """The shape of ``source status --json``."""

    def moment(value: datetime | None) -> str | None:
        return value.isoformat() if value is not None else None

    return {
        "source": task.source,
        "task_id": task.id,
        "state": task.state,
        "created": moment(task.created_at),
        "started": moment(task.started_at),
        "completed": moment(task.completed_at),
        "error": task.error,
        "rows": task.rows,
        "content_hash": task.content_hash,
        "changed": task.changed,
        "failures": task.failures,
        "result": task.result,
    }


def print_tasks(tasks: Sequence["Task"]) -> None:
    """A line per task, errors below."""
    console = screen(soft_wrap=True)
    table = ScreenTable(box=None, pad_edge=False)
    for head in ("source", "state", "rows", "hash", "changed", "ended", "task"):
        table.add_column(head, justify="right" if head == "rows" else "left", no_wrap=True)
    for task in tasks:
        held = " (held)" if (task.result or {}).get("held") else ""
        table.add_row(
            escape(task.source),
            f"[{_COLOURS[task.state]}]{task.state}[/]",
            "-" if task.rows is None else f"{task.rows:,}",
            (task.content_hash or "-")[:12],
            {True: "yes", False: f"no{held}", None: "-"}[task.changed],
            f"{task.completed_at:%Y-%m-%d %H:%M:%S}" if task.completed_at else "-",
            escape(task.id),
        )
    console.print(table)
    for task in tasks:
        if task.error:
            console.print(f"[bold red]{escape(task.source)}[/]: {escape(task.error)}", highlight=False)
        elif (why := (task.result or {}).get("held")) is not None:
            console.print(f"[yellow]{escape(task.source)}[/]: {escape(held_back(task.source, why))}", highlight=False)


def write_table(table: "Table", form: str, output: Path | None) -> None:
    """Rows in a format, to a file or to standard output.

    Raises:
        SettingsError: Parquet needs what is not installed.
    """
    if form == "parquet":
        _write_parquet(table, output)
        return
    if form == "table" and output is None:
        _print_rows(table)
        return
    lines = _csv(table) if form == "csv" else _json(table) if form == "json" else _csv(table)
    if output is not None:
        with output.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        return
    for line in lines:
        click.echo(json_safe(line) if form == "json" else line, nl=False)


def plain(cell: Any) -> Any:
    """A cell for JSON; decimals with all their digits."""
    if isinstance(cell, Decimal):
        from sheets_pipeline.sources.canonical import number_text

        return orjson.Fragment(number_text(cell))
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) >= 2**63:
        return orjson.Fragment(str(cell))
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode()
    return cell


def _json(table: "Table") -> Iterator[str]:
    yield "["
    for number, record in enumerate(table.records()):
        yield ",\n " if number else "\n "
        yield orjson.dumps({plain(name): plain(cell) for name, cell in record.items()}).decode()
    yield "\n]\n"


def _csv(table: "Table") -> Iterator[str]:
    def line(cells: Iterable[Any]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        return text.getvalue()

    yield line(column.name for column in table.columns)
    for row in table.rows:
        yield line("" if cell is None else as_text(cell) for cell in row)


def _print_rows(table: "Table") -> None:
    shown = ScreenTable(box=None, pad_edge=False)
    for column in table.columns:
        shown.add_column(escape(column.name), overflow="ellipsis", max_width=40)
    for row in table.rows:
        shown.add_row(*(escape(as_text(cell)) for cell in row))
    screen().print(shown)
    version = table.version
    click.echo(
        f"{len(table.rows):,} of {version.rows:,} rows, version {version.number}, hash {version.content_hash[:12]}"
    )


def _write_parquet(table: "Table", output: Path | None) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError:
        raise SettingsError(
            "Parquet needs pyarrow, which is not installed: pip install 'sheets-pipeline[parquet]'. "
            "Or take --format csv or json."
        ) from None
    columns = {}
    for place, column in enumerate(table.columns):
        cells = [row[place] for row in table.rows]
        if column.type == "mixed":
            cells = [None if cell is None else as_text(cell) for cell in cells]
        try:
            columns[column.name] = pa.array(cells)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # numbers beyond what Parquet has a type for
            columns[column.name] = pa.array([None if cell is None else as_text(cell) for cell in cells])
    made = pa.table(columns)
    if output is not None:
        parquet.write_table(made, output)
    else:
        parquet.write_table(made, sys.stdout.buffer)


def difference_as_json(found: "Difference", limit: int | None) -> dict[str, Any]:
    """Counts, columns, and the first rows that differ."""
    return {
        "source": found.after.source,
        "before": found.before.content_hash,
        "after": found.after.content_hash,
        "inserted": len(found.inserted),
        "deleted": len(found.deleted),
        "changed": len(found.changed),
        "unchanged": found.unchanged,
        "columns": [
            {
                "name": one.name,
                "before": one.before and one.before.type.value,
                "after": one.after and one.after.type.value,
            }
            for one in found.columns
        ],
        "rows": [_change(found, one) for one in _first(found.changes(), limit)],
    }


def _change(found: "Difference", one: "RowChange") -> dict[str, Any]:
    columns = (found.before if one.kind == "deleted" else found.after).columns
    return {
        "change": one.kind.value,
        "row": {column.name: plain(cell) for column, cell in zip(columns, one.row, strict=True)},
        "cells": [{"column": c.column, "before": plain(c.before), "after": plain(c.after)} for c in one.cells],
    }


def _first(changes: Iterator["RowChange"], limit: int | None) -> Iterator["RowChange"]:
    return islice(changes, limit)


def print_difference(found: "Difference", limit: int) -> None:
    """Counts, columns and the first rows that differ, in colour."""
    console = screen(soft_wrap=True)
    counts = f"[green]{len(found.inserted):,} inserted[/], [yellow]{len(found.changed):,} changed[/], "
    console.print(f"{counts}[red]{len(found.deleted):,} deleted[/], {found.unchanged:,} unchanged", highlight=False)
    for column in found.columns:
        before, after = column.before, column.after
        what = "new" if before is None else "gone" if after is None else f"{before.type} → {after.type}"
        console.print(f"column {escape(column.name)}: {what}", highlight=False)
    colours = {"inserted": "green", "changed": "yellow", "deleted": "red"}
    for one in _first(found.changes(), limit):
        cells = [f"{c.column}: {as_text(c.before)} → {as_text(c.after)}" for c in one.cells]
        row = ", ".join(as_text(cell) for cell in one.row[:6])
        text = f"{row}  {'; '.join(cells)}"
        console.print(f"  [{colours[one.kind.value]}]{one.kind.value}[/] {escape(text)}", highlight=False)
    hidden = len(found.inserted) + len(found.changed) + len(found.deleted) - limit
    if hidden > 0:
        console.print(f"  ... and {hidden:,} more rows")
