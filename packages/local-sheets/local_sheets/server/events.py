"""The stream of what happens: changes of spreadsheets and requests to the API, for pages that show them live.

Sent as server-sent events, see https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from local_sheets.model.transaction import Transaction

#: Events that wait for one slow reader at most; one that falls behind further is told to load everything again.
MOST_WAITING = 1000
_KEEP_ALIVE_SECONDS = 15.0
#: Kind of the event that ends a stream; it is not sent.
_END = "end of stream"


class Events:
    """Hands each event to all who listen; ``is_full`` where that are as many as may be."""

    #: Listeners at a time: each keeps a connection.
    MOST_LISTENERS = 64

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: dict[asyncio.Queue[tuple[str, dict[str, Any]]], Callable[[str, dict[str, Any]], bool]] = {}

    @property
    def is_full(self) -> bool:
        return len(self._queues) >= self.MOST_LISTENERS

    def publish(self, kind: str, message: Callable[[], dict[str, Any]]) -> None:
        """Tell all listeners, from any thread; never waits. The message is made only where somebody listens."""
        if self._queues and self._loop is not None:
            self._loop.call_soon_threadsafe(self._put, kind, message())

    def close(self) -> None:
        """End all streams; to be called in the event loop."""
        for queue in self._queues:
            while queue.full():
                queue.get_nowait()
            queue.put_nowait((_END, {}))

    def _put(self, kind: str, message: dict[str, Any]) -> None:
        for queue, wants in self._queues.items():
            if not wants(kind, message):
                continue
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(("behind", {}))
            queue.put_nowait((kind, message))

    async def stream(self, wants: Callable[[str, dict[str, Any]], bool]) -> AsyncIterator[bytes]:
        """Server-sent events of those that ``wants`` says yes to, with a comment now and then to keep the line up."""
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(MOST_WAITING + 1)
        self._queues[queue] = wants
        try:
            yield b": hello\n\n"
            while True:
                try:
                    kind, message = await asyncio.wait_for(queue.get(), _KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if kind == _END:
                    return
                yield f"event: {kind}\ndata: {orjson.dumps(message).decode()}\n\n".encode()
        finally:
            del self._queues[queue]


def change_message(tx: Transaction) -> dict[str, Any]:
    """The event of a committed change: per tab the ranges that were written, and how its shape or look changed."""
    tabs: dict[int, dict[str, Any]] = {}
    for change in tx.changes:
        tab = tabs.setdefault(change.sheet_id, {"sheetId": change.sheet_id, "ranges": [], "kinds": []})
        if change.kind not in tab["kinds"]:
            tab["kinds"].append(change.kind)
        if change.area is not None and len(tab["ranges"]) < _MOST_RANGES:
            area = change.area
            tab["ranges"].append([area.row0, area.row1, area.col0, area.col1])
    return {"spreadsheetId": tx.spreadsheet.spreadsheet_id, "editor": tx.editor, "sheets": list(tabs.values())}


#: More ranges than this of one tab in one change are not listed one by one.
_MOST_RANGES = 500
