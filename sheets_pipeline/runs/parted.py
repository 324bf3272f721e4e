"""Rows of a tab that stands in each spreadsheet of a list, parted among them by the column that says where they belong.

A row that moves is written where it belongs before it leaves where it stands: at no moment it is in neither.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from sheets_pipeline.database.state import holders
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.targets import Target, part_of
from sheets_pipeline.sync.live_rows import keys_of
from sheets_pipeline.sync.tab import OnRemoved, Tab


@dataclass(frozen=True)
class Parted:
    """Rows, the part that each belongs to, and the spreadsheets (their ids) that hold each key now."""

    rows: pd.DataFrame
    #: The parts that have a row with this key: a row may stand in several spreadsheets.
    parts_of_key: Mapping[str, set[str]]
    #: Part of the list → id of its spreadsheet.
    parts: Mapping[str, str]
    #: Whether a row leaves the spreadsheet that it belongs to no more; where it is marked or kept, none is missed.
    leaves: bool
    holders: Mapping[str, set[str]]
    #: The part of each row.
    of_row: pd.Series

    def here(self, target: Target) -> pd.DataFrame:
        """The rows that belong into this spreadsheet."""
        return self.rows.iloc[self._places.get(target.spreadsheet.part, [])]

    def keys_here(self, target: Target) -> set[str]:
        """The keys of these rows."""
        return self._keys.get(target.spreadsheet.part, set())

    def moved_away(self, target: Target) -> set[str]:
        """Keys that stand here, belong into other spreadsheets of the list alone, and leave once they stand there."""
        if not self.leaves:
            return set()
        return {key for key in self._held_by(target) if self.parts_of_key.get(key, set()) & self.parts.keys()}

    def _held_by(self, target: Target) -> set[str]:
        """Keys that stand here, and have no row that belongs here."""
        return self._held.get(target.spreadsheet.id, set()) - self.keys_here(target)

    # By spreadsheet, all at once: with many of them and many rows, to look at every row for each of them takes minutes.

    @cached_property
    def _places(self) -> Mapping[str | None, list[int]]:
        """Where the rows of each part stand among all."""
        places: dict[str | None, list[int]] = {}
        for place, part in enumerate(self.of_row):
            places.setdefault(part, []).append(place)
        return places

    @cached_property
    def _keys(self) -> Mapping[str | None, set[str]]:
        """The keys of the rows of each part."""
        return _turned(self.parts_of_key)

    @cached_property
    def _held(self) -> Mapping[str | None, set[str]]:
        """The keys that stand in each spreadsheet."""
        return _turned(self.holders)

    def has_arrived(self, key: str) -> bool:
        """Whether the rows of this key stand where they belong."""
        where = {self.parts[part] for part in self.parts_of_key[key] if part in self.parts}
        return where <= self.holders.get(key, set())

    def not_held_by(self, target: Target, keys: Collection[str]) -> set[str]:
        """Those of the keys that do not stand here."""
        return set(keys) - self._held.get(target.spreadsheet.id, set())

    def gone_from(self, target: Target, asked: Collection[str]) -> set[str]:
        """Those of the asked keys that stand here, belong somewhere else or nowhere, and need not wait to leave."""
        return (self._held_by(target) & set(asked)) - self.moved_away(target)

    @property
    def without_spreadsheet(self) -> int:
        """Rows that belong into none of the list."""
        return int((~self.of_row.isin(list(self.parts))).sum())


def _turned(of_each: Mapping[str, set[str]]) -> Mapping[str | None, set[str]]:
    """From what each key has to the keys that have it."""
    turned: dict[str | None, set[str]] = {}
    for key, some in of_each.items():
        for one in some:
            turned.setdefault(one, set()).add(key)
    return turned


def parted(
    pipeline: Pipeline,
    tab: Tab,
    by: str,
    rows: pd.DataFrame,
    targets: Collection[Target],
    keys: Collection[str] | None = None,
) -> Parted:
    """Part rows of a tab among its targets; ``keys`` are those that the rows were asked by, None for all rows.

    Raises:
        TabProblem: The rows have no column that says where they belong.
    """
    if by not in rows.columns:
        raise TabProblem(
            tab.name,
            f"expected its rows to have the column {by!r}, which says into which spreadsheet each belongs. Add it to the "
            "query, or correct `by`.",
        )
    of_row = pd.Series([part_of(value) for value in rows[by]], index=rows.index, dtype=object)
    usable = [one for one in targets if one.spreadsheet.problem is None]
    held = holders(pipeline.state, tab.title, [one.spreadsheet.id for one in usable], keys)
    parts_of_key: dict[str, set[str]] = {}
    for key, part in zip(keys_of(tab, rows), of_row, strict=True):
        parts_of_key.setdefault(key, set()).add(part)
    parts = {str(one.spreadsheet.part): one.spreadsheet.id for one in usable}
    return Parted(rows, parts_of_key, parts, tab.on_removed is OnRemoved.REMOVE, held, of_row)
