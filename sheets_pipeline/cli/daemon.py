"""``sheets-pipeline daemon``: Dagster's daemon on one of several hosts; the others stand by."""

import sys
from pathlib import Path

import click


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENTS OF dagster-daemon run]")
def daemon(arguments: tuple[str, ...]) -> None:
    """Run Dagster's daemon here once no other host runs it; ends on SIGTERM.

    Started on two hosts or more, one runs the daemon and the others stand by: they take over at once when it ends, and within
    30 seconds when its host dies, is cut off or stands still. ARGUMENTS such as -w workspace.yaml go to Dagster.
    """
    from sheets_pipeline.dagster_runtime.standby import run_daemon
    from sheets_pipeline.settings import load_settings

    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", *arguments]
    if load_settings().log_format == "json" and not any(word.startswith("--log-format") for word in arguments):
        command.append("--log-format=json")
    sys.exit(run_daemon(command, say=click.echo))
