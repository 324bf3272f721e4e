"""What should be true of all sources, by their newest tasks: checks of the asset, and what the doctor and the status tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.database.source_tasks import Task
from sheets_pipeline.sources.schema import held_back

#: A source is late once its last good reading is so many intervals ago, and at least so many seconds.
_LATE_INTERVALS, _LATE_SECONDS = 3, 900
#: A count of rows jumps where more than this share of them came or went, and more than a few.
_JUMP_SHARE, _JUMP_ROWS = 0.5, 20

NAMED = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check over all sources: what is wrong, by the id of the source."""

    check: str
    description: str
    wrong: Mapping[str, str] = field(default_factory=dict)
    is_error: bool = False

    @property
    def told(self) -> str | None:
        """The first that are wrong, in one paragraph; None where all is well."""
        told = [f"{name}: {text}" for name, text in [*self.wrong.items()][:NAMED]]
        more = [f"And {len(self.wrong) - NAMED} more."] if len(self.wrong) > NAMED else []
        return " ".join([*told, *more]) or None


#: Name of each check → what holds where it passes.
CHECKS = {
    "sources_can_be_read": "Each source was read by its last task.",
    "columns_are_as_before": "No column of a source came, went or changed its type with its last reading.",
    "sources_are_fresh": "Each source was read within three of its intervals.",
    "row_counts_are_plausible": "No source lost or gained more than half of its rows with its last version.",
}


def judged(sources: Sequence[DeclaredSource], tasks: Mapping[str, Task], now: datetime) -> Iterator[Verdict]:
    """All checks of these sources, those that are switched off left out."""
    on = [one for one in sources if one.source is None or one.source.enabled]
    read = {one.id: task for one in on if (task := tasks.get(one.id)) is not None}
    failed = {name: str(task.error) for name, task in read.items() if task.state == "failed"}
    broken = {one.id: str(one.problem) for one in on if one.source is None}
    columns = {name: text for name, task in read.items() if (text := _columns(task)) is not None}
    late = {one.id: text for one in on if (text := _lateness(one, tasks.get(one.id), now)) is not None}
    jumps = {name: text for name, task in read.items() if (text := _jump(task)) is not None}
    found = (failed | broken, columns, late, jumps)
    for (name, description), wrong in zip(CHECKS.items(), found, strict=True):
        yield Verdict(name, description, wrong, is_error=name == "sources_can_be_read")


def _columns(task: Task) -> str | None:
    result = task.result or {}
    if (held := result.get("held")) is not None:
        return held_back(task.source, held)
    changed = result.get("schema_change")
    return f"{changed}." if changed else None


def _lateness(one: DeclaredSource, task: Task | None, now: datetime) -> str | None:
    if one.source is None or task is None:
        return None
    limit = timedelta(seconds=max(_LATE_INTERVALS * one.source.interval, _LATE_SECONDS))
    since = task.completed_at or task.created_at
    if now - since <= limit:
        return None
    return f"last looked at {since:%Y-%m-%d %H:%M} UTC, and due every {one.source.interval} s."


def _jump(task: Task) -> str | None:
    before, rows = (task.result or {}).get("previous_rows"), task.rows
    if before is None or rows is None or not task.changed:
        return None
    difference = abs(rows - before)
    if difference <= _JUMP_ROWS or difference <= _JUMP_SHARE * max(before, 1):
        return None
    return f"{before:,} rows became {rows:,}."
