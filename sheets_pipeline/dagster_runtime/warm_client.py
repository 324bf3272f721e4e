"""The launcher's side of the warm process: start it, ask it for workers, replace it when code changes or it dies.

Nothing here waits for a warm process: while there is none, the answer is None and the caller starts its run cold.
"""

import logging
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import Pipe
from typing import Any

from sheets_pipeline.dagster_runtime.fingerprint import code_fingerprint

logger = logging.getLogger(__name__)

#: Importing everything takes about 8 s on a slow machine.
_WARM_UP_SECONDS = 120
#: A fork takes about 10 ms. Whoever needs this long is taken for dead.
_FORK_SECONDS = 30
#: Raised where the other end of a connection is gone, or does not answer in time.
_GONE = (EOFError, OSError)
#: When warming up has failed with some code, the same code is not tried again for this long.
_PAUSE_AFTER_FAILURE_SECONDS = 300


class WarmHandle:
    """One warm process that we have started."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.is_ready = self.is_stopped = False
        self.locations: dict[str, str] = {}
        self.channel, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sheets_pipeline.dagster_runtime.warm_process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=_environment(),
            )

    def warm_up(self, modules: Sequence[str], nice: int) -> str | None:
        """Wait until it has imported everything; None when it is ready, else what went wrong."""
        try:
            answer = self._ask({"modules": list(modules), "nice": nice}, _WARM_UP_SECONDS)
        except _GONE as error:
            return _described(error)
        if "ready" not in answer:
            return str(answer.get("unfit", answer))
        logger.info("Warm process %s is ready after %s s.", answer["ready"], answer["seconds"])
        self.is_ready = True
        return None

    def fork(self, serialized_args: str, *, at_once: bool) -> int:
        """Process id of a new worker, which opens what it needs beside its start where it is to run ``at_once``.

        Raises:
            EOFError, OSError: The warm process is gone.
        """
        return int(self._ask({"execute": serialized_args, "at_once": at_once}, _FORK_SECONDS)["pid"])

    def expect(self, serialized_args: str, load_data: str | None) -> None:
        """The same job will soon run again, so get ready for it; see ``WarmClient.expect``."""
        self.channel.send({"expect": serialized_args, "load_data": load_data})

    def _ask(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        self.channel.send(message)
        if not self.channel.poll(seconds):
            raise TimeoutError(f"no answer for {seconds} s")
        answer: dict[str, Any] = self.channel.recv()
        return answer

    def moves_to(self, location: str, server_id: str | None) -> bool:
        """Whether this code location has been reloaded since this process first served it."""
        return server_id is not None and self.locations.setdefault(location, server_id) != server_id

    def retire(self) -> None:
        """Let it end once its workers have."""
        try:
            self.channel.send({"retire": True})
        except OSError:
            self.stop()

    def stop(self) -> None:
        """End it now; its workers run on. Closing our end is enough unless it hangs."""
        self.is_stopped = self.process.poll() is None
        self.channel.close()
        try:
            self.process.wait(0.5 if self.is_ready else 0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class WarmClient:
    """At most one warm process that fits the code on disk. Safe to call from many threads.

    ``modules`` are imported and watched for changes, ``further_modules`` only imported; workers get a priority ``nice``
    steps below ours. ``on_end`` is called, in a thread, when a warm process ended by itself: nobody looks after its workers.
    """

    def __init__(
        self,
        modules: Sequence[str],
        further_modules: Sequence[str] = (),
        nice: int = 0,
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        self.modules, self.further_modules, self.nice, self.on_end = modules, further_modules, nice, on_end
        self._lock = threading.Lock()
        self._current: WarmHandle | None = None
        self._retired: list[WarmHandle] = []
        self._failed: tuple[str, float] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the warm process when it is ready to fork."""
        handle = self._current
        return handle.process.pid if handle and handle.is_ready else None

    def prepare(self) -> None:
        """Start a warm process unless there is one that fits; returns at once."""
        with self._lock:
            self._fitting()

    def fork(
        self, serialized_args: str, location: str = "", server_id: str | None = None, *, at_once: bool = False
    ) -> int | None:
        """A new worker's process id; None while no warm process fits the code on disk and is ready."""
        with self._lock:
            handle = self._fitting(location, server_id)
            if handle is None or not handle.is_ready:
                return None
            try:
                return handle.fork(serialized_args, at_once=at_once)
            except _GONE as error:
                logger.warning("Warm process %s is gone (%s); starting another.", handle.process.pid, _described(error))
                self._drop(handle)
                self._fitting(location, server_id)
                return None

    def expect(self, serialized_args: str, load_data: str | None) -> None:
        """Let the warm process build the job once more, for the next fork to find it.

        Args:
            serialized_args: Those of the run that was just launched.
            load_data: What Dagster noted when it loaded the repository: a run looks for a job that was built with it.
        """
        with self._lock:
            if (handle := self._current) is not None and handle.is_ready:
                try:
                    handle.expect(serialized_args, load_data)
                except OSError as error:
                    logger.warning("Warm process %s is gone (%s).", handle.process.pid, _described(error))

    def close(self) -> None:
        """End all warm processes; their workers run on."""
        with self._lock:
            for handle in (self._current, *self._retired):
                if handle:
                    handle.stop()
            self._current, self._retired = None, []

    def _fitting(self, location: str = "", server_id: str | None = None) -> WarmHandle | None:
        self._forget_ended()
        fingerprint = code_fingerprint(self.modules)
        current = self._current
        if current and current.process.poll() is not None:
            self._drop(current)
            current = None
        if current and (current.fingerprint != fingerprint or current.moves_to(location, server_id)):
            logger.info("The code has changed: warm process %s retires.", current.process.pid)
            current.retire()
            self._retired.append(current)
            self._current = current = None
        if current is None and not self._is_pausing(fingerprint):
            self._current = current = self._start(fingerprint)
        return current

    def _start(self, fingerprint: str) -> WarmHandle | None:
        try:
            handle = WarmHandle(fingerprint)
        except OSError as error:
            self._failed = (fingerprint, time.monotonic())
            logger.warning("No warm process, runs start cold (slower): %s.", error)
            return None
        threading.Thread(target=self._watch, args=[handle], name="warm-process", daemon=True).start()
        return handle

    def _forget_ended(self) -> None:
        for handle in [handle for handle in self._retired if handle.process.poll() is not None]:
            handle.channel.close()
            self._retired.remove(handle)

    def _watch(self, handle: WarmHandle) -> None:
        problem = handle.warm_up([*self.further_modules, *self.modules], self.nice)
        if problem is None:
            handle.process.wait()
            if not handle.is_stopped:
                self.on_end()
            return
        with self._lock:
            if self._current is not handle:  # replaced or closed meanwhile
                return
            self._failed = (handle.fingerprint, time.monotonic())
            self._drop(handle)
        logger.warning("No warm process, runs start cold (slower): %s.", problem)

    def _is_pausing(self, fingerprint: str) -> bool:
        if self._failed is None:
            return False
        failed, since = self._failed
        return failed == fingerprint and time.monotonic() - since < _PAUSE_AFTER_FAILURE_SECONDS

    def _drop(self, handle: WarmHandle) -> None:
        handle.stop()
        self._current = None


def _described(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _environment() -> Mapping[str, str]:
    if platform.system() != "Darwin":
        return os.environ
    # Apple's libraries abort a fork of a process that has used them, unless told before the process starts.
    return {**os.environ, "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}
