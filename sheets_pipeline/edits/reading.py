"""Reading as the second way: a full sync finds what people typed before it repairs anything, and leaves those cells alone.

What was typed after that, and written over, the write itself brings back (``sheets/copies.py``).
"""

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

import sqlalchemy as sa

from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.base import as_moment, zone_named
from sheets_pipeline.edits.ledger import Seen, Source
from sheets_pipeline.edits.recording import record
from sheets_pipeline.sheets.cell_dates import Place, read_dates
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.rounds import TabLook
from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.copies import FoundEdit
from sheets_pipeline.sync.diff import CellUpdate, ChangeSet
from sheets_pipeline.sync.tab import ColumnType, Tab
from sheets_pipeline.sync.typed_cells import Reader, Typed

#: Gives what rows were last known to hold, by key and column name; None where that is not known.
Base = Callable[[Collection[str]], Mapping[str, Mapping[str, Cell] | None]]


_COLUMNS_MOVED = "columns were moved in the moment of a write, so that nobody knows for sure which cell this was"


class Reading:
    """Finds edits among what a full sync is about to write; follows the protocol ``EditInbox``."""

    def __init__(self, state: sa.Engine, client: SheetsClient, spreadsheet_id: str, tab: Tab) -> None:
        self.state, self.client, self.spreadsheet_id, self.tab = state, client, spreadsheet_id, tab

    def take(self, changes: ChangeSet, layout: Mapping[str, int], stood: Base) -> None:
        """Note cells of editable columns that differ from what was last written there, and take out of the change set those
        that the database did not change: they are not written over before they have been applied.

        A cell that both sides changed is written where the database wins: the ledger keeps what was typed.
        """
        found = self._found(changes, layout, stood)
        if not found:
            return
        self._record([seen for _, seen, _ in found], [(update.row, update.column) for update, _, _ in found])
        held = {
            (update.row, update.column)
            for update, seen, written in found
            if same_cell(update.new, written) or self.tab.edited[seen.column].on_conflict == "sheet"
        }
        changes.updates = [update for update in changes.updates if (update.row, update.column) not in held]
        rows = {update.row for update in changes.updates}
        changes.updated_keys = {key: row for key, row in changes.updated_keys.items() if row in rows}

    def _found(self, changes: ChangeSet, layout: Mapping[str, int], base: Base) -> list[tuple[CellUpdate, Seen, Cell]]:
        edited = {layout[name]: name for name in self.tab.edited if name in layout}
        key_at = {row: key for key, row in changes.updated_keys.items()}
        updates = [update for update in changes.updates if update.column in edited and update.row in key_at]
        known = base({key_at[update.row] for update in updates}) if updates else {}
        found = []
        for update in updates:
            key, name = key_at[update.row], edited[update.column]
            row = known.get(key)
            if row is not None and name in row and not same_cell(row[name], update.old):
                found.append((update, Seen(key, name, update.old), row[name]))
        return found

    def note(self, look: TabLook, base: Base) -> int:
        """Note cells of a tab that was read for this alone; returns how many were taken up."""
        known, seen, places = base(look.row_of), list[Seen](), list[Place]()
        for name in self.tab.edited.keys() & look.layout.keys():
            cells = [None, *look.snapshot.column_cells(look.layout[name])]
            for key, row in look.row_of.items():
                stood = known.get(key)
                if stood is not None and name in stood and not same_cell(stood[name], cells[row]):
                    seen.append(Seen(key, name, cells[row]))
                    places.append((row, look.layout[name]))
        return self._record(seen, places, look.index.doubled) if seen else 0

    def note_overwritten(self, found: Sequence[FoundEdit], sent_at: float, *, is_sure: bool = True) -> None:
        """Note edits that a write of ours, sent at this time, has written over; they are merged as all others are.

        Where it is not sure which cells they are of, a person decides.
        """
        seen = [Seen(edit.key, edit.column, edit.typed, edit.stood) for edit in found]
        self._record(seen, (), written_over_at=sent_at, unsure="" if is_sure else _COLUMNS_MOVED)

    @cached_property
    def _properties(self) -> dict[str, str]:
        """Locale and time zone of the spreadsheet; one read request, where anything is found."""
        return read_dates(self.client, self.tab.title, ())[0]

    def dates(self, cells: Iterable[tuple[str, Typed, Place]]) -> set[Place]:
        """Those of some cells (column, what it holds, where) that are shown as dates where the column holds none.

        The request that gives locale and time zone tells it, so that it costs none of its own.
        """
        places = {place for name, cell, place in cells if self._may_be_date(name, cell)}
        if not places:
            return set()
        self._properties, shown = read_dates(self.client, self.tab.title, places)
        return shown

    def _may_be_date(self, name: str, cell: Typed) -> bool:
        is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
        return is_number and self.tab.column(name).type not in (ColumnType.DATE, ColumnType.DATETIME)

    def place(self) -> tuple[str, str]:
        """The spreadsheet's locale and time zone."""
        return self._properties.get("locale", "en_US"), self._properties.get("timeZone", "Etc/UTC")

    def reader(self) -> Reader:
        """How the spreadsheet reads what is typed."""
        locale, name = self.place()
        zone = zone_named(name)
        return Reader(locale, zone, datetime.now(zone).date())

    def _record(
        self,
        seen: list[Seen],
        places: Sequence[Place],
        doubled: Collection[str] = (),
        *,
        written_over_at: float | None = None,
        unsure: str = "",
    ) -> int:
        shown = self.dates((one.column, one.typed, place) for one, place in zip(seen, places, strict=False))
        properties, zone = self._properties, zone_named(self.place()[1])
        for i, place in enumerate(places):
            if place in shown:  # as the script tells of it
                seen[i] = seen[i]._replace(typed=as_moment(seen[i].typed, zone))
        limit = self.tab.edits.needs_approval_above if self.tab.edits else None
        source = Source(
            str(uuid.uuid4()),
            "read",
            time.time() if written_over_at is None else written_over_at,
            properties.get("locale", "en_US"),
            properties.get("timeZone", "Etc/UTC"),
            approval_above=limit,
            doubled=frozenset(doubled),
            is_overwritten=written_over_at is not None,
            unsure=unsure,
        )
        with ledger.writing(self.state) as connection:
            tab_id = ledger.tab_id_of(connection, self.spreadsheet_id, self.tab.title)
            return 0 if tab_id is None else record(connection, tab_id, seen, source)
