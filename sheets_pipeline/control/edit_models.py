"""What the control API takes and gives of edits, as pydantic models."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sheets_pipeline.control.models import Moment, Title, one_line

State = Literal["new", "applied", "same", "conflict", "rejected", "awaiting", "dead", "undone", "superseded"]
Address = Annotated[str, Field(min_length=1, max_length=254), AfterValidator(one_line)]
Batch = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(one_line)]
#: Numbers of edits: what every database can hold.
EditId = Annotated[int, Field(ge=1, le=2**63 - 1)]
_By = Annotated[
    str | None,
    Field(max_length=200, description="Who decides, as the ledger shows it."),
    AfterValidator(lambda text: text and one_line(text)),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: _By = None


class DecideRequest(_Request):
    """A decision about one edit."""


class BatchRequest(_Request):
    """A decision about all edits of a batch that wait."""

    batch: Batch


class UndoRequest(_Request):
    """Which applied edits to take back: those named, those of a batch, or those of a person in a time span."""

    ids: list[EditId] = Field([], max_length=1000, description="Numbers of edits.")
    batch: Batch | None = Field(None, description="All of a batch.")
    editor: Address | None = Field(None, description="All of a person; with since and until.")
    since: Moment | None = Field(None, description="Seen at or after this.")
    until: Moment | None = Field(None, description="Seen before this.")
    tab: Title | None = Field(None, description="Only of this tab.")
    dry_run: bool = Field(False, description="Tell what would change, and change nothing.")

    @model_validator(mode="after")
    def _one_way(self) -> "UndoRequest":
        """Exactly one way of naming them, and a person never without a time."""
        if sum((bool(self.ids), self.batch is not None, self.editor is not None)) != 1:
            raise ValueError("name either ids, or a batch, or an editor with since and until")
        if self.editor is not None and (self.since is None or self.until is None):
            raise ValueError("an editor needs since and until")
        return self


class Shown(BaseModel):
    """Values as people read them; blank is blank."""

    base: str
    typed: str
    database: str
    stored: str


class EditAnswer(BaseModel):
    """One edit of one cell. ``base`` stood there before, ``database`` is what the database held, ``stored`` what it made of it."""

    id: int
    spreadsheet: str
    tab: str
    key: Any = Field(description="Of the row; a list where the key has several columns.")
    column: str
    base: Any
    typed: Any
    database: Any
    stored: Any
    shown: Shown
    state: State
    reason: str | None
    editor: str | None
    seen_at: datetime
    seen_by: str = Field(description="webhook, read or undo.")
    applied_at: datetime | None
    batch: str
    decided_by: str | None
    undoes: int | None


class EditsAnswer(BaseModel):
    """Edits, newest first, and how many there are that somebody may have to look at."""

    edits: list[EditAnswer]
    next: int | None = Field(description="What `before` has to be for the next page; null on the last.")
    enabled: bool = Field(description="Whether edits change the database (EDITS_ENABLED).")
    waiting: dict[str, int] = Field(description="Counts of all that are new, awaiting, conflict, rejected or dead.")
    found_by: dict[str, int] = Field(description="How many the webhook and reading found in the last day.")
    rejected_lately: int = Field(description="Rejected in the last hour.")
    last_message: datetime | None = Field(description="When a message of the Apps Script came last.")
    webhook_is_silent: bool = Field(description="Whether reading finds edits of which no message tells.")


class EditDetailAnswer(BaseModel):
    """One edit, and all of its cell, newest first."""

    edit: EditAnswer
    cell: list[EditAnswer]


class DecidedAnswer(BaseModel):
    """What became of edits that were decided about."""

    edits: list[EditAnswer]


class TakingAnswer(BaseModel):
    """What taking back does to one cell, or a row (column ``(row)``): from ``now`` to ``then`` where it changes."""

    ids: list[int] = Field(description="Edits that are taken back together.")
    tab: str
    key: Any
    column: str
    now: str = Field(description="What the database holds; blank where that is unknown, too.")
    then: str
    outcome: Literal["changes", "nothing", "kept", "unknown"] = Field(
        description="kept: it has changed since. unknown: its row was not found, or not looked at."
    )
    reason: str | None = Field(description="Why a row is kept.")
    later: list[EditAnswer] = Field(description="Applied edits of the cell, or of the inserted row, that came later.")


class UndoAnswer(BaseModel):
    """What would be taken back, or what became of it."""

    asked: int = Field(description="Edits that are meant.")
    batch: str | None = Field(description="The new edits that take them back; null for a dry run.")
    states: dict[str, int] = Field(
        description="How many of the new edits are in which state; conflict: kept, as it changed since."
    )
    cells: list[TakingAnswer] = Field(description="What would change, at most 1,000 cells; only of a dry run.")
