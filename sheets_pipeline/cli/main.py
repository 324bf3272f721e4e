"""The command ``sheets-pipeline``. Exit code 0: all is well; 1: the work failed or was refused; 2: called wrongly.

Heavy modules are imported inside the commands, so that ``--help`` answers at once.
"""

import itertools
import json
import logging
import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from sheets_pipeline.cli.completion import Title, completion
from sheets_pipeline.cli.progress import errors_console, progress
from sheets_pipeline.errors import SheetsPipelineError, UnknownSource, UnknownTab
from sheets_pipeline.processes import abandoned_threads
from sheets_pipeline.terminal import escape

if TYPE_CHECKING:
    from sheets_pipeline.embedded.services import Services

#: Commands that may start what is embedded; the others ask, or change what is there.
_STARTS_EMBEDDED = {"dev", "sync", "local"}


class _Group(click.Group):
    """Shows errors raised on purpose as one paragraph, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SheetsPipelineError as error:
            if not _log_as_json(str(error)):
                errors_console.print(f"[bold red]Error:[/] {escape(str(error))}", highlight=False)
            ctx.exit(2 if isinstance(error, UnknownTab | UnknownSource) else 1)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:  # an error of ours: with all that helps to report it, as safe lines
            logging.getLogger(__name__).critical("Unexpected %s", type(error).__name__, exc_info=error)
            ctx.exit(1)


def _log_as_json(message: str) -> bool:
    """Tell an error as one JSON object, where logs are written so; says whether they are."""
    from sheets_pipeline import logs

    if not logs.writes_json():
        return False
    logging.getLogger(__name__).error(message)
    return True


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sheets-pipeline")
@click.option("-v", "--verbose", is_flag=True, help="Show what is done, step by step.")
@click.pass_context
def main(ctx: click.Context, verbose: bool) -> None:
    """Keep Google Sheets tabs in step with a SQL database.

    Settings come from the environment and from .env; with none at all, `dev`, `sync` and `local start` start a demo
    platform and a local stand-in for Google Sheets. All other commands start nothing.
    """
    if not asks_for_help(sys.argv):
        _configure_logs(verbose)
    if ctx.invoked_subcommand in _STARTS_EMBEDDED:
        ctx.call_on_close(partial(os.umask, os.umask(0o077)))  # what they leave in LOCAL_DATA_DIR is for us alone
    else:
        from sheets_pipeline.embedded.services import attach_only

        attach_only()
        ctx.call_on_close(lambda: attach_only(wanted=False))


def asks_for_help(words: list[str]) -> bool:
    """Whether a command line asks for help of ours; what stands behind ``logged`` is another program's."""
    ours = itertools.takewhile(lambda word: word != "logged", words)
    return not {"-h", "--help"}.isdisjoint(ours)


def _configure_logs(verbose: bool) -> None:
    """Text: errors only, or each step for people (-v); JSON: all from LOG_LEVEL on."""
    from sheets_pipeline import logs
    from sheets_pipeline.errors import SettingsError
    from sheets_pipeline.settings import load_settings

    try:
        settings = load_settings()
    except SettingsError:  # told by the command itself, where it needs them
        settings = None
    form = settings.log_format if settings else os.environ.get("LOG_FORMAT", "text")
    if form == "json":
        logs.configure("json", settings.log_level if settings else "INFO")
        return
    level = settings.log_level if settings else "INFO"
    logs.configure("plain", level if verbose else "ERROR")


@main.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Port of the Dagster UI (default 3000, or the next free one).",
)
def dev(port: int | None) -> None:
    """Start everything in this terminal: embedded services, Dagster, control API. Ctrl-C ends all of it."""
    from sheets_pipeline.embedded.dev import run_dev
    from sheets_pipeline.settings import load_settings

    sys.exit(run_dev(load_settings(), port=port, prepare=_record_events))


def _record_events(services: "Services") -> None:
    """Have the triggers of a project's own watches in the demo platform, which is made with those of the demo's tabs.

    A database that a setting names is somebody's: `db install` changes it.
    """
    from sheets_pipeline.components.tab_asset import watched
    from sheets_pipeline.database.engine import connect
    from sheets_pipeline.database.triggers import install
    from sheets_pipeline.home import project_folder
    from sheets_pipeline.settings import load_settings

    if load_settings().database_url is None and project_folder() is not None:
        install(connect(services.database_url), watched())


