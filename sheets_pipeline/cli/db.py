"""``sheets-pipeline db``: the event queue in the platform's database, and the pipeline's own tables.

Heavy modules are imported inside the commands, so that ``--help`` and the shell's completion answer at once.
"""

import json
import sys
from typing import TYPE_CHECKING

import click

from sheets_pipeline.terminal import echo, safe

if TYPE_CHECKING:
    import sqlalchemy as sa


@click.group()
def db() -> None:
    """Install, check or remove the event queue in the platform's database; upgrade the pipeline's own tables."""


@db.command()
def install() -> None:
    """Create, upgrade or mend the table pending_event and its triggers; one table at a time, none locked for long."""
    from sheets_pipeline.components.tab_asset import tab_assets, watched
    from sheets_pipeline.database import triggers
    from sheets_pipeline.database.engine import described

    engine = _platform()
    if broken := sorted(known.tab.name for known in tab_assets().values() if known.problem):
        echo(
            f"Cannot be used, so what they watch is not known: {', '.join(broken)}. Run this again once they are mended."
        )
    before = triggers.install(engine, watched(), say=_progress).problems
    left = triggers.check(engine, watched()).problems
    for problem in before:
        if problem not in left:
            echo(f"Mended: {problem}.")
    for problem in left:
        echo(f"{problem[0].upper()}{problem[1:]}.")
    if left:
        click.echo(
            "The rest of the event queue is installed; until this is mended, full syncs show what it does not record."
        )
        sys.exit(1)
    echo(f"The event queue in {described(engine.url)} is complete.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def check(as_json: bool) -> None:
    """Say what is missing, changed, open to misuse or keeps changes from being recorded; exit code 1 if anything is."""
    from sheets_pipeline.components.tab_asset import watched
    from sheets_pipeline.database import triggers
    from sheets_pipeline.database.engine import described

    engine = _platform()
    report = triggers.check(engine, watched())
    if as_json:
        answer = {
            "is_complete": report.is_complete,
            "problems": report.problems,
            "warnings": report.warnings + report.notes,
        }
        click.echo(json.dumps(answer))
    else:
        for problem in report.problems + report.warnings + report.notes:
            echo(f"{problem[0].upper()}{problem[1:]}.")
        if report.is_complete:
            echo(f"The event queue in {described(engine.url)} is complete.")
        elif report.can_be_mended:
            click.echo("Run `sheets-pipeline db install`.")
    sys.exit(0 if report.is_complete else 1)


@db.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(yes: bool) -> None:
    """Drop the triggers and the table with all pending events."""
    from sheets_pipeline.database import triggers
    from sheets_pipeline.database.engine import described

    engine = _platform()
    if not yes:
        click.confirm(
            f"Drop the triggers and all pending events in {described(engine.url)}? "
            "Tabs are then refreshed by full syncs only.",
            abort=True,
        )
    dropped = triggers.remove(engine, say=_progress)
    echo(f"Dropped: {', '.join(dropped)}." if dropped else "There was nothing to drop.")


@db.command()
def upgrade() -> None:
    """Make the pipeline's own tables, or mend those of an earlier version; every start of the pipeline does it, too."""
    from sheets_pipeline.database import upgrade
    from sheets_pipeline.database.engine import described

    engine = _store()
    for problem in upgrade.bring_up_to_date(engine).problems:
        echo(f"Mended: {problem}.")
    echo(f"The pipeline's tables in {described(engine.url)} are up to date.")


def _progress(text: str) -> None:
    click.echo(safe(text), err=True)


def _store() -> "sa.Engine":
    from sheets_pipeline.database.engine import connect
    from sheets_pipeline.settings import load_settings

    chosen = load_settings().pipeline_database_url
    return _platform() if chosen is None else connect(chosen.get_secret_value())


def _platform() -> "sa.Engine":
    from sheets_pipeline.database.engine import connect
    from sheets_pipeline.embedded.services import ensure_services
    from sheets_pipeline.settings import load_settings

    settings = load_settings()
    if settings.database_url is not None:
        return connect(settings.database_url.get_secret_value())
    return connect(ensure_services(settings).database_url)
