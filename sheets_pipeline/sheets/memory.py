"""What a writer must remember from one sync to the next; the database room keeps it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.copies import FoundEdit
from sheets_pipeline.sync.diff import ChangeSet


@dataclass(frozen=True, slots=True)
class CopiesTab:
    """The hidden tab that a tab's cells are copied to before they are written over; ``names`` are the columns of a copy."""

    sheet_id: int
    title: str
    row_count: int
    column_count: int
    names: str


@dataclass(frozen=True, slots=True)
class TabFacts:
    """Where a tab was last found: enough to read it with one request.

    ``layout`` says where our columns stood (name → 0-based index, in the order of the base's cells), ``renamed`` which
    headers people have changed (name → header now), ``row_count`` how many rows the grid had, ``rows_end`` the row
    (0-based) after our last one, about, ``seen_at`` when Google was last asked for this; ``spreadsheet_cells`` and
    ``spreadsheet_tabs`` count the whole spreadsheet as it was then. ``version`` is the last version that stood in the tab
    (``sync/marks.py``), ``intended`` are those sent since; ``recovered_at`` is when a version was last found that we did
    not know. ``declared`` is what we made of each column (name → header and type), ``released`` the headers of columns
    that left the declaration, ``key`` the key columns by which the base is kept. ``cells`` are those that all of the tab
    had when it was last read, people's among them; None where that is not known. ``computes_slowly`` says of the rows of
    events that computing them took too long to read beside it. ``rules`` are marks of what was set in each column to keep
    people from typing what is not taken (``sync/rules.py``). ``copies`` is the hidden tab that cells are copied to;
    ``unsettled_since`` says when (seconds since 1970) a write was sent of which it is not known yet what it wrote over, 0
    for none.
    """

    sheet_id: int
    time_zone: str
    layout: Mapping[str, int]
    seen_at: float
    renamed: Mapping[str, str] = field(default_factory=dict)
    row_count: int = 0
    rows_end: int = 0
    spreadsheet_cells: int = 0
    spreadsheet_tabs: int = 0
    version: str = ""
    intended: list[str] = field(default_factory=list)
    recovered_at: float = 0.0
    declared: Mapping[str, Sequence[str]] = field(default_factory=dict)
    released: Mapping[str, str] = field(default_factory=dict)
    key: Sequence[str] = ()
    cells: int | None = None
    computes_slowly: bool = False
    rules: Mapping[str, str] = field(default_factory=dict)
    copies: CopiesTab | None = None
    unsettled_since: float = 0.0


#: Key → cells by column name; None where they are not known.
BaseRows = dict[str, Mapping[str, Cell] | None]


class Sent(NamedTuple):
    """A row on its way: the version of its write, its place among the copies of that, and the cells that people may edit.

    ``row`` (0-based) is where it is written; None where it is not copied, or an earlier version noted it.
    """

    version: str
    place: int | None
    cells: Mapping[str, Cell]
    row: int | None = None


class EditInbox(Protocol):
    """Takes what people typed into cells that they may edit."""

    def take(self, changes: ChangeSet, layout: Mapping[str, int], stood: Callable[[Collection[str]], BaseRows]) -> None:
        """Note edits among what a full sync is about to write, and take out of it what the database did not change.

        ``stood`` gives what rows were last known to hold.
        """

    def note_overwritten(self, found: Sequence[FoundEdit], sent_at: float, *, is_sure: bool = True) -> None:
        """Note edits that a write of ours, sent at this time (seconds since 1970), has written over.

        Where it is not sure which cells they are of, a person decides.
        """


class TabMemory(Protocol):
    """Facts and base snapshot of one tab: what we last wrote, row by row.

    A row is noted as intended before it is sent, and confirmed with its cells once the write is known; a row whose
    cells are None was sent and may or may not have arrived.
    """

    def now(self) -> float:
        """Seconds since 1970 by the store's clock, the same for all processes and hosts."""

    def facts(self) -> TabFacts | None:
        """Where the tab was last found."""

    def save_facts(self, facts: TabFacts | None) -> None:
        """Note where the tab is. A new sheet id, or None, is another tab: rows in the base count as deleted."""

    def distrust(self) -> None:
        """Keep which rows are ours, but no longer rely on what was last written to them."""

    def owned(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that we wrote, or meant to write, and have not deleted since."""

    def once_owned(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that we wrote and deleted again."""

    def base(self, keys: Collection[str]) -> BaseRows:
        """What we last wrote in these rows."""

    def written_since(self, moment: float) -> set[str]:
        """Keys of rows written or deleted at or after a moment."""

    def intend(self, keys: Collection[str]) -> None:
        """Note rows that are about to be sent."""

    def send(self, rows: Mapping[str, Sent]) -> None:
        """As ``intend``, of a tab that people edit: what stood in the rows stays known until they are confirmed."""

    def in_flight(self) -> dict[str, Sent]:
        """Rows that were sent and neither confirmed nor settled."""

    def stood(self, keys: Collection[str]) -> BaseRows:
        """What these rows hold as far as is known, or held before what is on its way; None where that is not known."""

    def settle(self, rows: BaseRows) -> None:
        """Note what rows that were on their way hold now in columns that people may edit; the others are not known."""

    def confirm(self, rows: Mapping[str, Mapping[str, Cell]]) -> None:
        """Note rows that are known to stand in the tab."""

    def forget(self, keys: Collection[str]) -> None:
        """Note rows that are known to be gone from the tab."""

    def confirmed(self) -> int:
        """Number of rows whose cells are known."""


def stood_at(memory: TabMemory, moment: float, keys: Collection[str]) -> BaseRows:
    """What these rows held at a moment, as far as is known; None for those of which something was noted at or after it.

    What was read at that moment is older than what is known of them: compared with that it would look like an edit.
    """
    stood = memory.stood(keys)
    newer = memory.written_since(moment)
    return {key: None if key in newer else cells for key, cells in stood.items()}
