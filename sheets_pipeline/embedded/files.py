"""Files of the embedded services: readable by their owner only; state files replaced as a whole or not at all."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sheets_pipeline.errors import SheetsPipelineError


def make_folder(path: Path) -> Path:
    """Create a folder of the embedded services, for us alone, with a note that keeps git from looking inside."""
    for folder in reversed([path, *path.parents]):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    note = path / ".gitignore"
    if not note.exists():
        write_private(note, "*\n")
    return path


def make_private(folder: Path) -> None:
    """Take from others what an earlier version let them read in a folder of ours; what belongs to another user stays.

    Where the embedded PostgreSQL runs as another user (``account.py``), that one may still pass through to its data.
    """
    data = folder / "postgres" / "data"
    is_anothers = data.exists() and data.stat().st_uid != os.geteuid()
    passed = {folder, folder / "postgres"} if is_anothers else set()
    for root, _, files in os.walk(folder):  # which follows no links
        here = Path(root)
        _take_from_others(here, 0o711 if here in passed else 0o700)
        for name in files:
            _take_from_others(here / name, 0o700)


def _take_from_others(path: Path, allowed: int) -> None:
    try:
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        if mode & ~allowed and status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode):
            path.chmod(mode & allowed)
    except FileNotFoundError:  # a temporary file, gone meanwhile
        return


@contextmanager
def locked(path: Path, *, seconds: float, error: type[SheetsPipelineError]) -> Iterator[None]:
    """Hold a lock file among all processes; released by the system when its holder dies.

    Raises:
        SheetsPipelineError: Of the given kind: somebody else held it longer than ``seconds``, or it is another user's.
    """
    from filelock import FileLock, Timeout  # costs 80 ms, which attaching need not pay

    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise error(
            f"Another process has been starting or stopping the embedded services for {seconds:g} s (it holds {path}). "
            "Wait for it, or end it."
        ) from None
    except PermissionError:
        raise error(
            f"{path} belongs to another user. Run as that user, or set LOCAL_DATA_DIR to a folder of your own."
        ) from None
    try:
        yield
    finally:
        lock.release()


def write_private(path: Path, text: str) -> None:
    """Write ``text`` with mode 600: after a crash the file holds the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state file as JSON; see ``write_private``."""
    write_private(path, json.dumps(state, indent=2) + "\n")


def read_state(path: Path) -> dict[str, Any] | None:
    """What a state file holds; None where it is missing or not a JSON object.

    Raises:
        PermissionError: The file belongs to another user.
    """
    try:
        state = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return state if isinstance(state, dict) else None
