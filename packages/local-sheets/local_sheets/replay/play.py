"""Plays recordings and tells, for each exchange, whether the answer is the recorded one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_sheets.discovery import match_route
from local_sheets.drive.routes import known_method
from local_sheets.replay.compare import differences
from local_sheets.replay.exchange import Exchange, Recording
from local_sheets.replay.presumed import Presumed, as_its_account
from local_sheets.replay.twin import Twin

_BATCH_UPDATE = "sheets.spreadsheets.batchUpdate"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One exchange and how it went. Without ``left_out`` and ``differences`` the answer is the same."""

    path: Path
    number: int
    exchange: Exchange
    #: The API's method; where it is batchUpdate, also the kinds of its requests.
    method_ids: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    left_out: str | None = None

    @property
    def word(self) -> str:
        return "left out" if self.left_out else "different" if self.differences else "same"


@dataclass(slots=True)
class Tally:
    """Counts of outcomes, by method of the API and by why exchanges were left out."""

    words: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    by_method: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.words[outcome.word] += 1
        if outcome.left_out:
            self.left_out[outcome.left_out] += 1
        for name in outcome.method_ids:
            self.by_method.setdefault(name, Counter())[outcome.word] += 1

    def as_json(self) -> dict[str, Any]:
        """Counts of all answers and by method."""
        methods = {name: dict(sorted(counts.items())) for name, counts in sorted(self.by_method.items())}
        return {"answers": dict(sorted(self.words.items())), "methods": methods}


def play(recording: Recording) -> Iterable[Outcome]:
    """Play one recording to a fresh server."""
    twin = Twin()
    try:
        presumed = Presumed(twin, recording.exchanges)
        for number, exchange in enumerate(recording.exchanges, 1):
            reason = exchange.left_out_because()
            if reason is not None:
                yield Outcome(recording.path, number, exchange, left_out=reason)
                continue
            presumed.set_up(number - 1)
            answer = twin.play(as_its_account(exchange))
            found = differences(exchange, answer.status, answer.body, twin.ids)
            yield Outcome(recording.path, number, exchange, methods_of(exchange), tuple(found))
    finally:
        twin.close()


def methods_of(exchange: Exchange) -> tuple[str, ...]:
    """The id of the API's method, and where that is batchUpdate the kinds of its requests; the path where it is none."""
    path = exchange.path.partition("?")[0]
    match = match_route(exchange.method, path)
    if match is None:
        return (known_method(exchange.method, path.replace("/upload/drive/v2", "/drive/v3")) or _other(path),)
    body = exchange.request_json()
    requests = body.get("requests", ()) if match.method.id == _BATCH_UPDATE and isinstance(body, dict) else ()
    kinds = sorted({f"{_BATCH_UPDATE}.{kind}" for one in requests if isinstance(one, dict) for kind in one})
    return (match.method.id, *kinds)


def _other(path: str) -> str:
    return "drive.files.update" if path.startswith("/upload/drive/") else "export" if "/export" in path else path
