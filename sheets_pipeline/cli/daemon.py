"""``sheets-pipeline daemon``: Dagster's daemon on one of several hosts; the others stand by."""

import sys
from pathlib import Path

import click

from sheets_pipeline.cli.logged import take_output


@click.command()
@click.option(
    "-w",
    "--workspace",
    type=click.Path(exists=True, dir_okay=False),
    default="workspace.yaml",
    show_default=True,
    help="The file that says where the code is.",
)
def daemon(workspace: str) -> None:
    """Run Dagster's daemon here once no other host runs it; ends on SIGTERM, and waits a while for the runs that it
    has started here.

    Started on two hosts or more, one runs the daemon and the others stand by: they take over at once when it ends, and within
    30 seconds when its host dies, is cut off or stands still.
    """
    from sheets_pipeline.logs import writes_json

    take_output("daemon")
    from sheets_pipeline.dagster_runtime.runs_here import wait_for_runs
    from sheets_pipeline.dagster_runtime.standby import run_daemon

    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-w", workspace]
    if writes_json():
        command.append("--log-format=json")
    code = run_daemon(command, say=click.echo)
    if not code:
        try:
            wait_for_runs(say=click.echo)
        except Exception as error:  # the storage may have been stopped before, as when a machine is shut down
            click.echo(f"Runs that are under way are left alone: Dagster's storage is away ({type(error).__name__}).")
    sys.exit(code)
