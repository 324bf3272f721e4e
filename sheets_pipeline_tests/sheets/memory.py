"""In-memory twins of what the pipeline remembers: of a tab, and of itself."""

import time
from collections.abc import Collection, Mapping

from sheets_pipeline.sheets.memory import BaseRows, TabFacts
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.marks import Owner


class FakeOwnership:
    """Follows the protocol ``Ownership``."""

    def __init__(self, installation: str = "a1b2c3d4e5", name: str = "database 'learning' on db.example.org") -> None:
        self.me = Owner(installation, name, "2026-03-01 12:00:00 UTC")

    def owner(self, *, anew: bool = False) -> Owner:
        return self.me

    def renew(self) -> Owner:
        self.me = Owner(self.me.installation + "x", self.me.name, self.me.since)
        return self.me


class FakeMemory:
    """Follows the protocol ``TabMemory``."""

    def __init__(self) -> None:
        self.known: TabFacts | None = None
        self.rows: BaseRows = {}
        self.written_at: dict[str, float] = {}
        self.gone: set[str] = set()

    def now(self) -> float:
        return time.time()

    def facts(self) -> TabFacts | None:
        return self.known

    def save_facts(self, facts: TabFacts | None) -> None:
        if facts is None or (self.known is not None and self.known.sheet_id != facts.sheet_id):
            self.gone |= set(self.rows)
            self.rows.clear()
        self.known = facts

    def distrust(self) -> None:
        self.rows = dict.fromkeys(self.rows)

    def owned(self, keys: Collection[str]) -> set[str]:
        return set(keys) & set(self.rows)

    def once_owned(self, keys: Collection[str]) -> set[str]:
        return set(keys) & self.gone

    def base(self, keys: Collection[str]) -> BaseRows:
        return {key: self.rows[key] for key in keys if key in self.rows}

    def written_since(self, moment: float) -> set[str]:
        return {key for key, at in self.written_at.items() if at >= moment}

    def intend(self, keys: Collection[str]) -> None:
        self.rows |= dict.fromkeys(keys)
        self.gone -= set(keys)

    def confirm(self, rows: Mapping[str, Mapping[str, Cell]]) -> None:
        self.rows |= rows
        self.gone -= set(rows)
        self.written_at |= dict.fromkeys(rows, self.now())

    def forget(self, keys: Collection[str]) -> None:
        for key in keys:
            self.rows.pop(key, None)
            self.gone.add(key)
            self.written_at[key] = self.now()

    def confirmed(self) -> int:
        return sum(cells is not None for cells in self.rows.values())
