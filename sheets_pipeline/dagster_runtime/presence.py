"""Says every few seconds that a process of this host lives, so that people are told where one is gone or stands still."""

import logging
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import uuid4

import sqlalchemy as sa

from sheets_pipeline.database.host_processes import beat, forget, leave
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.processes.identity import WorkerIdentity
from sheets_pipeline.sync.hosts import BEAT_SECONDS, ENDED, STANDS_BY, WORKS

logger = logging.getLogger(__name__)

#: A database that is away, or has not been upgraded yet, ends nothing.
_AWAY = (sa.exc.SQLAlchemyError, DatabaseError)


class Presence:
    """What this process tells of itself, for the length of a block, in a thread: nobody waits for the database."""

    def __init__(self, engine: sa.Engine, role: str) -> None:
        self._engine, self._key = engine, uuid4().hex
        self._fixed: dict[str, str] = {
            "host": socket.gethostname(),
            "role": role,
            "process": WorkerIdentity.of_this_process().as_tag(),
        }
        self._changing: dict[str, str | None] = {"state": STANDS_BY, "code": "", "problem": None}
        self._wake, self._is_over = threading.Event(), threading.Event()
        self._beating = threading.Thread(target=self._beat, name="presence", daemon=True)

    def __enter__(self) -> Self:
        self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._wake.set()
        self._beating.join(BEAT_SECONDS)

    def is_now(self, state: str, *, code: str | None = None, problem: str | None = None) -> None:
        """Say what it does from now on; ``code`` is the version it does it with, where that has changed."""
        code = self._changing["code"] if code is None else code
        self._changing = {"state": state, "code": code, "problem": problem}
        self._wake.set()

    def _beat(self) -> None:
        told_state: str | None = None
        while not self._is_over.is_set():
            now = self._changing
            try:
                beat(self._engine, self._key, {**self._fixed, **now}, is_new_state=now["state"] != told_state)
                if told_state is None:  # afterwards, so that nobody sees none
                    forget(self._engine, self._fixed["host"], _is_alive)
                told_state = now["state"]
            except _AWAY as error:
                logger.debug("Not told that this process lives (%s).", type(error).__name__)
            self._wake.wait(BEAT_SECONDS)
            self._wake.clear()
        with suppress(*_AWAY):
            self._end(told_state)

    def _end(self, told_state: str | None) -> None:
        """Where it did its work, people are told that this was ended, and when."""
        if told_state == WORKS:
            beat(self._engine, self._key, {**self._fixed, **self._changing, "state": ENDED}, is_new_state=True)
        else:
            leave(self._engine, self._key)


def _is_alive(process: str) -> bool:
    known = WorkerIdentity.from_tag(process)
    return known is not None and known.is_alive()
