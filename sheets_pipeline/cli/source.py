"""``sheets-pipeline source``: other people's spreadsheets, read into the store, looked at and compared.

Heavy modules are imported inside the commands, so that ``--help`` answers at once.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from sheets_pipeline.cli.progress import errors_console, progress
from sheets_pipeline.terminal import echo, escape, json_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheets_pipeline.database.source_tasks import Task
    from sheets_pipeline.sources.api import Sources
    from sheets_pipeline.sources.processing import Processed

_CONFIG = click.option(
    "--config",
    metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    help="A file of sources, or a folder with sources/; the project's where left out.",
)
_ENVIRONMENT = click.option(
    "--environment",
    metavar="NAME",
    default="",
    help="The store of that name: SOURCES_DATABASE_URL_NAME or ELASTICSEARCH_URL_NAME.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def source() -> None:
    """Other people's spreadsheets: read them into the store, show, search and compare their versions."""


def _opened(config: Path | None, environment: str) -> "Sources":
    with progress("Loading"):
        from sheets_pipeline.sources.api import Sources

        return Sources(config, environment=environment)


def _print_json(value: Any) -> None:
    click.echo(json_safe(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()))


@source.command()
@click.argument("config", metavar="[CONFIG]", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--source-ids", "ids", multiple=True, metavar="ID", help="Only these; may be repeated, or ID,ID.")
@click.option("--max-workers", type=click.IntRange(1, 50), metavar="N", help="Spreadsheets at a time.")
@click.option("-v", "--verbose", is_flag=True, help="Say of each source when it is done.")
@_ENVIRONMENT
@_JSON
def process(
    config: Path | None, ids: tuple[str, ...], max_workers: int | None, verbose: bool, environment: str, as_json: bool
) -> None:
    """Read sources now and store what has changed: of the file or folder CONFIG, else of the project.

    Exit code 1: a source could not be read.
    """
    from sheets_pipeline.cli import source_output as output

    started = time.monotonic()
    sources = _opened(config, environment)
    wanted = _split(ids, set(sources.ids))
    if not sources.declared:
        raise click.UsageError("No source is declared. Write one into sources/ (docs/use/sources.md), or name a file.")
    with _told(len(wanted) or len(sources.declared), verbose) as told:
        tasks = _processed(sources, config, wanted, max_workers, told)
    failed = sum(task.state == "failed" for task in tasks)
    if as_json:
        _print_json([output.task_as_json(task) for task in tasks])
    else:
        output.print_tasks(tasks)
        changed = sum(bool(task.changed) for task in tasks)
        seconds = time.monotonic() - started
        click.echo(f"Sources read: {len(tasks)} in {seconds:.1f} s, {changed} changed, {failed} failed")
    if failed:
        sys.exit(1)


def _split(ids: tuple[str, ...], known: set[str]) -> list[str]:
    """Ids as given, or several with commas between them."""
    found: list[str] = []
    for one in ids:
        found += [one] if one in known else [part.strip() for part in one.split(",") if part.strip()]
    return found


def _processed(
    sources: "Sources",
    config: Path | None,
    ids: list[str],
    max_workers: int | None,
    told: "Callable[[Processed], None]",
) -> "list[Task]":
    """As a run of Dagster's where the sources are the project's own, so that its pages show it; else by themselves."""
    if config is not None or sources.environment:
        return sources.process(ids, max_workers=max_workers, progress=told)
    from sheets_pipeline.cli.run_sources import run_sources

    return run_sources(sources, ids, max_workers, told)


@contextmanager
def _told(total: int, verbose: bool) -> "Iterator[Callable[[Processed], None]]":
    """Shows on stderr how far it is: a bar on a terminal, a line for each with ``--verbose``."""
    from rich.progress import Progress

    with Progress(console=errors_console, transient=True, disable=not errors_console.is_terminal) as bar:
        number = bar.add_task("Sources", total=total)

        def tell(done: "Processed") -> None:
            bar.advance(number)
            if verbose:
                task = done.task
                what = task.error if task.state == "failed" else f"{task.rows} rows, changed: {task.changed}"
                bar.console.print(f"{escape(task.source)}: {task.state}. {escape(what)}", highlight=False)

        yield tell


@source.command()
@click.argument("source_id", metavar="ID")
@_CONFIG
@_ENVIRONMENT
@_JSON
def accept(source_id: str, config: Path | None, environment: str, as_json: bool) -> None:
    """Take the columns that hold back a new version of the source ID (on_schema_change: hold), and read it now.

    Other columns by then are held back again. Exit code 1: nothing is held back, or the source could not be read.
    """
    from sheets_pipeline.cli import source_output as output

    sources = _opened(config, environment)
    change = sources.accept(source_id)
    with _told(1, verbose=False) as told:
        tasks = _processed(sources, config, [source_id], None, told)
    if as_json:
        _print_json([output.task_as_json(task) for task in tasks])
    else:
        echo(f"Accepted: {change}")
        output.print_tasks(tasks)
    if any(task.state == "failed" for task in tasks):
        sys.exit(1)


@source.command()
@click.option("--task-id", metavar="ID", help="This task.")
@click.option("--source-id", metavar="ID", help="The newest tasks and versions of this source.")
@_CONFIG
@_ENVIRONMENT
@_JSON
def status(task_id: str | None, source_id: str | None, config: Path | None, environment: str, as_json: bool) -> None:
    """Show the newest task of each source, or one task, or tasks and versions of one source.

    Exit code 1: the newest task of a source failed.
    """
    if task_id and source_id:
        raise click.UsageError("--task-id and --source-id both say which tasks. Give one of them.")
    from sheets_pipeline.cli import source_output as output

    sources = _opened(config, environment)
    tasks = [sources.task(task_id)] if task_id else sources.status(source_id, 20)
    if source_id and not tasks:
        sources.declaration(source_id)
    if as_json:
        _print_json([output.task_as_json(task) for task in tasks])
    elif tasks:
        output.print_tasks(tasks)
        if source_id:
            for version in sources.versions(source_id, 20):
                when = f"{version.read_at:%Y-%m-%d %H:%M:%S}"
                click.echo(f"version {version.number}  {version.content_hash[:12]}  {version.rows:,} rows  {when}")
    else:
        click.echo("No source has been read yet. `sheets-pipeline source process` does it now.")
    if tasks and any(task.state == "failed" for task in (tasks[:1] if source_id else tasks)):
        sys.exit(1)


@source.command()
@click.argument("source_id", metavar="ID")
@click.option("--content-hash", metavar="H", help="The version whose hash begins so; the latest where left out.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many rows; 50 in a table.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="Form of the rows; parquet needs pip install 'sheets-pipeline[parquet]'.",
)
@click.option("--search", metavar="TEXT", help="Only rows of the latest version with all of these words.")
@click.option("--output", "-o", metavar="FILE", type=click.Path(path_type=Path), help="Write to a file.")
@_CONFIG
@_ENVIRONMENT
def data(
    source_id: str,
    content_hash: str | None,
    limit: int | None,
    form: str,
    search: str | None,
    output: Path | None,
    config: Path | None,
    environment: str,
) -> None:
    """Show rows of the source ID: of its latest version, or of the one with a hash."""
    from sheets_pipeline.cli.source_output import write_table

    if form == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is no text. Name a file with --output.")
    shown = limit or (50 if form == "table" and output is None else None)
    table = _opened(config, environment).data(source_id, content_hash, limit=shown, search=search)
    write_table(table, form, output)


@source.command()
@click.argument("source_id", metavar="ID")
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", required=False)
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="At most so many rows.")
@_CONFIG
@_ENVIRONMENT
@_JSON
def diff(
    source_id: str,
    before: str,
    after: str | None,
    limit: int,
    config: Path | None,
    environment: str,
    as_json: bool,
) -> None:
    """Show what changed in the source ID from the version A to B, or to the latest: hashes, or how they begin."""
    from sheets_pipeline.cli import source_output as output

    found = _opened(config, environment).diff(source_id, before, after)
    _print_json(output.difference_as_json(found, limit)) if as_json else output.print_difference(found, limit)


