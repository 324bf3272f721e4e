"""Columns that people moved in the moment of a write: what it hit, and, after a process died, whether they moved before it."""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.memory import Sent, TabFacts
from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.copies import Copy, copied_names, real_columns
from sheets_pipeline.sync.tab import Tab


class When(Enum):
    """When columns moved."""

    BEFORE_THE_WRITE = auto()  # it hit other columns
    AFTER_THE_WRITE = auto()  # it hit ours, which took what was written along
    UNKNOWN = auto()


class Shift(NamedTuple):
    """Columns that people moved: whose cells stood at the place of which column, and whether copies have their keys."""

    real: dict[str, str]
    keys_stay: bool
    #: Where our columns are.
    now: dict[str, int]

    def cells(self, cells: Mapping[str, Cell]) -> dict[str, Cell]:
        """Cells by the columns that they really are of; those of others are left out."""
        return {self.real[name]: cell for name, cell in cells.items() if name in self.real}

    def certain(self, stood: Mapping[str, Cell] | None) -> dict[str, Cell] | None:
        """What stood in a row, without what may have been written for another column."""
        hit = {real for name, real in self.real.items() if real != name}
        return None if stood is None else {name: cell for name, cell in stood.items() if name not in hit}

    def copy(self, meant: str, copy: Copy) -> Copy:
        """The same of a copy; of the row that was ``meant`` where its key was not copied."""
        return Copy(copy.key if self.keys_stay else meant, self.cells(copy.cells))


def find_shift(client: SheetsClient, tab: Tab, sheet_id: int, planned: Mapping[str, int]) -> Shift | None:
    """Which columns stand elsewhere than they were read; None for none. One read request."""
    marked = access.read_column_metadata(client, sheet_id)
    now = {name: marked.get(name, at) for name, at in planned.items()}
    if all(now[name] == planned[name] for name in copied_names(tab)):
        return None
    keys_stay = all(now[name] == planned[name] for name in tab.key)
    return Shift(real_columns(tab.edited, planned, now), keys_stay, now)


def when_moved(
    client: SheetsClient, facts: TabFacts, planned: Mapping[str, int], shift: Shift, landed: Iterable[Sent]
) -> When:
    """Whether columns moved before a write that was applied, or after it; one read request.

    ``planned`` is where our columns were when it was planned.

    What was written stands in a column of ours, which took it along, or where that stood before. Where both or neither is so
    of any row, somebody has typed or moved more since, and nobody knows.
    """
    snapshot, _ = access.read_tab(client, facts.sheet_id, cells=facts.cells)
    seen = set[When]()
    for sent in landed:
        for name, cell in sent.cells.items():
            place, now = planned[name], shift.now[name]
            if place == now or sent.row is None:
                continue
            stays, moved = (same_cell(snapshot.cell(sent.row, at), cell) for at in (place, now))
            seen.add(When.UNKNOWN if stays is moved else When.BEFORE_THE_WRITE if stays else When.AFTER_THE_WRITE)
    return seen.pop() if len(seen) == 1 else When.UNKNOWN
