"""``sheets-pipeline edits``: what people typed into tabs and what became of it; deciding about it; the Apps Script.

Heavy modules are imported inside the commands, so that ``--help`` answers at once.
"""

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheets_pipeline.terminal import echo, escape, screen

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from sheets_pipeline.edits.ledger import Edit
    from sheets_pipeline.pipeline import Pipeline

_STATES = ("new", "applied", "same", "conflict", "rejected", "awaiting", "dead", "undone", "superseded")


@click.group()
def edits() -> None:
    """What people typed into editable columns: list it, accept, reject or undo it; print the Apps Script."""


@edits.command(name="list")
@click.option("--state", type=click.Choice(_STATES), help="Only edits in this state.")
@click.option("--tab", metavar="TITLE", help="Only edits of this tab.")
@click.option("--editor", metavar="ADDRESS", help="Only edits of this person.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many, newest first."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_edits(state: str | None, tab: str | None, editor: str | None, limit: int, as_json: bool) -> None:
    """List edits, newest first."""
    from sheets_pipeline.edits.showing import found

    listed = found(_pipeline().state, state=state, tab=tab, editor=editor, limit=limit)
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
        values = (_text(facts["base"]), _text(facts["typed"]), edit.state.value, edit.reason or "")
        table.add_row(str(edit.id), *(escape(str(word)) for word in (*words, *values)))
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
    for name, value in facts.items():
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
@click.argument("edit_ids", metavar="ID...", type=int, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def undo(edit_ids: tuple[int, ...], as_json: bool) -> None:
    """Take the applied edits ID... back; a cell that has changed since keeps what it holds."""
    from sheets_pipeline.edits import decisions
    from sheets_pipeline.edits.apply import apply_due

    pipeline = _pipeline()
    number = decisions.undo(pipeline.state, edit_ids, getpass.getuser())
    counts = apply_due(pipeline)
    undone = counts.by_state.get("applied", 0)
    if as_json:
        click.echo(json.dumps({"asked": number, "undone": undone, "states": counts.by_state}))
    else:
        waits = "" if pipeline.settings.edits_on else " Set EDITS_ENABLED=true to have them applied."
        click.echo(f"{undone} of {number} edits undone.{waits}")
    if undone < number:
        raise SystemExit(1)


@edits.command()
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write the two files there."
)
def script(into: Path | None) -> None:
    """Print the Apps Script, filled in with the tabs' editable columns, and where to put it."""
    from sheets_pipeline.components.tab_asset import tab_assets
    from sheets_pipeline.edits.script import STEPS, code, manifest

    tabs = [asset.tab for asset in tab_assets().values() if asset.problem is None]
    files = {"Code.gs": code(tabs), "appsscript.json": manifest()}
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (into / name).write_text(text, encoding="utf-8")
        click.echo(f"Written: {', '.join(str(into / name) for name in files)}")
        return
    click.echo(STEPS)
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
