"""HTTP connections that can be kept from everybody else by nobody: each has limits of time, all have one of number.

uvicorn waits without end for the head of a request and for a client that does not read its answer, and takes as many
connections as come; when the process may open no more files, nobody is served. Here such connections are closed, and
where there are too many, the one that has been idle longest makes room for the next.
"""

import asyncio
import resource
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Longest time from a connection, or the end of an answer, to the whole head of the next request.
HEAD_SECONDS = 15.0
#: Longest time that a client may read nothing of an answer that waits for it.
STALLED_SECONDS = 30.0
#: A kept connection is closed after this long without a request.
_KEEP_ALIVE_SECONDS = 10
#: Requests under way have this long to end once we are asked to.
_GRACE_SECONDS = 3
#: Largest message over a WebSocket.
_WS_BYTES = 1_048_576
#: At most this many connections, and no more than this share of the files that the process may open.
_MOST, _SHARE_OF_FILES = 500, 4


def most_connections() -> int:
    """How many connections are kept at the same time, so that databases and files always have their share."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else max(8, min(_MOST, soft // _SHARE_OF_FILES))


class LimitedConnection(H11Protocol):
    """One connection of uvicorn's, closed when it keeps us waiting."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._stalled_timer: asyncio.TimerHandle | None = None
        self._idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Called by asyncio for each new connection."""
        super().connection_made(transport)
        self._await_head()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the client sends."""
        super().data_received(data)
        if not self.is_idle() and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_response_complete(self) -> None:
        """Called by uvicorn after each answer."""
        super().on_response_complete()
        if self.is_idle():
            self._await_head()

    def pause_writing(self) -> None:
        """Called by asyncio when the client does not read as fast as we answer."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """Called by asyncio when the client has read on."""
        super().resume_writing()
        if self._stalled_timer is not None:
            self._stalled_timer.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio at the end."""
        for timer in (self._head_timer, self._stalled_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def keeps_us_waiting(self) -> bool:
        """Whether it is the client's turn: to send a request or the rest of one, or to read the answer."""
        return self.is_idle() or bool(self.cycle.more_body) or bool(self.flow.write_paused)

    def close(self) -> None:
        """Close, unless the connection has become a WebSocket."""
        if self.transport.get_protocol() is self:
            self.transport.close()

    def _await_head(self) -> None:
        self._idle_since = self.loop.time()
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.close)

    def _await_reading(self) -> None:
        """Look again later: an answer of which nothing was read meanwhile is given up."""
        left = self.transport.get_write_buffer_size()
        self._stalled_timer = self.loop.call_later(STALLED_SECONDS, self._check_reading, left)

    def _check_reading(self, left: int) -> None:
        if self.transport.get_write_buffer_size() < left:
            self._await_reading()
        else:
            self.transport.abort()

    def _make_room(self) -> None:
        """Close the connection that has kept us waiting longest; where we are at work for each of them, this one."""
        if len(self.connections) <= most_connections():
            return
        others = [other for other in self.connections if isinstance(other, LimitedConnection) and other is not self]
        waiting = [other for other in others if other.keeps_us_waiting()]
        leaving = min(waiting, key=lambda other: other._idle_since, default=self)
        self.connections.discard(leaving)
        leaving.transport.abort()


def serve_http(app: Any, host: str, port: int, **options: Any) -> None:
    """Serve an ASGI application in uvicorn, with these limits, until a signal ends it."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=LimitedConnection,
        loop="asyncio",  # accepts as many at once as `backlog` says; so we can make room before files run out
        backlog=most_connections(),
        ws_max_size=_WS_BYTES,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        proxy_headers=False,  # the peer's address decides; a header could name any
        server_header=False,
        **options,
    )
