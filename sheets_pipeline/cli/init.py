"""``sheets-pipeline init``: a project's folder, with a first tab from a table of the database where one is named."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sheets_pipeline.terminal import echo

if TYPE_CHECKING:
    from sheets_pipeline.database.table_facts import TableFacts


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--database-url",
    metavar="URL",
    help="The database whose tables the tabs show; it goes into .env. Left out: DATABASE_URL, else the demo platform.",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="TABLE",
    help="Make a tab of this table (or SCHEMA.TABLE); may be repeated.",
)
def init(folder: Path, database_url: str | None, tables: tuple[str, ...]) -> None:
    """Make the folder DIR for a project of your own: a first tab, settings, a test. Nothing is written over."""
    from sheets_pipeline.components import new_project
    from sheets_pipeline.settings import load_settings

    known = load_settings().database_url
    chosen = database_url or (known.get_secret_value() if known else None)
    url = None if chosen is None else new_project.absolute_url(chosen, Path.cwd())
    in_file = url if database_url or "DATABASE_URL" not in os.environ else None
    name = folder.resolve().name
    new_project.check_folder(folder, new_project.project_files(name, (), in_file, is_demo=url is None))
    facts, others = _looked_up(url, tables)
    files = new_project.project_files(name, facts, in_file, is_demo=url is None)
    kept = new_project.kept_files(folder, files)
    echo(f"Made {folder}: {', '.join(new_project.write_project(folder, files))}.")
    if kept:
        echo(f"Kept as they were: {', '.join(kept)}.")
    for table in facts:
        if table.why_no_watch:
            echo(f"The tab of {table.name} does not watch its table: {table.why_no_watch}.")
    if others:
        echo(f"No tab yet. Tables: {', '.join(others)}. Write one after the pattern of tabs/example.yaml.txt.")
    steps = [
        *([f"cd {shlex.quote(str(folder))}"] if folder.resolve() != Path.cwd() else []),
        *(["sheets-pipeline db install"] if facts else []),
        "sheets-pipeline dev",
    ]
    echo("Next:\n" + "\n".join(f"    {step}" for step in steps))


def _looked_up(url: str | None, tables: tuple[str, ...]) -> tuple[list["TableFacts"], list[str]]:
    """What is known of the named tables; where none is named, what tables there are."""
    from sheets_pipeline.database.engine import connect, read_only
    from sheets_pipeline.database.table_facts import table_facts, table_names
    from sheets_pipeline.errors import SettingsError

    if url is None:
        if tables:
            raise SettingsError("--table is of a database, and none is named. Add --database-url, or set DATABASE_URL.")
        return [], []
    engine = connect(url)
    try:
        reading = read_only(engine)
        named = [table_facts(reading, table) for table in dict.fromkeys(tables)]
        return named, [] if tables else table_names(reading)
    finally:
        engine.dispose()
