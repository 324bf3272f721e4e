"""Lines that any program writes, each as one JSON object: for LOG_FORMAT=json, where what writes them is not ours.

``python -m sheets_pipeline.log_lines NAME`` reads lines and writes them so. ``take_output`` puts such a process behind this one:
what libraries print, warnings, tracebacks and an interpreter's last words are then JSON, too. Nothing heavy is imported here.
"""

import atexit
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime

from sheets_pipeline.terminal import json_safe

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
#: The level of a line of Python's logging, of uvicorn or of Local Sheets; of a warning or a traceback that nothing has logged.
_LEVEL = re.compile(r"(?:^| )(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b(?= |:)")
_UNLOGGED = (
    (re.compile(r"^Traceback \(most recent call last\):"), "ERROR"),
    (re.compile(r": \w*Warning: "), "WARNING"),
)

#: How long a message may be, in characters.
_LONGEST = 8000

#: Set where lines are made JSON already: by this process's parent, say.
_TAKEN = "SHEETS_PIPELINE_OUTPUT_IS_JSON"

#: So long does a process that ends wait for its last lines to be written, in seconds.
_LAST_LINES_SECONDS = 2.0

#: Of each program's newest line that is no JSON: those of a traceback below it are as grave.
_last_level: dict[str, str] = {}


def without_colours(text: str) -> str:
    """The text without what colours a terminal."""
    return _ANSI.sub("", text)


def level_of(text: str) -> re.Match[str] | None:
    """Where a line names its level; None where it does not."""
    return _LEVEL.search(text)


def as_json(name: str, text: str) -> str:
    """One line of a program: what is a JSON object already stays one, all else becomes the message of one."""
    text = without_colours(text)
    try:
        is_object = isinstance(json.loads(text), dict)
    except ValueError:
        is_object = False
    if is_object:
        _last_level.pop(name, None)
        return json_safe(text)
    _last_level[name] = level = _level(text, _last_level.get(name, "INFO"))
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"time": time, "level": level, "logger": name, "message": text[:_LONGEST]}
    return json_safe(json.dumps(line, ensure_ascii=False))


def _level(text: str, before: str) -> str:
    if named := level_of(text):
        return named[1]
    if before in ("ERROR", "CRITICAL"):
        return before
    return next((level for pattern, level in _UNLOGGED if pattern.search(text)), before)


def say_taken(is_taken: bool) -> None:
    """Say whether this process makes its children's lines JSON, so that they need not."""
    if is_taken:
        os.environ[_TAKEN] = "true"
    else:
        os.environ.pop(_TAKEN, None)


def take_output(name: str) -> None:
    """From now on, what this process and those that it starts write comes out on stderr, each line as one JSON object.

    A process of its own writes it, which ends after the last of those that it listens to: what ends all of them must not end it first.
    """
    if _TAKEN in os.environ:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, "-m", "sheets_pipeline.log_lines", name]
    read, write = os.pipe()
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    try:
        writer = subprocess.Popen(command, stdin=read, stdout=sys.stderr.fileno())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(write, descriptor)
    os.close(read)
    os.close(write)
    say_taken(True)
    atexit.register(_let_end, writer)


def _let_end(writer: subprocess.Popen[bytes]) -> None:
    """Wait until the last lines are written: where we are the first process of a container, it dies with us."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(os.devnull, "w") as nothing:  # noqa: PTH123 - no path of ours
        for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(nothing.fileno(), descriptor)
    with contextlib.suppress(subprocess.TimeoutExpired):  # processes of ours go on, and are listened to
        writer.wait(_LAST_LINES_SECONDS)


def main(name: str) -> None:
    """Write each line of standard input as JSON, to its end."""
    with (
        os.fdopen(0, encoding="utf-8", errors="backslashreplace") as lines,
        os.fdopen(1, "w", encoding="utf-8") as out,
    ):
        for line in lines:
            out.write(as_json(name, line.rstrip("\r\n")) + "\n")
            out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
