"""What a reading of a tab shows, and one round of a sync: what it leads to."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from sheets_pipeline.sheets.finder import as_declared
from sheets_pipeline.sheets.marks import Sight
from sheets_pipeline.sheets.memory import TabFacts
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.drift import Drift
from sheets_pipeline.sync.headers import Columns
from sheets_pipeline.sync.inserts import Place
from sheets_pipeline.sync.marks import digest
from sheets_pipeline.sync.plan import Plan, plan_changes, plan_creation
from sheets_pipeline.sync.report import SyncReport, sample_changes
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.snapshot import RowIndex, TabSnapshot, column_letters
from sheets_pipeline.sync.tab import Tab

#: Rows of ours that an event sync may read in full, because the end that it knows of is that much out of date.
_ROWS_BELOW_READ = 200


@dataclass(frozen=True, slots=True)
class TabLook:
    """A tab at one time: its cells, where our columns are, and in which row each key stands.

    ``read_at`` is a moment right before it was read, by the memory's clock; ``is_as_known`` says whether what we remember of
    its rows is what stands there.
    """

    sheet_id: int
    snapshot: TabSnapshot
    layout: dict[str, int]
    index: RowIndex
    read_at: float
    is_as_known: bool = True

    @property
    def row_of(self) -> dict[str, int]:
        """Key → row (0-based)."""
        return self.index.row_of


class RowInbox(Protocol):
    """Takes what people did to rows: added some, took some out, changed a key."""

    def recover(self, look: Callable[[], TabLook | None]) -> None:
        """Before the tab is written: bring to their end rows that a process left on their way."""

    def hold(self, changes: ChangeSet, look: TabLook, wanted: Rows) -> None:
        """Take out of a full sync's changes what would undo that before it has been seen to."""


@dataclass(slots=True)
class Round:
    """What one reading of the tab leads to."""

    #: What is known before anything is sent, and once all of it is applied.
    facts: TabFacts
    settled: TabFacts
    title: str
    wanted: Rows
    changes: ChangeSet
    plan: Plan
    sight: Sight
    index: RowIndex | None = None
    columns: Columns = field(default_factory=Columns)
    #: Rows (as the user counts them) that look like ours and have no key, or one that is not theirs.
    strays: list[int] = field(default_factory=list)
    #: Rows of ours in the tab afterwards, where ``wanted`` holds only some of them.
    rows: int | None = None
    drift: Drift | None = None
    rows_in_tab: int = 0
    grid_cells: int = 0
    #: The row (0-based) at which new rows are put in; None where they go below everything.
    first_new_row: int | None = None
    #: Gives the digest of the keys that will be ours.
    rows_digest: Callable[[], str] = str

    def describe(self, report: SyncReport, tab: Tab, spreadsheet_url: str) -> None:
        """Put into the report what this round is about to do."""
        changes = self.changes
        report.url = f"{spreadsheet_url}#gid={self.facts.sheet_id}"
        report.rows = len(self.wanted) if self.rows is None else self.rows
        report.inserts = len(changes.inserts)
        report.updates = len(changes.updated_keys)
        report.deletes = len(changes.deletes)
        report.set_aside, report.kept_as_text = self.wanted.set_aside, self.wanted.kept_as_text
        report.foreign_keys, report.returned_rows = changes.foreign_keys, changes.returned
        if self.index is not None:
            report.doubled_keys, report.keyless_rows = self.index.doubled, self.index.keyless
        report.created = self.index is None
        report.renamed_columns = dict(self.facts.renamed)
        report.added_columns, report.retitled_columns = self.columns.added, self.columns.retitled
        report.released_columns = list(self.columns.released.values())
        report.stray_rows = self.strays
        report.planned_cells = self.plan.cells
        report.planned_requests = len(self.plan.batches)
        report.planned_bytes = sum(batch.bytes for batch in self.plan.batches)
        report.sample = sample_changes(changes, self.wanted)
        layout = self.settled.layout
        report.columns = {one.name: (column_letters(layout[one.name]), one.type) for one in tab.columns}
        report.drift, report.long_texts = self.drift, self.wanted.long_texts
        report.rows_in_tab, report.grid_cells = self.rows_in_tab, self.grid_cells
        report.spreadsheet_cells = self.facts.spreadsheet_cells
        report.spreadsheet_tabs = self.facts.spreadsheet_tabs


def new_layout(tab: Tab) -> dict[str, int]:
    """Where the columns of a tab stand that we make."""
    return {column.name: i for i, column in enumerate(tab.columns)}


def round_of_changes(
    tab: Tab,
    facts: TabFacts,
    snapshot: TabSnapshot,
    columns: Columns,
    wanted: Rows,
    changes: ChangeSet,
    index: RowIndex,
    sight: Sight,
    end: int,
    place: Place,
    bare_from: int | None = None,
    *,
    are_copied: bool = False,
) -> Round:
    """Take a tab that is in use from what it holds to what it should hold.

    ``end`` is the row after our last one, ``place`` where new rows go; from ``bare_from`` on the grid holds nothing. With
    ``are_copied`` what people may edit is copied before it is written over.
    """
    # In the order of the declaration, which is the order of the base's cells.
    layout = {column.name: columns.layout[column.name] for column in tab.columns}
    plan = plan_changes(
        tab,
        facts.sheet_id,
        snapshot,
        layout,
        wanted,
        changes,
        columns=columns,
        bare_from=bare_from,
        place=place,
        copied=[layout[name] for name in tab.edited] if are_copied else (),
    )
    now, rows_end = facts, end + len(changes.inserts) - len(changes.deletes)
    if snapshot.known_from == 0 or not 0 <= rows_end - facts.rows_end < _ROWS_BELOW_READ:
        now = replace(now, row_count=plan.row_count, rows_end=rows_end)
    settled = facts = replace(now, layout=layout)
    if snapshot.known_from == 0:
        # What this sync makes is known once it is made, or a lost write would pass for people's doing.
        now = replace(now, cells=snapshot.cell_count)
        unmade = {*columns.added, *columns.taken_over}
        settled = as_declared(tab, now, columns)
        existing = {name: place for name, place in layout.items() if name not in unmade}
        facts = replace(settled, declared=now.declared, layout=existing)
    planned = Round(facts, settled, snapshot.title, wanted, changes, plan, sight, index, columns)
    planned.grid_cells = snapshot.row_count * snapshot.column_count + plan.grid_cells
    planned.first_new_row = place.row
    return planned


def round_of_creation(
    tab: Tab, facts: TabFacts, wanted: Rows, grid: tuple[int, int] | None, sight: Sight, index: int | None = None
) -> Round:
    """Make a tab at ``index`` among the others, or fill an empty one whose ``grid`` has so many rows and columns."""
    plan = plan_creation(tab, facts.sheet_id, wanted, grid=grid, index=index)
    changes = ChangeSet(list(range(len(wanted))), [], [], {}, [])
    rows_end = len(wanted) + 1
    facts = replace(facts, row_count=plan.row_count, rows_end=rows_end, cells=rows_end * len(tab.columns))
    facts = as_declared(tab, facts, Columns(new_layout(tab)))
    planned = Round(facts, facts, tab.title, wanted, changes, plan, sight)
    planned.rows_digest = lambda: digest(wanted.keys)
    planned.rows_in_tab, planned.grid_cells, planned.first_new_row = len(wanted), plan.grid_cells, 1
    return planned
