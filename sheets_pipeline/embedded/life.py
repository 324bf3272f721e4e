"""The life of a server of the embedded default, whichever it is: found, started on a free port, stopped, reset.

Whoever needs it first starts it, the others attach; one starts or stops at a time (a lock file). The server itself holds
another lock file as long as any of its processes lives, so a stale process id is never taken for it.
"""

import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from sheets_pipeline.embedded.files import locked, make_folder, write_state
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.processes import servers


class EmbeddedServer(ABC):
    """One server, whose files are in ``folder``."""

    name: ClassVar[str]
    error: ClassVar[type[SheetsPipelineError]]
    #: What its log says where another program has taken the port.
    port_taken: ClassVar[str]
    #: Longest wait for its start: recovery after a crash takes its time.
    start_seconds: ClassVar[float] = 60.0
    #: What ends it, and seconds to wait for each.
    ending: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(self, folder: Path, files: tuple[str, str, str, str]) -> None:
        self.folder = folder.absolute()
        self._state_file, self._lock, self._life_lock, self._log = (self.folder / file for file in files)

    def stop(self) -> bool:
        """Stop the server in order; says whether it ran."""
        if not self.folder.is_dir():
            return False
        with self._locked():
            return self._stop()

    def reset(self) -> None:
        """Stop the server and delete its data."""
        if not self.folder.is_dir():
            return
        with self._locked():
            self._stop()
            for data in self._data_folders():
                if data.exists():
                    shutil.rmtree(data)
            self._state_file.unlink(missing_ok=True)

    @abstractmethod
    def _stop(self) -> bool:
        """The same as ``stop`` with the lock held."""

    @abstractmethod
    def _data_folders(self) -> set[Path]:
        """Where its data may be."""

    def _locked(self) -> AbstractContextManager[object]:
        return locked(self._lock, seconds=self.start_seconds * 3, error=self.error)

    def _anothers(self, error: OSError) -> SheetsPipelineError:
        return self.error(
            f"{error.filename} belongs to another user. Run as that user, or set LOCAL_DATA_DIR to a folder of your own."
        )

    def _make_folder(self) -> None:
        try:
            make_folder(self.folder)
        except OSError as error:
            raise self.error(
                f"The folder {self.folder} cannot be created: {error.strerror}. Set LOCAL_DATA_DIR to a folder that you "
                "may write to."
            ) from None

    def _launch(
        self,
        state: Mapping[str, Any],
        command: Callable[[int], Sequence[str]],
        is_ready: Callable[[int], bool],
        **popen: Any,
    ) -> dict[str, Any]:
        """Start the process on its old port, or on another one where somebody else has taken that; the new state."""
        preferred = state.get("port")
        for _ in range(5):
            port = servers.free_port(preferred if isinstance(preferred, int) else None)
            process = servers.start_server(command(port), life_lock=self._life_lock, log=self._log, **popen)
            now = {**state, "port": port, "pid": process.pid, "stopped": False}
            write_state(self._state_file, now)
            is_decided = servers.wait_until(
                lambda: process.poll() is not None or is_ready(port),  # noqa: B023 - called here
                seconds=self.start_seconds,
            )
            if not is_decided:
                raise self.error(
                    f"{self.name} is not ready after {self.start_seconds:g} s; it may still be recovering from a "
                    f"crash. Try again, or look at {self._log}: {servers.last_lines(self._log)}"
                )
            if process.poll() is None:
                return now
            preferred = None  # another program may have taken the port between our look and the start
            if self.port_taken not in servers.last_lines(self._log).lower():
                break
        raise self.error(f"{self.name} did not start. {self._log} ends: {servers.last_lines(self._log)}")

    def _end(self, pid: int | None, is_ours: Callable[[int], bool]) -> None:
        """End the process, gently first; ``is_ours`` tells it from another with the same id."""

        def is_gone() -> bool:
            servers.reap()
            return not servers.is_held(self._life_lock) and not (pid is not None and is_ours(pid))

        for number, seconds in self.ending:
            if pid is not None and is_ours(pid):
                servers.send_signal(pid, number)
            if servers.wait_until(is_gone, seconds=seconds):
                return
        raise self.error(f"{self.name} (process {pid}) cannot be stopped; it holds {self._life_lock}.")
