"""What ``sheets-pipeline dev`` prints: its own messages, and the lines of its children, each with the child's name."""

import logging
import os
import re
import sys
from typing import IO

from sheets_pipeline.logs import JsonFormatter

#: Lines of Dagster that come every few seconds or for every step, or that are about the folder which we chose for it.
_ROUTINE = re.compile(
    r"Checking for new runs for sensor|SensorDaemon.*skipped: |MonitoringDaemon.*Checking run|No cursor for event type"
    r"|Found a dagster instance configuration value|- DEBUG - (?!.*(RUN_(START|SUCCESS|FAILURE|CANCELED)|STEP_FAILURE))"
)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

#: Whether each line is to be a JSON object (LOG_FORMAT=json).
_writes_json = False


def write_json(wanted: bool) -> None:
    """Say in which form lines are printed from now on."""
    global _writes_json
    _writes_json = wanted


def forward(name: str, output: IO[str]) -> None:
    """Print a child's lines until it ends."""
    with output:
        for line in output:
            if not _ROUTINE.search(_ANSI.sub("", line)):
                say(line.rstrip("\n"), name=name)


def say(text: str, *, name: str = "sheets-pipeline") -> None:
    """Print one message; a terminal that is gone is no reason to stop ending things in order."""
    if not sys.stdout.isatty():
        text = _ANSI.sub("", text)
    try:
        sys.stdout.write(_as_json(name, text) if _writes_json else f"{name:>15} | {text}\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - stands in for the terminal until we end


def _as_json(name: str, text: str) -> str:
    """What is a JSON object already stays as it is, all else becomes the message of one."""
    if text.startswith("{") and text.endswith("}"):
        return f"{text}\n"
    return JsonFormatter().format(logging.makeLogRecord({"name": name, "levelname": "INFO", "msg": text})) + "\n"