@main.command()
@click.option("--tab", "tabs", multiple=True, type=Title(), metavar="TITLE", help="Only this tab; may be repeated.")
@click.option(
    "--spreadsheet",
    metavar="NAME",
    help="Only tabs in this spreadsheet: a name, a list's name, or LIST/ID for one of a list.",
)
@click.option("--failed", is_flag=True, help="Only the tabs whose last sync failed.")
@click.option("--dry-run", is_flag=True, help="Show the plan and send nothing.")
@click.option(
    "--allow-deletes", type=click.IntRange(min=0), metavar="N", help="Let this sync delete up to N rows per tab."
)
@click.option(
    "--take-over", is_flag=True, help="Keep the spreadsheet from now on, where another installation kept it so far."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def sync(
    tabs: tuple[str, ...],
    spreadsheet: str | None,
    failed: bool,
    dry_run: bool,
    allow_deletes: int | None,
    take_over: bool,
    as_json: bool,
) -> None:
    """Make the tabs as the database says: one Dagster run, and one for each list of spreadsheets."""
    if failed and tabs:
        raise click.UsageError("--failed and --tab both say which tabs. Give one of them.")
    from sheets_pipeline.cli import output

    with progress("Loading"):
        from sheets_pipeline.cli import run_sync

    started = time.monotonic()
    if failed and not (tabs := tuple(run_sync.failed_titles())):
        none = run_sync.NOTHING_FAILED | {"seconds": round(time.monotonic() - started, 3)}
        click.echo(json.dumps(none) if as_json else "There is nothing to do: no tab's last sync failed.")
        return
    if dry_run:
        with progress("Planning"):
            plans = run_sync.plan_sync(tabs, allow_deletes, take_over=take_over, spreadsheet=spreadsheet)
        result = output.plans_as_json(plans, time.monotonic() - started)
        click.echo(json.dumps(result)) if as_json else output.print_plans(plans)
    else:
        with progress("Syncing"):
            result = run_sync.run_sync(tabs, allow_deletes, take_over=take_over, spreadsheet=spreadsheet)
        result["seconds"] = round(time.monotonic() - started, 3)
        click.echo(json.dumps(result)) if as_json else output.print_sync(result)
    code = 1 if result["status"] in ("failed", "refused") or result["errors"] else 0
    abandoned_threads.end_process(code)
    if code:
        sys.exit(code)


@main.command()
@click.option(
    "--submissions", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="Quizzes in all."
)
@click.option(
    "--per-second",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="Quizzes a second.",
)
def simulate(submissions: int, per_second: float) -> None:
    """Let demo learners submit quizzes into the database."""
    from rich.progress import Progress

    from sheets_pipeline.database.engine import connect
    from sheets_pipeline.embedded.services import ensure_services
    from sheets_pipeline.platform.simulate import submit_quizzes
    from sheets_pipeline.settings import load_settings

    engine = connect(ensure_services(load_settings()).database_url)
    done = 0
    with Progress(console=errors_console, transient=True) as progress:
        task = progress.add_task("Quizzes submitted", total=submissions)
        for _ in submit_quizzes(engine, submissions, per_second):
            done += 1
            progress.advance(task)
    click.echo(f"{done} quizzes submitted; the tabs follow.")


def _mount() -> None:
    """Commands that live in their own room."""
    from sheets_pipeline.cli.clean_up import clean_up
    from sheets_pipeline.cli.daemon import daemon
    from sheets_pipeline.cli.db import db
    from sheets_pipeline.cli.doctor import doctor
    from sheets_pipeline.cli.edits import edits
    from sheets_pipeline.cli.init import init
    from sheets_pipeline.cli.local import local
    from sheets_pipeline.cli.logged import logged
    from sheets_pipeline.cli.queue import queue
    from sheets_pipeline.cli.serve import serve
    from sheets_pipeline.cli.source import source
    from sheets_pipeline.cli.status import status
    from sheets_pipeline.cli.tab_why import why
    from sheets_pipeline.cli.tabs import tabs
    from sheets_pipeline.cli.worker import worker

    tabs.add_command(why)
    main.add_command(init)
    main.add_command(local)
    main.add_command(db)
    main.add_command(status)
    main.add_command(tabs)
    main.add_command(queue)
    main.add_command(edits)
    main.add_command(clean_up)
    main.add_command(source)
    main.add_command(serve)
    main.add_command(worker)
    main.add_command(daemon)
    main.add_command(logged)
    main.add_command(doctor)
    main.add_command(completion)


_mount()
