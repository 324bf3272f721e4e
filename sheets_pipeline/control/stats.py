"""Counts and durations per tab, from the record of syncs."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.history import SyncRecord, Totals, recent, totals


def tab_stats(
    engine: sa.Engine, places: Mapping[str, tuple[str, Collection[str]]], points: int
) -> dict[str, dict[str, Any]]:
    """Totals of each tab over all spreadsheets that it stands in, with its latest ``points`` syncs, oldest first.

    Args:
        engine: Of the pipeline's tables.
        places: Name of the tab → its title and the spreadsheets' ids.
        points: So many syncs.
    """
    with engine.connect() as connection:
        known = totals(connection, {one for _, ids in places.values() for one in ids})
    stats = {}
    for name, (title, ids) in places.items():
        of_tab = together(known[one, title] for one in ids if (one, title) in known)
        latest = recent(engine, spreadsheet_ids=ids, tab=title, limit=points)
        stats[name] = {
            **{
                name: round(value, 3) if isinstance(value, float) else value for name, value in of_tab._asdict().items()
            },
            "syncs": of_tab.syncs - of_tab.under_way,
            "failed": of_tab.failed,
            "history": [_point(record) for record in reversed(latest) if record.outcome],
        }
    return stats


def together(several: Iterable[Totals]) -> Totals:
    """The totals of several copies of a tab as one."""
    found = [*several]
    numbers = [sum(one[i] or 0 for one in found) for i in range(6)]  # syncs ... quota_wait_seconds
    timed = [(one.average_seconds, one.successful) for one in found if one.average_seconds is not None]
    weight = sum(number for _, number in timed)
    average = sum(seconds * number for seconds, number in timed) / weight if weight else None
    longest = max((one.longest_seconds for one in found if one.longest_seconds is not None), default=None)
    return Totals._make([*(int(number) for number in numbers[:5]), float(numbers[5]), average, longest])


def _point(record: SyncRecord) -> dict[str, Any]:
    return {
        "at": record.ended_at or record.started_at,
        "kind": record.kind,
        "outcome": record.outcome,
        **{name: getattr(record.numbers, name, None) for name in ("seconds", "cells", "rows")},
    }
