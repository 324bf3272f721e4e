"""``sheets-pipeline tabs``: what is declared, whether it can be used, what it gives, and the schema for editors.

Heavy modules are imported inside the commands, so that ``--help`` answers at once.
"""

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from sheets_pipeline.cli.completion import Title
from sheets_pipeline.cli.progress import errors_console
from sheets_pipeline.sync.cells import json_key, readable_key
from sheets_pipeline.terminal import echo, escape, screen

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sheets_pipeline.components.tab_asset import TabAsset
    from sheets_pipeline.runs.trial import Trial, Verdict
    from sheets_pipeline.sync.tab import Tab

#: Rows set aside that are listed.
_LISTED = 5


@click.group()
def tabs() -> None:
    """The declared tabs: list and check them, look at their first rows. Nothing is written."""


@tabs.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_tabs(as_json: bool) -> None:
    """List all tabs with their key, their columns and the place of their declaration."""
    declared = [_facts(tab_asset) for tab_asset in _declared().values()]
    if as_json:
        click.echo(json.dumps(declared))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for head in ("tab", "key", "columns", "declared in", ""):
        table.add_column(head, no_wrap=True)
    for tab in declared:
        columns = "of the query" if tab["columns"] is None else str(len(tab["columns"]))
        place = f"{tab['file']}, line {tab['line']}"
        state = "[red]cannot be used[/]" if tab["problem"] else ""
        key = "" if tab["problem"] else ", ".join(tab["key"])
        table.add_row(escape(tab["title"]), escape(key), "" if tab["problem"] else columns, escape(place), state)
    screen().print(table)


