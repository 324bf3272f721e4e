"""Small state files of the embedded services: readable by their owner only, replaced as a whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def make_folder(path: Path) -> Path:
    """Create a folder of the embedded services, with a note that keeps git from looking inside."""
    path.mkdir(parents=True, exist_ok=True)
    note = path / ".gitignore"
    if not note.exists():
        note.write_text("*\n")
    return path


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
