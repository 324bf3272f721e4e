"""What ``sheets-pipeline dev`` prints: its own messages, and the lines of its children, each with the child's name."""

import os
import re
import sys
from typing import IO

from sheets_pipeline.log_lines import as_json, level_of, say_taken, without_colours
from sheets_pipeline.terminal import safe

#: Lines of Dagster that come every few seconds or for every step, or that are about the folder which we chose for it.
_ROUTINE = re.compile(
    r"Checking for new runs for sensor|SensorDaemon.*skipped: |MonitoringDaemon.*Checking run|No cursor for event type"
    r"|Found a dagster instance configuration value|- DEBUG - (?!.*(RUN_(START|SUCCESS|FAILURE|CANCELED)|STEP_FAILURE))"
)
_COLOURS = {"WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}

#: Whether each line is to be a JSON object (LOG_FORMAT=json).
_writes_json = False


def write_json(wanted: bool) -> None:
    """Say in which form lines are printed from now on."""
    global _writes_json
    _writes_json = wanted
    say_taken(wanted)


def forward(name: str, output: IO[str]) -> None:
    """Print a child's lines until it ends."""
    with output:
        for line in output:
            if not _ROUTINE.search(without_colours(line)):
                say(line.rstrip("\n"), name=name)


def say(text: str, *, name: str = "sheets-pipeline") -> None:
    """Print one message; a terminal that is gone is no reason to stop ending things in order."""
    text = without_colours(text)
    try:
        shown = as_json(name, text) if _writes_json else f"{name:>15} | {_in_colour(safe(text, lines=True))}"
        sys.stdout.write(f"{shown}\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - stands in for the terminal until we end


def _in_colour(text: str) -> str:
    """Children write without colours, so that no line brings control characters of its own."""
    level = level_of(text)
    if level is None or level[1] not in _COLOURS or not sys.stdout.isatty():
        return text
    return f"{text[: level.start(1)]}\x1b[{_COLOURS[level[1]]}m{level[1]}\x1b[0m{text[level.end(1) :]}"
