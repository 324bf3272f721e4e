"""What the control API takes and gives, as pydantic models: the OpenAPI document is made of them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from sheets_pipeline.sync.numbers import KEPT, NUMBERS


def one_line(text: str) -> str:
    """Text that every database and terminal can take: one line, no control characters, no half characters."""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must be one line of text without control characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode, found half of a surrogate pair") from None
    return text


def _sensible_time(moment: datetime) -> datetime:
    """A moment with a zone (UTC where it has none), within what databases and clocks agree on."""
    if not 2000 <= moment.year <= 2100:
        raise ValueError("must lie between the years 2000 and 2100")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Title = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(one_line)]
Line = Annotated[str, Field(max_length=200), AfterValidator(one_line)]
Moment = Annotated[datetime, AfterValidator(_sensible_time)]
Outcome = Literal["success", "failed", "refused"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


Model = TypeVar("Model", bound=BaseModel)


def _with_numbers(model: type[Model]) -> type[Model]:
    """The model with the numbers that are kept of a sync."""
    numbers: dict[str, Any] = {name: (NUMBERS[name][0] | None, Field(description=NUMBERS[name][1])) for name in KEPT}
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, __module__=__name__, **numbers)


class ForceRequest(_Request):
    """Which tabs to sync; all that are switched on where none is named."""

    tab: Title | None = Field(None, description="One tab's title.")
    tabs: list[Title] = Field([], max_length=50, description="Several titles.")


class SwitchRequest(_Request):
    """Which tab to switch; everything where none is named."""

    tab: Title | None = Field(None, description="A tab's title.")


class PauseRequest(_Request):
    """A pause is a lease: it ends by itself, and is renewed by asking again under the same holder."""

    seconds: float = Field(gt=0, le=86_400, allow_inf_nan=False, description="Length of the lease from now.")
    reason: Line = Field("", description="Shown to people while it lasts.")
    holder: Title = Field("control API", description="Whose lease it is; each holder has one.")


class ResumeRequest(_Request):
    """Whose lease ends; all of them where nobody is named."""

    holder: Title | None = Field(None, description="As given to /sync/pause.")


class ErrorAnswer(BaseModel):
    """Something was wrong: what was found, what was expected, what to do."""

    error: str


class HealthAnswer(BaseModel):
    """For load balancers and uptime monitors."""

    health: Literal["healthy", "warning", "degraded", "stopped", "unhealthy", "unknown"] = Field(
        description="unhealthy: could not start at all; unknown: a database does not answer any more."
    )
    reason: str | None = Field(None, description="Why; told to those who have the token, where there is one.")


class StatusAnswer(BaseModel):
    """Health of everything and of each tab; the shape of ``sheets-pipeline status --json``, with more keys beside."""

    model_config = ConfigDict(extra="allow")

    health: Literal["healthy", "warning", "degraded", "stopped"]
    reason: str
    paused_until: str | None
    tabs: dict[str, dict[str, Any]]
    hosts: list[dict[str, Any]] = Field(description="What runs on which host, as it last told of itself.")
    host_findings: list[dict[str, Any]] = Field(
        description="What is wrong with hosts, and what to do; the gravest first."
    )
    host_silent_after_seconds: float
    under_way: list["RunAnswer"] = Field(description="Full syncs that are queued or running.")
    dagster_url: str | None
    everything_enabled: bool = Field(description="Whether full_sync_schedule and pending_events are on.")
    pause_limit_seconds: int


class RunAnswer(BaseModel):
    """A Dagster run of the job full_sync."""

    run_id: str
    url: str | None = Field(description="Its page in the Dagster UI.")
    status: str = Field(description="Dagster's word: QUEUED, STARTED ...")
    tabs: list[str]
    started_at: datetime | None


class ForceAnswer(BaseModel):
    """The run that syncs these tabs."""

    run_id: str
    url: str | None
    tabs: list[str]
    joined: bool = Field(description="Whether that run was already under way.")


class SwitchAnswer(BaseModel):
    """What is on now: schedules and sensors by name, as the Dagster UI shows them."""

    enabled: bool
    switches: list[str]
    tab: str | None


class PauseAnswer(BaseModel):
    """Until when bulk syncs wait; null when nothing is paused."""

    paused_until: datetime | None


@_with_numbers
class LogLine(BaseModel):
    """One sync of one tab, or a run that is under way. Numbers are null unless it succeeded."""

    id: int
    tab: str
    kind: str
    outcome: Outcome | Literal["running"]
    started_at: datetime
    ended_at: datetime | None
    error_kind: str | None
    error: str | None
    needs_person: bool | None
    run_id: str | None
    run_url: str | None


class SourceLogLine(BaseModel):
    """One reading of a source."""

    source: str
    task_id: str
    state: str
    created_at: datetime
    completed_at: datetime | None
    error_kind: str | None
    error: str | None
    rows: int | None
    changed: bool | None


class LogsAnswer(BaseModel):
    """Recent syncs, newest first."""

    logs: list[LogLine]
    sources: list[SourceLogLine] = Field([], description="Recent tasks of sources; none where a tab is asked for.")


class Point(BaseModel):
    """One finished sync, for drawing."""

    at: datetime
    kind: str
    outcome: str
    seconds: float | None
    cells: int | None
    rows: int | None


class TabStats(BaseModel):
    """Counts of a tab's syncs as far as the record goes, and its latest syncs, oldest first."""

    syncs: int
    successful: int
    failed: int
    cells: int
    requests: int
    quota_wait_seconds: float
    average_seconds: float | None
    longest_seconds: float | None
    history: list[Point]


class QueuePoint(BaseModel):
    """Pending events at one moment."""

    at: datetime
    pending: int


class StatsAnswer(BaseModel):
    """Counts and durations per tab; the queue over the last hour."""

    at: datetime
    tabs: dict[str, TabStats]
    queue: list[QueuePoint]
