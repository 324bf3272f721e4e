"""The parts into which all spreadsheets are divided, one for each of several event syncs beside each other.

A spreadsheet is always of the same part, on every host and in every process, as long as their number stays.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sheets_pipeline.database.event_parts import Piece, of_part, of_part_or_unplaced
from sheets_pipeline.database.events import Only

#: Run tag of an event sync for one part: "3 of 8". One without it is for all spreadsheets.
PART_TAG = "sheets_pipeline/part"


@dataclass(frozen=True, slots=True)
class Part:
    """One of ``of``, counted from 0; people count from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number + 1} of {self.of}"

    def has(self, spreadsheet_id: str) -> bool:
        """Whether this spreadsheet is of the part."""
        return part_of(spreadsheet_id, self.of) == self

    @property
    def events(self) -> Only:
        """Chooses the events that the part shows."""
        return of_part(self.number, self.of)

    @property
    def events_to_look_at(self) -> Only:
        """Chooses these, and those that may become its own."""
        return of_part_or_unplaced(self.number, self.of)


def part_of(spreadsheet_id: str, of: int) -> Part:
    """The part of a spreadsheet."""
    digest = hashlib.sha256(spreadsheet_id.encode()).digest()
    return Part(int.from_bytes(digest[:8]) % of, of)


def part_in(tags: Mapping[str, str]) -> Part | None:
    """The part that a run is for; None for all."""
    if (text := tags.get(PART_TAG)) is None:
        return None
    number, _, of = text.partition(" of ")
    return Part(int(number) - 1, int(of))


def pieces(leads_to: Mapping[str, Collection[int]], untold: Collection[str] = ()) -> list[Piece]:
    """What each part has to show of an event; nothing where it leads nowhere.

    Args:
        leads_to: Numbers of the parts in which each tab shows it.
        untold: Tabs of which that could not be told. They stay with a piece that no part takes.
    """
    tabs: dict[int | None, set[str]] = {None: set(untold)} if untold else {}
    for title, numbers in leads_to.items():
        for number in numbers:
            tabs.setdefault(number, set()).add(title)
    if len(tabs) == 1:
        return [Piece(number) for number in tabs]
    return [Piece(number, frozenset(some)) for number, some in tabs.items()]
