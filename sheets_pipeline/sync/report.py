"""What one sync of one tab did or would do, in numbers."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sheets_pipeline.sync.cells import json_key
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.drift import Drift
from sheets_pipeline.sync.numbers import SyncNumbers, Traffic, Work
from sheets_pipeline.sync.rows import Rows, SetAside
from sheets_pipeline.sync.snapshot import column_letters
from sheets_pipeline.sync.tab import ColumnType


@dataclass(slots=True)
class SyncReport(Work):
    """Rows, changes and cost of one sync of one tab."""

    tab: str
    #: ``full``, or ``events`` where only touched rows were looked at.
    kind: str = "full"
    url: str = ""
    planned_cells: int = 0
    planned_requests: int = 0
    planned_bytes: int = 0
    traffic: Traffic = field(default_factory=Traffic)
    set_aside: list[SetAside] = field(default_factory=list)
    foreign_keys: list[str] = field(default_factory=list)
    #: Rows that we had deleted and that stood in the tab again.
    returned_rows: int = 0
    doubled_keys: dict[str, list[int]] = field(default_factory=dict)
    kept_as_text: dict[str, int] = field(default_factory=dict)
    keyless_rows: list[int] = field(default_factory=list)
    #: Columns that people renamed (name → header now), that were added, whose header was written anew, and headers of
    #: columns that are no longer declared and stand there all the same.
    renamed_columns: dict[str, str] = field(default_factory=dict)
    added_columns: list[str] = field(default_factory=list)
    retitled_columns: list[str] = field(default_factory=list)
    released_columns: list[str] = field(default_factory=list)
    #: Rows that look like rows of ours whose key people cleared or changed; these rows were written anew.
    stray_rows: list[int] = field(default_factory=list)
    created: bool = False
    #: What people changed in our cells since we last wrote them; None where that was not looked at.
    drift: Drift | None = None
    #: Rows of the database (those set aside among them), and rows of ours in the tab after the sync; full syncs only.
    rows_in_database: int = 0
    rows_in_tab: int = 0
    #: Cells of the tab's grid, and cells and tabs of the spreadsheet as last counted (0: never).
    grid_cells: int = 0
    spreadsheet_cells: int = 0
    spreadsheet_tabs: int = 0
    #: Columns with a text that fills more than half of what a cell holds → characters of the longest.
    long_texts: dict[str, int] = field(default_factory=dict)
    #: Rows that went to another tab in this sync, and archive tabs: title → rows and link.
    moved_rows: int = 0
    archives: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Times the tab was read again because an answer was lost or rows had moved.
    rounds: int = 1
    #: Columns of ours in the order of the declaration: name → letters in the tab, type.
    columns: dict[str, tuple[str, ColumnType]] = field(default_factory=dict)
    #: First changes for people to read: (what, row number or None, key, column, old, new).
    sample: list[tuple[str, int | None, str, str, Any, Any]] = field(default_factory=list)

    @property
    def numbers(self) -> SyncNumbers:
        """What is kept and shown of every sync."""
        done = {each.name: getattr(self, each.name) for each in fields(Work)}
        return SyncNumbers(**done, **asdict(self.traffic), set_aside=len(self.set_aside))

    def as_json(self) -> dict[str, Any]:
        """The shape of ``sync --json``."""
        return {
            **self.numbers.as_dict(),
            "set_aside": self.set_aside_json(),
            "set_aside_rows": self.set_aside_json(),
            "kept_as_text": self.kept_as_text,
            "rounds": self.rounds,
            "created": self.created,
            "url": self.url,
        }

    def set_aside_json(self) -> list[dict[str, Any]]:
        """Which rows cannot be written, and why."""
        return [{"key": json_key(row.key), "reason": row.reason} for row in self.set_aside]


#: Changes of each kind that a sample shows.
SAMPLE_SIZE = 20


def sample_changes(changes: ChangeSet, wanted: Rows) -> list[tuple[str, int | None, str, str, Any, Any]]:
    """The first changes of each kind, for a preview."""
    key_at = {row: key for key, row in changes.updated_keys.items()}
    sample: list[tuple[str, int | None, str, str, Any, Any]] = [
        ("insert", None, wanted.keys[i], "", None, list(wanted.row(i).values())) for i in changes.inserts[:SAMPLE_SIZE]
    ]
    sample += [
        ("update", update.row + 1, key_at[update.row], column_letters(update.column), update.old, update.new)
        for update in changes.updates[:SAMPLE_SIZE]
    ]
    sample += [("delete", d.row + 1, d.key, "", None, None) for d in changes.deletes[:SAMPLE_SIZE]]
    return sample
