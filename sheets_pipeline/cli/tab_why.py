"""``sheets-pipeline tabs why``: what the database gives, what the tab holds, what was written when, and what explains it."""

import json
from typing import TYPE_CHECKING, Any

import click

from sheets_pipeline.cli.completion import Title
from sheets_pipeline.terminal import echo, escape, screen

if TYPE_CHECKING:
    from sheets_pipeline.monitoring.why import Explanation
    from sheets_pipeline.sync.tab import Tab


@click.command()
@click.argument("title", type=Title(), metavar="TAB")
@click.argument("words", nargs=-1, required=True, metavar="KEY... [COLUMN]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def why(title: str, words: tuple[str, ...], as_json: bool) -> None:
    """Say why a row of TAB, or one of its cells, is as it is. Reads the tab once; writes nothing.

    KEY... [COLUMN]: a key of several columns is several words, or one JSON array ('["EU", 7]'); a column is a name or a header.
    Of a tab in each spreadsheet of a list, TAB or 'TITLE @ LIST/ID'. Values are printed here and kept nowhere.
    """
    from sheets_pipeline.cli.run_sync import copy_named
    from sheets_pipeline.cli.tabs import chosen
    from sheets_pipeline.dagster_runtime.connections import opened_instance
    from sheets_pipeline.errors import DeclarationBroken
    from sheets_pipeline.monitoring.why import explain
    from sheets_pipeline.pipeline import Pipeline

    declared = chosen(())
    copy = None if title in declared else copy_named(title, declared)
    tab_asset = copy[0] if copy else chosen((title,))[title]
    if tab_asset.problem is not None:
        raise DeclarationBroken(title, tab_asset.problem.text)
    key, column = key_and_column(tab_asset.tab, words)
    pipeline = Pipeline.open()
    with opened_instance() as instance:
        explanation = explain(instance, pipeline, tab_asset, key, column, copy[2] if copy else None)
    click.echo(json.dumps(explanation.as_json())) if as_json else _print(explanation)


def key_and_column(tab: "Tab", words: tuple[str, ...]) -> tuple[list[str], str | None]:
    """The parts of the key, and the column where one is named.

    Raises:
        UsageError: They do not fit the tab's key.
    """
    first = words[0]
    key, rest = list(words[: len(tab.key)]), words[len(tab.key) :]
    if first.startswith("["):
        try:
            parts = json.loads(first)
        except ValueError:
            parts = None
        if isinstance(parts, list) and len(parts) == len(tab.key):
            key, rest = [str(part) for part in parts], words[1:]
    if len(key) < len(tab.key) or len(rest) > 1:
        names = ", ".join(tab.key)
        raise click.UsageError(
            f"Expected a key of {len(tab.key)} ({names}) and perhaps a column, found {len(words)} words."
        )
    return key, rest[0] if rest else None


def _print(explanation: "Explanation") -> None:
    from rich.table import Table

    from sheets_pipeline.cli.output import shown

    facts = explanation.facts
    table = Table(box=None, pad_edge=False)
    for head in ("column", "database", "tab", "last written"):
        table.add_column(head, overflow="fold", max_width=50)
    for name in explanation.columns:
        kind = explanation.tab.column(name).type

        def cell(row: Any, name: str = name, kind: Any = kind) -> str:
            value = None if row is None else shown(row.get(name), kind)
            return "[dim]-[/]" if row is None else "" if value is None else escape(value)

        table.add_row(escape(name), cell(facts.database), cell(facts.sheet), cell(facts.written))
    screen().print(table)
    place = f"row {explanation.row_number}" if explanation.row_number else "no row of the tab"
    when = f"{explanation.written_at:%Y-%m-%d %H:%M:%S} UTC" if explanation.written_at else "never, or not known"
    run = f" by run {explanation.run_id}" if explanation.run_id else ""
    where = "" if explanation.name == explanation.tab.name else f"{explanation.name}: "
    echo(f"{where}{place[0].upper()}{place[1:]}; last written {when}{run}.")
    for reason in explanation.reasons:
        echo(reason)
