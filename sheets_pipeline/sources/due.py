"""Which sources are due, and when each is next: by its interval, sooner after a failure that passes. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.database.source_tasks import Known, Task

#: Beyond the tries of a failure that passes, a source waits for its interval.
_LONGEST_WAIT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a failed reading is tried again before its time, and after how many seconds at first; doubled each time."""

    most: int = 3
    delay_seconds: float = 5.0


def next_at(one: DeclaredSource, task: Task | None, known: Known | None, retries: Retries) -> datetime | None:
    """When a source is to be read next; None for never, the least moment where that is now.

    One that cannot be used is told once, and again when what is wrong with it is something else.
    """
    if one.source is None:
        is_told = (
            task is not None and task.state == "failed" and one.problem is not None and one.problem in str(task.error)
        )
        return None if is_told else _NOW
    if known is not None and known.asked_at is not None:
        return _NOW
    if not one.source.enabled:
        return None
    if task is None:
        return _NOW
    if not task.is_over or task.completed_at is None:
        return task.created_at + timedelta(seconds=one.source.interval)
    wait = float(one.source.interval)
    if task.state == "failed" and not task.needs_person and 0 < task.failures <= retries.most:
        wait = min(wait, retries.delay_seconds * 2.0 ** (task.failures - 1), _LONGEST_WAIT_SECONDS)
    return (task.started_at or task.completed_at) + timedelta(seconds=wait)


#: Before everything.
_NOW = datetime.fromisoformat("0001-01-02T00:00:00+00:00")


def is_now(moment: datetime | None) -> bool:
    """Whether ``next_at`` said that it waits for nothing."""
    return moment == _NOW


def due(
    sources: Iterable[DeclaredSource],
    tasks: Mapping[str, Task],
    known: Mapping[str, Known],
    now: datetime,
    retries: Retries,
) -> list[DeclaredSource]:
    """Those that are to be read now: by their priority, then those that wait the longest."""
    found = []
    for one in sources:
        task = tasks.get(one.id)
        if task is not None and not task.is_over:
            continue  # it is being read
        moment = next_at(one, task, known.get(one.id), retries)
        if moment is not None and moment <= now:
            found.append((one.source.priority if one.source else 0, moment, one.id, one))
    return [one for *_, one in sorted(found, key=lambda each: each[:3])]


def together(sources: Iterable[DeclaredSource]) -> list[list[DeclaredSource]]:
    """Those of one spreadsheet and credential together, as one request reads them; in the order of the first of each."""
    groups: dict[tuple[str, ...], list[DeclaredSource]] = {}
    for one in sources:
        if one.source is None:
            groups[("", one.id)] = [one]
        else:
            credential = one.credential.path if one.credential is not None else None
            key = (one.source.spreadsheet_id, one.source.credential, str(credential))
            groups.setdefault(key, []).append(one)
    return list(groups.values())
