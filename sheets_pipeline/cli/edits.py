"""``sheets-pipeline edits``: what people typed into tabs and what became of it; deciding about it; the Apps Script.

Heavy modules are imported inside the commands, so that ``--help`` answers at once.
"""

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheets_pipeline.terminal import echo, escape, screen

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from sheets_pipeline.edits.ledger import Edit
    from sheets_pipeline.edits.which import Which
    from sheets_pipeline.pipeline import Pipeline

_STATES = ("new", "applied", "same", "conflict", "rejected", "awaiting", "dead", "undone", "superseded")


@click.group()
def edits() -> None:
    """What people typed into editable columns: list it, accept, reject or undo it; print the Apps Script."""


def _moment(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    """A time of ISO 8601; UTC where it names no zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"expected a time such as 2026-05-04T13:00 or 2026-05-04T13:00+02:00, found {text!r}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_TAB = click.option("--tab", metavar="TITLE", help="Only edits of this tab.")
_EDITOR = click.option("--editor", metavar="ADDRESS", help="Only edits of this person.")
_SINCE = click.option(
    "--since", metavar="TIME", callback=_moment, help="Only edits seen at or after this (ISO 8601; UTC without a zone)."
)
_UNTIL = click.option("--until", metavar="TIME", callback=_moment, help="Only edits seen before this.")


@edits.command(name="list")
@click.option("--state", type=click.Choice(_STATES), help="Only edits in this state.")
@_TAB
@_EDITOR
@click.option("--batch", metavar="BATCH", help="Only edits of this batch.")
@_SINCE
@_UNTIL
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many, newest first."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_edits(limit: int, as_csv: bool, as_json: bool, **which: Any) -> None:
    """List edits, newest first."""
    from sheets_pipeline.edits.showing import csv_lines, found
    from sheets_pipeline.edits.which import Which

    state, meant = _pipeline().state, Which(**which)
    if as_csv:
        for lines in csv_lines(state, meant, limit):
            click.echo(lines, nl=False)
        return
    listed = found(state, meant, limit)
    if as_json:
        click.echo(json.dumps([_as_json(edit) for edit in listed]))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for head in ("id", "when", "who", "tab", "row", "column", "from", "to", "state", ""):
        table.add_column(head, overflow="ellipsis", max_width=40)
    for edit in listed:
        facts = _as_json(edit)
        words = (edit.seen_at.strftime("%Y-%m-%d %H:%M:%S"), edit.editor or "?", edit.tab, facts["key"], edit.column)
        values = (facts["shown"]["base"], facts["shown"]["typed"], edit.state.value, edit.reason or "")
        table.add_row(str(edit.id), *(escape(_text(word)) for word in (*words, *values)))
    screen().print(table) if listed else click.echo("No edits.")


@edits.command()
@click.argument("edit_id", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(edit_id: int, as_json: bool) -> None:
    """Show the edit ID with all that is known of it."""
    from sheets_pipeline.edits.decisions import find

    with _pipeline().state.connect() as connection:
        facts = _as_json(find(connection, edit_id))
    if as_json:
        click.echo(json.dumps(facts))
        return
    shown = facts.pop("shown")
    for name, value in (facts | shown).items():
        echo(f"{name + ':':12} {_text(value)}")


_IDS = click.argument("edit_ids", metavar="[ID]...", type=int, nargs=-1)
_BATCH = click.option("--batch", metavar="BATCH", help="All edits of this batch that wait for a person.")


@edits.command()
@_IDS
@_BATCH
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def accept(edit_ids: tuple[int, ...], batch: str | None, as_json: bool) -> None:
    """Put in what was typed by the edits ID..., which wait, were refused, or lost against the database."""
    from sheets_pipeline.edits import decisions

    _decide(decisions.accept, edit_ids, batch, as_json)


@edits.command()
@_IDS
@_BATCH
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reject(edit_ids: tuple[int, ...], batch: str | None, as_json: bool) -> None:
    """Refuse the edits ID..., which wait."""
    from sheets_pipeline.edits import decisions

    _decide(decisions.reject, edit_ids, batch, as_json)


@edits.command()
@_IDS
@click.option("--batch", metavar="BATCH", help="All applied edits of this batch.")
@_EDITOR
@_SINCE
@_UNTIL
@_TAB
@click.option("--dry-run", is_flag=True, help="Show what would change and what came later; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def undo(edit_ids: tuple[int, ...], dry_run: bool, as_json: bool, **which: Any) -> None:
    """Take applied edits back: the edits ID..., a --batch, or an --editor's with --since and --until.

    A cell that has changed since keeps what it holds, and so does a row that was inserted. A row that was deleted comes back.
    """
    from sheets_pipeline.edits import decisions
    from sheets_pipeline.edits.apply import apply_due
    from sheets_pipeline.edits.which import Which

    is_of_person = bool(which["editor"] and which["since"] and which["until"])
    if sum((bool(edit_ids), which["batch"] is not None, is_of_person)) != 1:
        raise click.UsageError(
            "Name the edits by their numbers, or one --batch, or an --editor with --since and --until."
        )
    pipeline, meant = _pipeline(), Which(**which)
    if dry_run:
        _preview(pipeline, edit_ids, meant, as_json)
        return
    who = getpass.getuser()
    done = decisions.undo(pipeline.state, edit_ids, who) if edit_ids else decisions.undo_all(pipeline.state, meant, who)
    apply_due(pipeline)
    states = decisions.became(pipeline.state, done.batch)
    if as_json:
        click.echo(json.dumps({"asked": done.edits, "batch": done.batch, "states": states}))
    else:
        waits = "" if pipeline.settings.edits_on else " Set EDITS_ENABLED=true to have them applied."
        became = ", ".join(f"{state} {number}" for state, number in sorted(states.items()))
        click.echo(f"{done.edits} edits are taken back as batch {done.batch}: {became}.{waits}")
    if set(states) - {"applied", "same"}:
        raise SystemExit(1)


def _preview(pipeline: "Pipeline", edit_ids: tuple[int, ...], which: "Which", as_json: bool) -> None:
    from sheets_pipeline.edits import decisions
    from sheets_pipeline.edits.previews import preview
    from sheets_pipeline.edits.showing import preview_as_json
    from sheets_pipeline.edits.taking_back import takings

    with pipeline.state.connect() as connection:
        edits = decisions.undoable(connection, edit_ids) if edit_ids else decisions.applied(connection, which)
        taken = takings(connection, edits)
    cells = [preview_as_json(one) for one in preview(pipeline, taken)]
    if as_json:
        click.echo(json.dumps({"asked": len(edits), "cells": cells}))
        return
    for cell in cells:
        place = f"{cell['tab']} {_text(cell['key'])} {cell['column']}"
        if cell["outcome"] == "changes":
            echo(f"{place}: {cell['now']!r} -> {cell['then']!r}")
        else:
            later = "".join(f"; {one['editor'] or '?'} typed {one['shown']['typed']!r} later" for one in cell["later"])
            why = f"is kept: {cell['reason']}" if cell["reason"] else _OUTCOMES[cell["outcome"]]
            echo(f"{place}: {why}{later}")


_OUTCOMES = {
    "nothing": "holds that value already",
    "kept": "has changed since, and is kept",
    "unknown": "its row was not found or not looked at",
}


@edits.command()
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write the two files there."
)
@click.option(
    "--spreadsheet",
    metavar="ID",
    help="The spreadsheet that it is for, by id or address, where it is not SPREADSHEET_ID.",
)
def script(into: Path | None, spreadsheet: str | None) -> None:
    """Print the Apps Script, filled in with the tabs' editable columns, the spreadsheet's secret, and where to put it."""
    from sheets_pipeline.components.tab_asset import tab_assets
    from sheets_pipeline.edits.script import code, manifest, steps
    from sheets_pipeline.settings import load_settings, spreadsheet_id_in

    settings = load_settings()
    try:
        spreadsheet_id = spreadsheet_id_in(spreadsheet) if spreadsheet else settings.spreadsheet_id
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--spreadsheet") from None
    master = settings.edits_webhook_secret
    what_to_do = steps(spreadsheet_id, master.get_secret_value() if master else None)
    tabs = [asset.tab for asset in tab_assets().values() if asset.problem is None]
    files = {"Code.gs": code(tabs), "appsscript.json": manifest()}
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (into / name).write_text(text, encoding="utf-8")
        click.echo(f"Written: {', '.join(str(into / name) for name in files)}\n\n{what_to_do}")
        return
    click.echo(what_to_do)
    for name, text in files.items():
        click.echo(f"\n---- {name} ----\n{text}")


def _pipeline() -> "Pipeline":
    from sheets_pipeline.pipeline import Pipeline

    return Pipeline.open()


def _decide(
    decide: "Callable[[sa.Engine, int, str], Edit]", edit_ids: tuple[int, ...], batch: str | None, as_json: bool
) -> None:
    """Decide about each of them, then apply what is to be applied, and say what became of it."""
    from sheets_pipeline.edits import decisions
    from sheets_pipeline.edits.apply import apply_due

    if bool(edit_ids) == (batch is not None):
        raise click.UsageError("Name the edits by their numbers, or one --batch.")
    pipeline = _pipeline()
    for edit_id in (ids := edit_ids if batch is None else decisions.waiting_in(pipeline.state, batch)):
        decide(pipeline.state, edit_id, getpass.getuser())
    apply_due(pipeline)
    with pipeline.state.connect() as connection:
        decided = [decisions.find(connection, edit_id) for edit_id in ids]
    if as_json:
        facts = [_as_json(edit) for edit in decided]
        click.echo(json.dumps(facts[0] if len(edit_ids) == 1 else facts))
        return
    for edit in decided:
        echo(f"Edit {edit.id} is {edit.state}{f': {edit.reason}' if edit.reason else ''}.")


def _as_json(edit: "Edit") -> dict[str, Any]:
    from sheets_pipeline.edits.showing import as_json

    return as_json(edit)


def _text(value: Any) -> str:
    return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
