"""What the control API takes and gives of sources, as pydantic models."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sheets_pipeline.control.models import one_line

SourceId = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(one_line)]
Words = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]


class ProcessRequest(BaseModel):
    """Which sources to read now."""

    model_config = ConfigDict(extra="forbid")

    sources: list[SourceId] = Field(min_length=1, max_length=1000, description="Their ids.")


class AcceptRequest(BaseModel):
    """Which change of columns is taken."""

    model_config = ConfigDict(extra="forbid")

    source: SourceId
    held: str = Field(min_length=1, max_length=100_000, description="As the source told it; another one is refused.")


class ProcessAnswer(BaseModel):
    """The sources that the next run reads, within some ten seconds."""

    asked: list[str]


class VersionPoint(BaseModel):
    """A version, for drawing."""

    at: datetime | None
    rows: int | None


class SourceAnswer(BaseModel):
    """One source and its newest task."""

    id: str
    name: str
    description: str
    tags: list[str]
    enabled: bool
    state: str = Field(description="completed, failed, held, broken, off, new, pending or processing.")
    error: str | None
    held: str | None = Field(description="Columns that came, went or have another type, and hold the version back.")
    notes: list[str] = Field(description="What is odd about columns, with places and without contents.")
    not_told: str | None = Field(description="Why somebody has not been told of a version.")
    url: str | None
    declared_in: str
    interval_seconds: int | None
    rows: int | None
    content_hash: str | None
    version: int | None
    task_id: str | None
    last_read: datetime | None
    last_change: datetime | None
    next_read: datetime | None
    history: list[VersionPoint]


class SourcesAnswer(BaseModel):
    """All sources that are declared."""

    at: datetime
    sources: list[SourceAnswer]
    stale_code: str | None = Field(description="How declarations on disk differ from those that Dagster has loaded.")


class ColumnAnswer(BaseModel):
    """A column."""

    name: str
    header: str
    type: str


class VersionAnswer(BaseModel):
    """One version of a source."""

    number: int
    content_hash: str
    rows: int
    read_at: datetime
    columns: list[ColumnAnswer]


class VersionsAnswer(BaseModel):
    """Versions, the latest first."""

    versions: list[VersionAnswer]


class FoundRow(BaseModel):
    """A row as text; ``number`` counts from 1 in its version."""

    source: str
    number: int
    cells: list[str]


class RowsAnswer(BaseModel):
    """Rows of a version, or those that a search found."""

    version: VersionAnswer | None = Field(description="Null where rows of several sources were found.")
    rows: list[FoundRow]


class CellAnswer(BaseModel):
    """A cell that changed."""

    column: str
    before: str
    after: str


class ChangeAnswer(BaseModel):
    """A row that came, went or changed."""

    kind: str = Field(description="inserted, deleted or changed.")
    number: int
    cells: list[str]
    changed: list[CellAnswer]


class DiffAnswer(BaseModel):
    """What changed from one version to another; at most so many rows as were asked for."""

    before: VersionAnswer
    after: VersionAnswer
    inserted: int
    deleted: int
    changed: int
    unchanged: int
    columns: list[str] = Field(description="Columns that came, went or have another type, in words.")
    rows: list[ChangeAnswer]
