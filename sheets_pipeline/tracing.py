"""Traces of runs for OpenTelemetry, where ``OTEL_EXPORTER_OTLP_ENDPOINT`` names who takes them (docs/run/traces.md).

    run ─┬─ compute            rows of a tab, from the database
         └─ sync of a tab ─┬─ read, plan
                           └─ write, note      of each request

Spans carry names and numbers, never contents, nor the words of an error. Without that setting nothing of OpenTelemetry's is
imported and ``span`` does nothing.
"""

import atexit
import functools
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

from sheets_pipeline.processes import abandoned_threads

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

#: What the spans below one have in common with it.
_INHERITED = ("tab", "spreadsheet", "sync")

#: A process that ends waits so long for what it has not sent yet; then that is lost.
_LAST_WORDS_SECONDS = 1.0

#: One attempt to send, in which a run goes on.
_SEND_SECONDS = 5.0

#: The last part of the address to which OTLP over HTTP sends traces.
_TRACES = "/v1/traces"


class Span:
    """A step of a run, to note more of it once that is known."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def note(self, **attributes: str | int | float) -> None:
        """Add attributes."""
        if self._span is not None:
            self._span.set_attributes(attributes)


_NO_SPAN = Span()


class Trace:
    """The trace of one run, until ``end``."""

    def __init__(self, name: str, endpoint: str, headers: dict[str, str] | None, attributes: dict[str, Any]) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        # Only what is lost in the end is worth a line, not each attempt.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
        about = {
            "service.name": os.environ.get("OTEL_SERVICE_NAME", "sheets-pipeline"),
            "host.name": socket.gethostname(),
        }
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + _TRACES, headers=headers, timeout=_SEND_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(__name__)
        self._root = self._tracer.start_span(name, attributes=attributes)

    @property
    def id(self) -> str | None:
        """In hexadecimal digits; None where this run is not among those that are sampled."""
        return f"{self._root.get_span_context().trace_id:032x}" if self._root.is_recording() else None

    @contextmanager
    def span(self, name: str, attributes: dict[str, Any]) -> Iterator[Span]:
        """A span below the one that this thread or task is in, else below the run's."""
        from opentelemetry import trace as api

        parent = api.get_current_span()
        parent = parent if parent.get_span_context().is_valid else self._root
        above = getattr(parent, "attributes", None) or {}
        attributes = {key: above[key] for key in _INHERITED if key in above} | attributes
        context = api.set_span_in_context(parent)
        with self._tracer.start_as_current_span(
            name, context, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield Span(span)
            except BaseException as error:
                _failed(span, error)
                raise

    def end(self) -> None:
        """The run has ended. What is left is sent, and waited for a moment."""
        self._root.end()
        sending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        try:
            sending.start()
        except RuntimeError:  # Python 3.12 and later start no thread once the interpreter ends
            self._provider.shutdown()
            return
        sending.join(_LAST_WORDS_SECONDS)
        if sending.is_alive():
            logger.warning("Traces were not sent within %g s; what is left of them is lost.", _LAST_WORDS_SECONDS)
            abandoned_threads.note(sending)


def _failed(span: Any, error: BaseException) -> None:
    """Its kind alone: what an error says may quote a cell."""
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", type(error).__name__)
    span.set_status(StatusCode.ERROR, type(error).__name__)


#: That of the run which this process executes.
_trace: Trace | None = None


def begin(name: str, endpoint: str, headers: dict[str, str] | None = None, **attributes: str) -> Trace | None:
    """Trace the run that this process executes from now on; None where what that needs is not installed."""
    global _trace
    end()
    try:
        _trace = Trace(name, endpoint, headers, attributes)
    except ImportError as error:
        logger.warning(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but %s is not installed: pip install 'sheets-pipeline[otel]'. "
            "This run is not traced.",
            error.name,
        )
        return None
    atexit.register(end)
    return _trace


def end() -> None:
    """The run has ended, where one is traced: what of its trace is still on its way is waited for a moment."""
    global _trace
    if _trace is not None:
        trace, _trace = _trace, None
        atexit.unregister(end)
        trace.end()


def span(name: str, **attributes: str | int | float) -> AbstractContextManager[Span]:
    """A step of the run, for the length of a block."""
    return nullcontext(_NO_SPAN) if _trace is None else _trace.span(name, attributes)


def step(name: str, **attributes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """``span`` for the length of each call of a function."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def traced(*args: P.args, **kwargs: P.kwargs) -> T:
            with span(name, **attributes):
                return function(*args, **kwargs)

        return traced

    return decorate


def import_ahead() -> None:
    """In a process that forks those of runs: import what they will need, where traces are wanted."""
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip():
        try:
            import opentelemetry.exporter.otlp.proto.http.trace_exporter
            import opentelemetry.sdk.trace.export  # noqa: F401 -- only so that forks have it
        except ImportError:
            logger.info("OpenTelemetry is not installed; each run says so.")
