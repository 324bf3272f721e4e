"""Folders: they hold nothing but a name and permissions, and are kept in one small file beside the spreadsheets."""

import os
from pathlib import Path
from typing import Any

import orjson


class Folders:
    """The folders of one data folder by id, each as ``properties``, ``permissions`` and ``file``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._heads: dict[str, dict[str, Any]] = orjson.loads(path.read_bytes()) if path.exists() else {}

    def __contains__(self, folder_id: str) -> bool:
        return folder_id in self._heads

    def heads(self) -> dict[str, dict[str, Any]]:
        """All folders; to change one, hand it to ``put``."""
        return self._heads

    def put(self, folder_id: str, head: dict[str, Any]) -> None:
        """Keep a folder; it is on disk when this returns."""
        self._save({**self._heads, folder_id: head})

    def delete(self, folder_id: str) -> None:
        self._save({key: head for key, head in self._heads.items() if key != folder_id})

    def _save(self, heads: dict[str, dict[str, Any]]) -> None:
        """Write beside the old file, then put it in its place: a crash leaves the one or the other."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps(heads))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self._heads = heads