@tabs.command()
@click.argument("titles", nargs=-1, type=Title(), metavar="[TAB]...")
@click.option(
    "--database/--offline",
    default=None,
    help="Insist on the database, or leave it out. Without either it is asked where it can be reached.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(titles: tuple[str, ...], database: bool | None, as_json: bool) -> None:
    """Say what is wrong with the declaration of each TAB, of all without one; exit code 1 if anything is.

    Against the database: columns are in the query's result, keys stand once and are never NULL, rows are found by their key,
    watched tables and their columns are there, and an index for what events look up. All rows are computed, within the limits
    of a sync (SYNC_TAB_TIMEOUT_SECONDS, DATABASE_STATEMENT_TIMEOUT_SECONDS); nothing is written.
    """
    tabs_to_check = chosen(titles)
    engine, reason = _reachable(database)
    verdicts = {title: _verdict(tab_asset, engine) for title, tab_asset in tabs_to_check.items()}
    if as_json:
        click.echo(json.dumps([_verdict_json(title, one) for title, one in verdicts.items()]))
    else:
        for title, verdict in verdicts.items():
            _print_verdict(title, verdict, engine is not None)
        if not verdicts:
            click.echo("No tab is declared.")
    if reason:
        errors_console.print(f"[yellow]The database was not asked.[/] {escape(reason)}", highlight=False)
    sys.exit(1 if any(verdict.problems for verdict in verdicts.values()) else 0)


def _reachable(wanted: bool | None) -> tuple["sa.Engine | None", str]:
    """The database, where it is to be asked; else why it is not, blank where nobody wants to know."""
    from sheets_pipeline.errors import SheetsPipelineError
    from sheets_pipeline.runs.trial import database

    if wanted is False:
        return None, ""
    try:
        return database(), ""
    except SheetsPipelineError as error:
        if wanted:
            raise
        return None, str(error)


@tabs.command()
@click.argument("title", type=Title(), metavar="TAB")
@click.option("--rows", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="The row of this key; may be repeated. A key of two: '[\"EU\", 7]'.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def preview(title: str, rows: int, keys: tuple[str, ...], as_json: bool) -> None:
    """Show the first rows of TAB as they would stand in the spreadsheet; moments are in UTC."""
    from sheets_pipeline.runs import trial
    from sheets_pipeline.settings import load_settings

    [tab_asset] = chosen((title,)).values()
    seconds = load_settings().sync_tab_timeout_seconds
    if keys:
        result = trial.rows_of_keys(trial.database(), tab_asset, keys, seconds)
    else:
        result = trial.first_rows(trial.database(), tab_asset, rows, seconds)
    click.echo(json.dumps(_trial_json(result))) if as_json else _print_trial(result)


@tabs.command()
def schema() -> None:
    """Print the JSON schema of a declaration, for editors that check YAML while you type."""
    from sheets_pipeline.components.schema import document_schema

    click.echo(json.dumps(document_schema(), indent=2))


def _declared() -> dict[str, "TabAsset"]:
    from sheets_pipeline.components.tab_asset import tab_assets

    return {tab_asset.tab.name: tab_asset for tab_asset in tab_assets().values()}


def chosen(titles: tuple[str, ...]) -> dict[str, "TabAsset"]:
    """The tabs with these titles, all where none is named.

    Raises:
        UnknownTab: No tab has such a title.
    """
    from sheets_pipeline.errors import UnknownTab
    from sheets_pipeline.sync.titles import no_such_tab

    declared = _declared()
    for title in titles:
        if title not in declared:
            raise UnknownTab(no_such_tab(title, declared))
    return {title: declared[title] for title in titles} if titles else declared


def _facts(tab_asset: "TabAsset") -> dict[str, Any]:
    from sheets_pipeline.components.tab_asset import declared_at

    path, line = declared_at(tab_asset)
    leaves_columns = tab_asset.declared is not None and (
        tab_asset.declared.declaration is None or tab_asset.declared.declaration.columns is None
    )
    return {
        "title": tab_asset.tab.name,
        "asset": "/".join(tab_asset.key.path),
        "key": [] if tab_asset.problem else list(tab_asset.tab.key),
        "columns": None if leaves_columns or tab_asset.problem else _columns(tab_asset.tab),
        "file": tab_asset.file_name,
        "path": path,
        "line": line,
        "problem": tab_asset.problem.text if tab_asset.problem else None,
    }


def _columns(tab: "Tab") -> list[dict[str, str]]:
    return [{"name": column.name, "header": column.header, "type": str(column.type)} for column in tab.columns]


def _verdict(tab_asset: "TabAsset", engine: "sa.Engine | None") -> "Verdict":
    from sheets_pipeline.runs.place_check import place_problems
    from sheets_pipeline.runs.trial import Verdict, judge
    from sheets_pipeline.settings import load_settings

    if tab_asset.problem is not None:
        return Verdict(tab_asset.tab, (tab_asset.problem.text,))
    verdict = Verdict(tab_asset.tab)
    if engine is not None:
        verdict = judge(engine, tab_asset, load_settings().sync_tab_timeout_seconds)
    return replace(verdict, problems=(*verdict.problems, *place_problems(tab_asset.tab)))


def _verdict_json(title: str, verdict: "Verdict") -> dict[str, Any]:
    aside = [{"key": json_key(row.key), "reason": row.reason} for row in verdict.set_aside]
    problems = {"problem": verdict.problem, "problems": list(verdict.problems)}
    return {"title": title, **problems, "rows": verdict.rows, "set_aside_rows": aside}


def _print_verdict(title: str, verdict: "Verdict", against_database: bool) -> None:
    console = screen(soft_wrap=True)
    if verdict.problems:
        for problem in verdict.problems:
            console.print(f"[bold]{escape(title)}[/]  [red]{escape(problem)}[/]", highlight=False)
        return
    told = "can be used"
    if against_database:
        types = ", ".join(f"{column.name} {column.type}" for column in verdict.tab.columns)
        told = f"{verdict.rows:,} rows: {types}"
    console.print(f"[bold]{escape(title)}[/]  [green]ok[/]  {escape(told)}", highlight=False)
    for row in verdict.set_aside[:_LISTED]:
        console.print(
            f"  [magenta]cannot be written[/] {escape(f'key {readable_key(row.key)}: {row.reason}')}", highlight=False
        )
    if (more := len(verdict.set_aside) - _LISTED) > 0:
        click.echo(f"  ... and {more:,} more")


def _trial_json(trial: "Trial") -> dict[str, Any]:
    aside = [{"key": json_key(row.key), "reason": row.reason} for row in trial.set_aside]
    return {"title": trial.tab.title, "columns": _columns(trial.tab), "rows": trial.rows, "set_aside_rows": aside}


def _print_trial(trial: "Trial") -> None:
    from rich.table import Table

    from sheets_pipeline.cli.output import shown

    table = Table(box=None, pad_edge=False)
    for column in trial.tab.columns:
        table.add_column(f"{escape(column.header)}\n[dim]{column.type}[/]", overflow="ellipsis", max_width=40)
    for row in trial.rows:
        cells = (shown(cell, column.type) for cell, column in zip(row, trial.tab.columns, strict=True))
        table.add_row(*("" if cell is None else escape(cell) for cell in cells))
    screen().print(table)
    for aside in trial.set_aside:
        echo(f"Cannot be written: key {aside.key}: {aside.reason}.")
    if not trial.rows and not trial.set_aside:
        click.echo("No rows.")
