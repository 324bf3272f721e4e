"""Counts and durations per tab, from the record of syncs."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.history import SyncRecord, recent, sync_history


def totals(engine: sa.Engine, spreadsheet_id: str) -> dict[str, dict[str, Any]]:
    """Tab title → syncs, successful, failed, cells, requests, seconds waited for quota, average and longest sync."""
    row = sync_history.c
    succeeded = sa.case((row.outcome == "success", 1), else_=0)
    query = (
        sa.select(
            row.tab,
            sa.func.count().label("syncs"),
            sa.func.sum(succeeded).label("successful"),
            sa.func.sum(row.cells).label("cells"),
            sa.func.sum(row.read_requests + row.write_requests).label("requests"),
            sa.func.sum(row.quota_wait_seconds).label("quota_wait_seconds"),
            sa.func.avg(row.seconds).label("average_seconds"),
            sa.func.max(row.seconds).label("longest_seconds"),
        )
        .where(row.spreadsheet_id == spreadsheet_id, row.outcome.is_not(None))
        .group_by(row.tab)
    )
    with engine.connect() as connection:
        return {numbers["tab"]: _tidy(dict(numbers)) for numbers in connection.execute(query).mappings()}


def _tidy(row: dict[str, Any]) -> dict[str, Any]:
    """Sums over nothing are 0; databases give sums as decimals."""
    counts = {name: int(row.get(name) or 0) for name in ("syncs", "successful", "cells", "requests")}
    return {
        **counts,
        "failed": counts["syncs"] - counts["successful"],
        "quota_wait_seconds": round(float(row.get("quota_wait_seconds") or 0), 3),
        "average_seconds": _rounded(row.get("average_seconds")),
        "longest_seconds": _rounded(row.get("longest_seconds")),
    }


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 3)


def tab_stats(engine: sa.Engine, spreadsheet_id: str, titles: Iterable[str], points: int) -> dict[str, dict[str, Any]]:
    """Totals of each tab, with its latest ``points`` syncs, oldest first."""
    sums = totals(engine, spreadsheet_id)
    stats = {}
    for title in titles:
        latest = recent(engine, spreadsheet_id=spreadsheet_id, tab=title, limit=points)
        stats[title] = {
            **(sums.get(title) or _tidy({})),
            "history": [_point(r) for r in reversed(latest) if r.outcome],
        }
    return stats


def _point(record: SyncRecord) -> dict[str, Any]:
    return {
        "at": record.ended_at or record.started_at,
        "kind": record.kind,
        "outcome": record.outcome,
        **{name: getattr(record.numbers, name, None) for name in ("seconds", "cells", "rows")},
    }
