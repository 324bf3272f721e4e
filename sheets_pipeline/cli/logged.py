"""``sheets-pipeline logged``: runs a command of Dagster's so that all it writes has the form that LOG_FORMAT says."""

import os
import shutil
import sys
from pathlib import Path

import click


def take_output(name: str) -> None:
    """With LOG_FORMAT=json, make all that this process and its children write JSON; called before anything is begun."""
    from sheets_pipeline import log_lines, logs

    if logs.writes_json():
        log_lines.take_output(name)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def logged(command: tuple[str, ...]) -> None:
    """Become COMMAND, such as dagster-webserver with its options.

    With LOG_FORMAT=json all that it writes is JSON, one object a line: warnings, tracebacks and what libraries print, too.
    """
    program = shutil.which(str(Path(sys.executable).with_name(command[0]))) or shutil.which(command[0])
    if program is None:
        raise click.UsageError(f"There is no command {command[0]!r}.")
    take_output(Path(program).name)
    os.execv(program, [program, *command[1:]])  # noqa: S606 - what was asked for
