"""What Drive keeps beside the spreadsheets: one small JSON file each for folders, removed files and channels."""

import os
import threading
from pathlib import Path
from typing import Any

import orjson


class Kept:
    """The entries of one file by id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = orjson.loads(path.read_bytes()) if path.exists() else {}

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def entries(self) -> dict[str, dict[str, Any]]:
        """All entries; to change one, hand it to ``put``."""
        return self._entries

    def put(self, key: str, entry: dict[str, Any]) -> None:
        """Keep an entry; it is on disk when this returns."""
        with self._lock:
            self._save({**self._entries, key: entry})

    def delete(self, *keys: str) -> None:
        """Forget entries; it does not matter whether they are there."""
        with self._lock:
            self._save({known: entry for known, entry in self._entries.items() if known not in keys})

    def _save(self, entries: dict[str, dict[str, Any]]) -> None:
        """Write beside the old file, then put it in its place: a crash leaves the one or the other."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps(entries))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self._entries = entries
