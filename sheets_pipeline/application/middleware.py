"""The application's requests come first: middleware that pauses syncing while its traffic is high.

``PauseSyncs`` wraps an ASGI application, ``PauseSyncsWsgi`` a WSGI one. A request adds to two counters and goes on; a
background thread looks at them once a second and takes, renews and gives back a lease in the pipeline's database (or
through the control API). Nothing that goes wrong there reaches the application: it is logged once, and syncing goes on.

    app = PauseSyncs(app, in_flight=20, per_second=200)
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

from sheets_pipeline.application.traffic import TrafficGuard

Scope = MutableMapping[str, Any]
AsgiApp = Callable[[Scope, Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class PauseSyncs:
    """ASGI middleware (Starlette, FastAPI, Django, Litestar, ...): syncs wait while this application has much to do.

    Args:
        app: The application.
        in_flight: Requests under way at once, in this process, from which on traffic is high; None for not counted.
        per_second: Requests per second, in this process, from which on traffic is high; None for not counted.
        url: The pipeline's database, or the control API's address (http://...); else ``PIPELINE_DATABASE_URL``, else
            ``DATABASE_URL`` of the environment.
        token: Of the control API; else ``CONTROL_API_TOKEN``.
        name: How the pause is called in the status.
        ignore: Paths that begin so are not counted: health checks, long-lived streams.
    """

    def __init__(self, app: AsgiApp, *, ignore: tuple[str, ...] = (), **options: Any) -> None:
        self.app, self.ignore = app, ignore
        self.guard = TrafficGuard(**options)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Count HTTP requests; WebSockets stay open for hours and say nothing about load."""
        if scope["type"] != "http" or scope["path"].startswith(self.ignore or "\0"):
            await self.app(scope, receive, send)
            if scope["type"] == "lifespan":
                self.guard.close()
            return
        self.guard.enter()
        try:
            await self.app(scope, receive, send)
        finally:
            self.guard.leave()


class PauseSyncsWsgi:
    """WSGI middleware (Django, Flask, ...); arguments as of ``PauseSyncs``."""

    def __init__(self, app: WsgiApp, *, ignore: tuple[str, ...] = (), **options: Any) -> None:
        self.app, self.ignore = app, ignore
        self.guard = TrafficGuard(**options)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """A request is under way until its answer has been sent."""
        if environ.get("PATH_INFO", "").startswith(self.ignore or "\0"):
            return self.app(environ, start_response)
        self.guard.enter()
        try:
            answer = self.app(environ, start_response)
        except BaseException:
            self.guard.leave()
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        is_file = isinstance(wrapper, type) and isinstance(answer, wrapper)
        if isinstance(answer, (list, tuple)) or is_file:  # no more work in it; servers send files as they are
            self.guard.leave()
            return answer
        return _Answer(answer, self.guard)


class _Answer:
    """An answer that tells the guard when it is closed."""

    def __init__(self, answer: Iterable[bytes], guard: TrafficGuard) -> None:
        self._answer, self._guard, self._is_open = answer, guard, True

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        """Called by the server in any case (PEP 3333)."""
        try:
            if hasattr(self._answer, "close"):
                self._answer.close()
        finally:
            if self._is_open:
                self._is_open = False
                self._guard.leave()
