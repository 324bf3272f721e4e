"""Counts and durations per tab, from the record of syncs."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.history import SyncRecord, Totals, recent, totals


def tab_stats(engine: sa.Engine, spreadsheet_id: str, titles: Iterable[str], points: int) -> dict[str, dict[str, Any]]:
    """Totals of each tab, with its latest ``points`` syncs, oldest first."""
    with engine.connect() as connection:
        known = totals(connection, [spreadsheet_id])
    stats = {}
    for title in titles:
        of_tab = known.get((spreadsheet_id, title), Totals(0, 0, 0, 0, 0, 0.0, None, None))
        latest = recent(engine, spreadsheet_id=spreadsheet_id, tab=title, limit=points)
        stats[title] = {
            **{
                name: round(value, 3) if isinstance(value, float) else value for name, value in of_tab._asdict().items()
            },
            "syncs": of_tab.syncs - of_tab.under_way,
            "failed": of_tab.failed,
            "history": [_point(record) for record in reversed(latest) if record.outcome],
        }
    return stats


def _point(record: SyncRecord) -> dict[str, Any]:
    return {
        "at": record.ended_at or record.started_at,
        "kind": record.kind,
        "outcome": record.outcome,
        **{name: getattr(record.numbers, name, None) for name in ("seconds", "cells", "rows")},
    }
