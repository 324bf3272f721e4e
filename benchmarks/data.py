"""The rows that every tool is given: the same for all, computed from numbers, never read from anywhere.

Ten columns: an integer key, five texts (with leading zeros, plus signs and blanks), a decimal, a percentage, a truth
value and a moment. ``steps`` are the changes that the database has seen since the first load, in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

COLUMNS = ("id", "name", "email", "phone", "code", "comment", "amount", "progress", "active", "seen_at")
TEXTS = ("name", "email", "phone", "code", "comment")

#: What happens between two syncs: (rows updated, rows deleted, rows inserted); a float is a share of all rows.
CHANGES: dict[str, tuple[float, int, int]] = {"few": (10, 5, 5), "percent": (0.01, 0, 0)}

_FIRST_SECOND = np.datetime64("2026-01-01T00:00:00", "s")


@dataclass(frozen=True)
class State:
    """Which rows the database holds, and how often each was changed."""

    ids: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    revisions: "np.ndarray[tuple[int], np.dtype[np.int64]]"


def state(rows: int, steps: Sequence[str]) -> State:
    """``rows`` rows as they are after some steps."""
    now = State(np.arange(1, rows + 1, dtype=np.int64), np.zeros(rows, dtype=np.int64))
    for number, step in enumerate(steps, start=1):
        now = _after(now, step, number, rows)
    return now


def _after(before: State, step: str, number: int, rows: int) -> State:
    share, deletes, inserts = CHANGES[step]
    updates = int(share) if share >= 1 else max(1, int(rows * share))
    ids, revisions = before.ids, before.revisions.copy()
    revisions[_spread(len(ids), updates, offset=number)] += 1
    if step == "percent":
        revisions[_spread(len(ids), updates, offset=number)] += 1  # two cells change, not one
    keep = np.ones(len(ids), dtype=bool)
    keep[_spread(len(ids), deletes, offset=number + len(ids) // 40)] = False
    first = int(ids.max()) + 1
    ids = np.concatenate([ids[keep], np.arange(first, first + inserts, dtype=np.int64)])
    return State(ids, np.concatenate([revisions[keep], np.zeros(inserts, dtype=np.int64)]))


def _spread(length: int, count: int, offset: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """``count`` places, evenly over ``length``."""
    return (np.arange(count, dtype=np.int64) * (length // max(count, 1)) + offset) % length


def frame(rows: int, steps: Sequence[str] = ()) -> pd.DataFrame:
    """The frame that a tab is to equal. Moments are naive, in UTC, which is the spreadsheet's time zone.

    An odd revision changes the amount alone, an even one the moment as well.
    """
    now = state(rows, steps)
    ids, revisions = now.ids, now.revisions
    seconds = ids * 61 % 31_536_000 + revisions // 2 * 3600
    numbers = ids.tolist()
    return pd.DataFrame(
        {
            "id": ids,
            "name": pd.Series([f"Learner {i}" for i in numbers], dtype=object),
            "email": pd.Series([f"learner.{i}@example.org" for i in numbers], dtype=object),
            "phone": pd.Series([f"+1-555-{i % 10_000:04d}" for i in numbers], dtype=object),
            "code": pd.Series([f"{i:08d}" for i in numbers], dtype=object),
            "comment": pd.Series([_comment(i) for i in numbers], dtype=object),
            "amount": (ids * 7919 + revisions * 104_729) % 1_000_000 / 100,
            "progress": ids * 31 % 1001 / 1000,
            "active": ids % 3 != 0,
            "seen_at": _FIRST_SECOND + seconds.astype("timedelta64[s]"),
        }
    )


def _comment(i: int) -> str | None:
    return None if i % 10 == 0 else f"Finished unit {i % 40}, next is {i * 7 % 40}: ready for the exam?"
