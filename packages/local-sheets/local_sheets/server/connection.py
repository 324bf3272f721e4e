"""Connections: how long each may keep the server waiting, and which one goes when there are too many.

Whoever opens connections and sends nothing, or byte by byte, or reads no answer, shuts nobody else out.
"""

import asyncio
import resource
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Where a request finds the function that cuts its connection.
CUT = "local_sheets.cut_connection"
#: For the first line and the headers of a request to arrive, and for a client to go on reading its answer.
HEAD_SECONDS, READING_SECONDS = 15.0, 60.0
#: First line and headers together; Google refuses long before that.
_MOST_HEAD_BYTES = 131_072
#: Files that are neither connections nor spreadsheets: libraries, fonts, logs, Python itself.
_OTHER_FILES = 56
_MOST_FILES = 4_096


@dataclass(frozen=True, slots=True)
class Shares:
    """How many spreadsheets (three files each) and connections may be open, and how many connections may be waiting."""

    spreadsheets: int
    connections: int
    #: As many are taken in one go, before any of them can be closed.
    backlog: int


def share_open_files() -> Shares:
    """Share the open files that this process may have, once it may have as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return shares_of(_MOST_FILES if soft == resource.RLIM_INFINITY else soft)


def shares_of(files: int) -> Shares:
    """The shares of so many open files."""
    free = files - _OTHER_FILES
    spreadsheets, backlog = max(4, min(64, free // 9)), max(8, min(256, free // 8))
    return Shares(spreadsheets, max(16, min(1_000, free - 3 * spreadsheets - backlog)), backlog)


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol, with limits; and the application can cut it without an answer."""

    most: ClassVar[int] = 1_000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = time.monotonic()
        self._in_head, self._head_bytes = True, 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._reading_timer: asyncio.TimerHandle | None = None
        self._await_head()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._head_timer, self._reading_timer):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._head_timer is None and self.timeout_keep_alive_task is None:
            self._await_head()
        if self._in_head and self._head_bytes > _MOST_HEAD_BYTES:
            self.send_400_response("The headers of the request are too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self.scope["extensions"] = {CUT: {"cut": self.cut}}

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._in_head, self._head_bytes = True, 0

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading_timer = self.loop.call_later(READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading_timer is not None:
            self._reading_timer.cancel()
            self._reading_timer = None

    def cut(self) -> None:
        """Reset the connection."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    @property
    def _is_at_work(self) -> bool:
        """Whether a whole request has arrived and has no answer yet."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def _make_room(self) -> None:
        """Close the connection that has waited longest for its client, this one if none does, where there are too many."""
        if len(self.connections) <= self.most:
            return
        open_ones = [one for one in self.connections if isinstance(one, Connection) and not one.transport.is_closing()]
        if len(open_ones) > self.most:
            waiting = [one for one in open_ones if not one._is_at_work]
            min(waiting, key=lambda one: one._since, default=self).transport.abort()
