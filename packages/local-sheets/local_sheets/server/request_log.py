"""What was asked of the API, and what came of it: the last requests, and totals as counted by the server."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_KEPT = 2000


@dataclass(slots=True)
class Entry:
    """One request. ``kind`` is ``read``, ``write``, ``page`` for an edit by a person or ``script`` for one by a spreadsheet's script. ``status`` 0 means that no answer was sent (connection cut, or still under way)."""

    number: int
    method: str
    kind: str
    spreadsheet_id: str | None
    caller: str | None
    bytes_in: int = 0
    bytes_out: int = 0
    summary: str = ""
    cells: int = 0
    status: int = 0
    milliseconds: float = 0.0
    fault: str | None = None
    applied: bool = False
    time: float = field(default_factory=time.time)

    def as_json(self) -> dict[str, Any]:
        """For the log and the page; ``time`` in seconds since 1970."""
        return asdict(self)


@dataclass(slots=True)
class Totals:
    """Since the start: answered requests by kind, and cells read and written by requests that succeeded."""

    reads: int = 0
    writes: int = 0
    cells_read: int = 0
    cells_written: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class RequestLog:
    """Keeps the last requests; ``listeners`` hear of each when it is done."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_KEPT)
        self._count = 0
        self.totals = Totals()
        self.by_status: Counter[str] = Counter()
        self.by_method: Counter[str] = Counter()
        self.listeners: list[Callable[[Entry], None]] = []

    def begin(self, method: str, kind: str, spreadsheet_id: str | None, caller: str | None, bytes_in: int) -> Entry:
        """Note the arrival of a request; it joins the list when it is done."""
        self._count += 1
        return Entry(self._count, method, kind, spreadsheet_id, caller, bytes_in)

    def finish(self, entry: Entry) -> None:
        """Note the end of a request."""
        self._entries.append(entry)
        if entry.kind not in ("page", "script"):
            self._count_in(entry)
        for listener in self.listeners:
            listener(entry)

    def _count_in(self, entry: Entry) -> None:
        self.by_status[str(entry.status)] += 1
        self.by_method[entry.method] += 1
        totals = self.totals
        totals.bytes_in += entry.bytes_in
        totals.bytes_out += entry.bytes_out
        if entry.kind == "read":
            totals.reads += 1
            totals.cells_read += entry.cells
        elif entry.kind == "write":
            totals.writes += 1
            totals.cells_written += entry.cells if entry.applied else 0

    def recent(self, after: int = 0, limit: int = MOST_KEPT) -> Iterable[Entry]:
        """The last requests with a number above ``after``, oldest first."""
        found = [entry for entry in self._entries if entry.number > after]
        return found[-limit:]

    def clear(self) -> None:
        """Forget entries and totals; numbers go on."""
        self._entries.clear()
        self.totals = Totals()
        self.by_status.clear()
        self.by_method.clear()
