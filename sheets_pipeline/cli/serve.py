"""``sheets-pipeline serve``: the control API and dashboard in a process of their own."""

import sys

import click

from sheets_pipeline.cli.logged import take_output


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on. Without it, CONTROL_API_HOST.")
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="PORT", help="Port to listen on. Without it, CONTROL_API_PORT."
)
def serve(host: str | None, port: int | None) -> None:
    """Serve the control API, metrics and dashboard beside a Dagster that runs elsewhere."""
    take_output("serve")
    from sheets_pipeline.control.server import run_server
    from sheets_pipeline.embedded.services import check_running
    from sheets_pipeline.settings import load_settings

    settings = load_settings()
    check_running(settings)
    run_server(settings, host or settings.control_api_host, port or settings.control_api_port)
    sys.exit(0)
