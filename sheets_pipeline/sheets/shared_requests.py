"""Requests of several tabs sent as one: the tabs of a round are read together and written together.

Google counts requests, however much one of them carries. A tab's writer goes its way in a thread of its own and knows
nothing of the others; where it sends a request that can be shared, it waits for those that are still computing, and one
of them sends for all, in event syncs and full syncs alike. See docs/decisions/0014.

    tab A: compute ─┐             ┌─ compare, plan ─┐              ┌─ note
    tab B: compute ─┼─ one read ──┼─ compare, plan ─┼─ one write ──┼─ note
    tab C: compute ─┘             └─ nothing to do  ·              ·
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sheets_pipeline.errors import RequestRejected
from sheets_pipeline.sync.batches import MAX_PAYLOAD_BYTES

#: Sends parts, of whichever tabs, as one request; gives its answer, from which each tab takes what is its own.
Send = Callable[[list[Any]], Any]

#: A request waits at most so long for tabs that are still computing; those who let it wait are late, and nobody waits
#: for them again until they have come.
_LONGEST_WAIT_SECONDS = 0.5

#: Tabs take their locks within this time, or another writer is at work on them and nobody waits for them.
_ENTRY_SECONDS = 0.25


class _Stage(Enum):
    """Where a tab is."""

    AWAY = "has not taken its lock yet"
    WORK = "computes, compares or plans"
    LATE = "the same, and others have gone on without it"
    REQUEST = "waits for others or for an answer"
    END = "has let its lock go, or goes alone"


class SharedRequests:
    """What the tabs of one round share. Each of them is a participant, in a thread of its own from the start on.

    Args:
        patience: Others are waited for so many times as long as in a round of events.
    """

    def __init__(self, *, patience: float = 1.0) -> None:
        self._changed, self._one_alone = threading.Condition(), threading.Lock()
        self._began, self._patience = time.monotonic(), patience
        self._participants: list[Participant] = []
        self._waiting: list[_PendingRequest] = []

    def join(self) -> "Participant":
        """One more tab takes part; to be called before the first of them begins."""
        participant = Participant(self)
        self._participants.append(participant)
        return participant

    def _move(self, participant: "Participant", to: _Stage) -> None:
        with self._changed:
            participant._stage = to
            self._changed.notify_all()

    def _together(self, asked: "_PendingRequest", send: Send) -> tuple[Any, bool]:
        with self._changed:
            asked.participant._stage = _Stage.REQUEST
            self._waiting.append(asked)
            self._changed.notify_all()
            longest = time.monotonic() + _LONGEST_WAIT_SECONDS * self._patience
            while asked in self._waiting and (left := self._until(longest) - time.monotonic()) > 0:
                self._changed.wait(left)
            mine = self._take(asked) if asked in self._waiting else []
        if mine:
            self._send(mine, send)
        try:
            return asked.answer.result(), not mine
        except _SendAlone:
            return send([asked.part]), False

    def _until(self, longest: float) -> float:
        """The time until which to wait for others; in the past where nobody is to be waited for."""
        places = {participant._stage for participant in self._participants}
        if _Stage.WORK in places:
            return longest
        entry = self._began + _ENTRY_SECONDS * self._patience
        return min(longest, entry) if _Stage.AWAY in places else 0.0

    def _take(self, first: "_PendingRequest") -> list["_PendingRequest"]:
        """This request and all of its kind that fit into the same one."""
        for participant in self._participants:
            if participant._stage is _Stage.WORK:
                participant._stage = _Stage.LATE
        batch, size = [first], first.size
        for other in self._waiting:
            if other is not first and other.kind == first.kind and size + other.size <= MAX_PAYLOAD_BYTES:
                batch.append(other)
                size += other.size
        self._waiting = [other for other in self._waiting if other not in batch]
        self._changed.notify_all()
        return batch

    def _send(self, batch: list["_PendingRequest"], send: Send) -> None:
        """One request for all; its answer, its error or the word to send it alone for each."""
        answer: Any = None
        failure: BaseException | None = None
        try:
            answer = send([asked.part for asked in batch])
        except RequestRejected as error:  # by one of them, for all: nothing has been applied
            failure = error if len(batch) == 1 else _SendAlone()
        except BaseException as error:  # whatever it is, nobody must wait for ever
            failure = error
        with self._changed:  # before any of them goes on, so that it waits for the others next time
            for asked in batch:
                asked.participant._stage = _Stage.WORK
        for asked in batch:
            if failure is None:
                asked.answer.set_result(answer)
            else:
                asked.answer.set_exception(failure)


class Participant:
    """One tab; for one thread."""

    def __init__(self, shared: SharedRequests) -> None:
        self._shared = shared
        self._stage = _Stage.AWAY
        self._is_alone = False

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The tab is at work in this block, and others may wait for its requests; to be entered with its lock held."""
        self._shared._move(self, _Stage.WORK)
        try:
            yield
        finally:
            self._shared._move(self, _Stage.END)
            if self._is_alone:
                self._is_alone = False
                self._shared._one_alone.release()

    def go_alone(self) -> None:
        """Share nothing until the tab ends its work, and wait for others that do so: one after the other."""
        if not self._is_alone and self._stage is _Stage.WORK:
            self._shared._move(self, _Stage.END)
            self._shared._one_alone.acquire()
            self._is_alone = True

    def together(self, kind: str, part: Any, size: int, send: Send) -> tuple[Any, bool]:
        """Send a part of a request, with those of other tabs where there are any.

        Args:
            kind: Parts of the same kind can go together.
            part: What to send.
            size: Its bytes, or about those of the answer.
            send: What it raises, all get whose parts it was to send.

        Returns:
            The whole answer, and whether another tab's ``send`` got it.

        Raises:
            RequestRejected: Of this part; after a refusal of several each one is sent alone.
        """
        if self._stage in (_Stage.AWAY, _Stage.END):
            return send([part]), False
        return self._shared._together(_PendingRequest(self, kind, part, size), send)


@dataclass(slots=True, eq=False)
class _PendingRequest:
    participant: Participant
    kind: str
    part: Any
    size: int
    answer: Future[Any] = field(default_factory=Future)


class _SendAlone(Exception):
    """Send it alone: together with others it was refused."""
