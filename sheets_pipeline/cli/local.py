"""Commands ``sheets-pipeline local start | stop | reset | urls``: the embedded default by hand."""

import json
import sys
from typing import Any

import click


@click.group()
def local() -> None:
    """The embedded PostgreSQL and Local Sheets: what runs where no setting names a service of yours."""


@local.command()
def start() -> None:
    """Start what is embedded, or find it running. It stays up until `local stop`."""
    from sheets_pipeline.embedded.dev_state import local_urls
    from sheets_pipeline.embedded.files import make_private
    from sheets_pipeline.embedded.services import ensure_services

    settings = _settings()
    make_private(settings.local_data_dir.absolute())
    ensure_services(settings)
    _print(local_urls(settings))


@local.command()
def stop() -> None:
    """Stop what is embedded, after ending `sheets-pipeline dev` where it runs. Data stays."""
    from sheets_pipeline.embedded.dev import stop_dev
    from sheets_pipeline.embedded.services import stop_services

    settings = _settings()
    ended = ["sheets-pipeline dev"] if stop_dev(settings) else []
    stopped = [*ended, *stop_services(settings)]
    click.echo(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing embedded was running.")


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Stop what is embedded and delete its data. A database or spreadsheet named in a setting is not touched."""
    from sheets_pipeline.embedded.dev import stop_dev
    from sheets_pipeline.embedded.services import reset_services

    settings = _settings()
    if not yes:
        click.confirm(
            f"Delete the demo platform, the spreadsheets of Local Sheets and Dagster's history in "
            f"{settings.local_data_dir.absolute()}?",
            abort=True,
        )
    stop_dev(settings)
    reset_services(settings)
    click.echo("Deleted. The next start begins with fresh demo data.")


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON; null where something is not running.")
def urls(as_json: bool) -> None:
    """Show where everything is, passwords included."""
    from sheets_pipeline.embedded.dev_state import local_urls

    addresses = local_urls(_settings())
    if as_json:
        click.echo(json.dumps(addresses))
    else:
        _print(addresses)


def _settings() -> Any:
    from sheets_pipeline.settings import load_settings

    return load_settings()


def _print(addresses: dict[str, str | None]) -> None:
    width = max(len(name) for name in addresses)
    for name, value in addresses.items():
        sys.stdout.write(f"{name:<{width}}  {value if value is not None else '-'}\n")
