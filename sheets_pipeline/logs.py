"""Logs: one line per happening, as text or (LOG_FORMAT=json) as one JSON object, with the run's id and the tab on it.

``configure`` says once per process where lines go; ``bound`` puts fields on every line logged within a block. What is
logged are identifiers and counts, never contents of cells and never credentials. Levels: see docs/run/logs.md.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from sheets_pipeline.sync.privacy import without_values
from sheets_pipeline.terminal import json_safe, safe

Form = Literal["text", "json", "plain"]

#: Fields of the block we are in.
_fields: ContextVar[Mapping[str, object]] = ContextVar("sheets_pipeline_log_fields")

#: Attributes that every record has; what is beside them was given as ``extra``.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "dagster_meta", "taskName"}

#: Errors that led to one another, at most.
_LONGEST_CHAIN = 10

#: How long a message or field may be, in characters.
_LONGEST = 8000


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Put these fields on every line logged within the block, by this thread or task."""
    token = _fields.set({**_fields.get({}), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def bind(**fields: object) -> None:
    """Put these fields on every line from here on: for processes that do one thing, such as a run."""
    _fields.set({**_fields.get({}), **fields})


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """What a line carries beside time, level and message: of the block, of Dagster, of ``extra``."""
    fields: dict[str, object] = dict(_fields.get({}))
    meta = getattr(record, "dagster_meta", None)
    if isinstance(meta, Mapping):
        wanted = {"run_id": meta.get("run_id"), "job": meta.get("job_name"), "step": meta.get("step_key")}
        wanted["event"] = _event(record)
        fields |= {name: value for name, value in wanted.items() if value}
    fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD and name[:1] != "_"}
    return fields


class RunsAndLevel(logging.Filter):
    """Lets through what has at least this level, and how runs begin and end, which Dagster calls debugging."""

    def __init__(self, level: str) -> None:
        super().__init__()
        self.level = logging.getLevelName(level)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        return record.levelno >= self.level or (self.level <= logging.INFO and _event(record).startswith("RUN_"))


def _event(record: logging.LogRecord) -> str:
    """The kind of Dagster's event that the record tells of; blank where it tells of none."""
    meta = getattr(record, "dagster_meta", None)
    event = meta.get("dagster_event") if isinstance(meta, Mapping) else None
    return str(getattr(event, "event_type_value", "") or "")


def message_of(record: logging.LogRecord) -> str:
    """The message alone: Dagster puts job, run, process and step in front of it."""
    meta = getattr(record, "dagster_meta", None)
    original = meta.get("orig_message") if isinstance(meta, Mapping) else None
    return str(original or record.getMessage())


class _WithoutValues(logging.Formatter):
    """Tracebacks whose errors quote no values: what a database or a library says may hold what stands in cells."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """All errors that led to this one, the first one first."""
        error: BaseException | None = ei[1]
        parts: list[str] = []
        while error is not None and len(parts) < _LONGEST_CHAIN:
            is_ours = type(error).__module__.startswith("sheets_pipeline.")
            text = f"{type(error).__name__}: {error}" if is_ours else without_values(error)
            parts.append("".join(traceback.format_tb(error.__traceback__)) + text)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n\n".join(f"Traceback (most recent call last):\n{part}" for part in reversed(parts))

    def ending(self, record: logging.LogRecord) -> str:
        """The traceback as lines of text; blank where there is none."""
        if not record.exc_info or record.exc_info[0] is None:
            return ""
        return "\n" + safe(self.formatException(record.exc_info), lines=True)


class JsonFormatter(_WithoutValues):
    """One JSON object per line: time (UTC, ISO 8601), level, logger, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Never raises for what a field holds: what JSON does not know is written as text."""
        import orjson

        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record)[:_LONGEST],
        }
        line |= {name: value for name, value in fields_of(record).items() if name not in line}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["traceback"] = self.formatException(record.exc_info)[-_LONGEST:]
        options = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
        try:
            return json_safe(orjson.dumps(line, default=str, option=options).decode())
        except (TypeError, ValueError):  # a text that is no Unicode, a number beyond 64 bits
            plain = {name: str(value).encode("utf-8", "replace").decode() for name, value in line.items()}
            return json_safe(orjson.dumps(plain).decode())


class TextFormatter(_WithoutValues):
    """Time, level, logger, message, and the fields in brackets."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it where there is one."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
        fields = " ".join(f"{name}={value}" for name, value in fields_of(record).items())
        text = f"{time} {record.levelname:<7} {record.name}: {message_of(record)}" + (f" [{fields}]" if fields else "")
        return safe(text) + self.ending(record)


class PlainFormatter(_WithoutValues):
    """The message alone: what commands tell people."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, and the traceback below it where there is one."""
        return safe(message_of(record)) + self.ending(record)


class _OurHandler(logging.StreamHandler[TextIO]):
    """Our handler, so that it is known again."""


def handler(form: Form, stream: TextIO | None = None) -> logging.Handler:
    """A handler that writes in this form, to stderr where no stream is given."""
    output = _OurHandler(stream or sys.stderr)
    output.setFormatter({"json": JsonFormatter, "text": TextFormatter, "plain": PlainFormatter}[form]())
    return output


def configure(form: Form, level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send this process's logs to stderr: ours from ``level`` on, those of libraries from WARNING on.

    May be called again; the last call counts.
    """
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _OurHandler)]:
        root.removeHandler(old)
    output = handler(form, stream)
    if form == "plain":  # whoever lowers a logger's level to watch it does not want its lines here
        output.setLevel(level)
    root.addHandler(output)
    logging.captureWarnings(form == "json")
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger("sheets_pipeline").setLevel(level)


def writes_json() -> bool:
    """Whether this process's logs are JSON."""
    return any(isinstance(handler.formatter, JsonFormatter) for handler in logging.getLogger().handlers)


def is_configured() -> bool:
    """Whether somebody has said where this process's logs go."""
    return bool(logging.getLogger().handlers)


@contextmanager
def silent_addresses() -> Iterator[None]:
    """Keep libraries that send messages from logging addresses, which hold tokens."""
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3", "requests")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