@source.command()
@click.argument("source_id", metavar="ID")
@click.argument("content_hash", metavar="H")
@click.option("--tab", required=True, metavar="TITLE", help="The tab; made where it is not there. No declared one.")
@click.option("--dry-run", is_flag=True, help="Show the plan and send nothing.")
@click.option(
    "--allow-deletes", type=click.IntRange(min=0), metavar="N", help="Let up to N rows of the tab be deleted."
)
@_CONFIG
@_ENVIRONMENT
@_JSON
def restore(
    source_id: str,
    content_hash: str,
    tab: str,
    dry_run: bool,
    allow_deletes: int | None,
    config: Path | None,
    environment: str,
    as_json: bool,
) -> None:
    """Write the version of the source ID with the hash H, or one that begins so, into a tab of the default spreadsheet."""
    sources = _opened(config, environment)
    report = sources.restore(source_id, content_hash, tab, dry_run=dry_run, allow_deletes=allow_deletes)
    if as_json:
        click.echo(json_safe(json.dumps(report.as_json())))
    elif dry_run:
        from sheets_pipeline.cli.output import print_plans

        print_plans({tab: report})
    else:
        echo(
            f"{tab}: {report.rows:,} rows, {report.inserts:,} inserted, {report.updates:,} updated, {report.deletes:,} deleted"
        )


@source.command()
@click.option(
    "--max-age-hours",
    type=click.FloatRange(min=0),
    default=24,
    show_default=True,
    metavar="N",
    help="Tasks that ended longer ago go, but for the newest of each source.",
)
@_CONFIG
@_ENVIRONMENT
@_JSON
def cleanup(max_age_hours: float, config: Path | None, environment: str, as_json: bool) -> None:
    """Remove old tasks, and versions beyond the keep_versions of their source."""
    removed = _opened(config, environment).cleanup(max_age_hours)
    if as_json:
        _print_json({"tasks": removed.tasks, "versions": removed.versions})
    else:
        click.echo(f"Removed {removed.tasks:,} tasks and {removed.versions:,} versions.")


@source.command()
@click.argument("config", metavar="[CONFIG]", required=False, type=click.Path(exists=True, path_type=Path))
@_JSON
def check(config: Path | None, as_json: bool) -> None:
    """Check declarations of sources, of CONFIG or of the project. Nothing is read. Exit code 1: one cannot be used."""
    from sheets_pipeline.sources.chosen import sources_of

    found = sources_of(config)
    broken = [one for one in found if one.problem is not None]
    if as_json:
        _print_json([{"source": one.id, "file": one.file, "line": one.line, "problem": one.problem} for one in found])
    else:
        for one in broken:
            echo(f"{one.id}: {one.problem}")
        click.echo(f"Sources: {len(found)}, of which {len(broken)} cannot be used.")
    if broken:
        sys.exit(1)
