"""Sources and their contents for people: cells as text, and what a list of all sources shows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.database import source_notices, source_tasks
from sheets_pipeline.database.source_tasks import Known, Task
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.settings import Settings
from sheets_pipeline.sources.canonical import number_text
from sheets_pipeline.sources.content import Cell
from sheets_pipeline.sources.due import Retries, is_now, next_at

#: Versions that a small chart shows.
_POINTS = 30


def as_text(cell: Cell) -> str:
    """A cell as text: dates in ISO 8601, truth values as true and false, blank for none."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, Decimal):
        return number_text(cell)
    return cell if isinstance(cell, str) else str(cell) if isinstance(cell, int) else cell.isoformat()


def retries_of(settings: Settings) -> Retries:
    """How often failures that pass are tried again: as the settings say of runs."""
    return Retries(settings.sync_max_retries, settings.sync_retry_delay_seconds)


def overview(pipeline: Pipeline, sources: Sequence[DeclaredSource]) -> list[dict[str, Any]]:
    """All sources with their state; the same few queries however many they are."""
    state = pipeline.state
    tasks, known = source_tasks.latest(state), source_tasks.known(state)
    changes = source_tasks.changes(state, _POINTS)
    untold, retries = source_notices.untold(state), retries_of(pipeline.settings)
    return [
        _shown(
            pipeline, one, tasks.get(one.id), known.get(one.id), changes.get(one.id, []), untold.get(one.id), retries
        )
        for one in sources
    ]


def _shown(
    pipeline: Pipeline,
    one: DeclaredSource,
    task: Task | None,
    known: Known | None,
    changes: Sequence[Task],
    untold: str | None,
    retries: Retries,
) -> dict[str, Any]:
    source, result = one.source, dict(task.result or {}) if task else {}
    moment = next_at(one, task, known, retries)
    waits = task is None or task.is_over
    return {
        "id": one.id,
        "name": source.name if source else one.id,
        "description": source.description if source else "",
        "tags": list(source.tags) if source else [],
        "enabled": source.enabled if source else True,
        "state": _state(one, task, result),
        "error": one.problem or (task.error if task else None),
        "held": result.get("held"),
        "notes": result.get("notes", []),
        "not_told": untold,
        "url": pipeline.address_of(source.spreadsheet_id) if source else None,
        "declared_in": f"{one.file}, line {one.line}",
        "interval_seconds": source.interval if source else None,
        "rows": task.rows if task and task.rows is not None else (changes[-1].rows if changes else None),
        "content_hash": task.content_hash if task and task.content_hash else None,
        "version": result.get("version"),
        "task_id": task.id if task else None,
        "last_read": task.completed_at if task else None,
        "last_change": changes[-1].completed_at if changes else None,
        "next_read": None if moment is None or not waits else datetime.now(UTC) if is_now(moment) else moment,
        "history": [{"at": change.completed_at, "rows": change.rows} for change in changes],
    }


def _state(one: DeclaredSource, task: Task | None, result: Mapping[str, Any]) -> str:
    if one.source is None:
        return "broken"
    if task is not None and not task.is_over:
        return task.state
    if not one.source.enabled:
        return "off"
    if task is None:
        return "new"
    return "failed" if task.state == "failed" else "held" if result.get("held") else "completed"


def counts(state: sa.Engine, sources: Sequence[DeclaredSource]) -> dict[str, int] | None:
    """How many sources there are, and of those that are on how many failed or are held; None where none is declared."""
    if not sources:
        return None
    tasks = source_tasks.latest(state)
    states = [_state(one, task := tasks.get(one.id), dict(task.result or {}) if task else {}) for one in sources]
    numbers = {name: states.count(name) for name in ("completed", "failed", "held", "broken", "off", "new")}
    return {"sources": len(states), **numbers, "not_told": len(source_notices.untold(state))}
