"""Whether a tab holds what it should: rows lost, doubled, left over; cells wrong, or of another type."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from benchmarks.data import COLUMNS, TEXTS

_DAY_ZERO = datetime(1899, 12, 30)
_HALF_A_SECOND = 0.5 / 86_400


@dataclass
class Verdict:
    """What is wrong with a tab. ``untyped`` cells show the right value, but are text where they should be a number,
    a truth value or a date, so people cannot calculate with them.
    """

    rows: int = 0
    lost: int = 0
    doubled: int = 0
    left_over: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    untyped: Counter[str] = field(default_factory=Counter)

    @property
    def is_right(self) -> bool:
        """Every row once, every cell as it should be."""
        return not (self.lost or self.doubled or self.left_over or self.wrong or self.untyped)

    def as_json(self) -> dict[str, Any]:
        """For the file of results."""
        return {
            "rows": self.rows,
            "lost": self.lost,
            "doubled": self.doubled,
            "left_over": self.left_over,
            "wrong": dict(self.wrong),
            "untyped": dict(self.untyped),
            "is_right": self.is_right,
        }


def judge(grid: list[list[Any]], wanted: pd.DataFrame) -> Verdict:
    """Compare a grid (unformatted, header first) with the frame; our columns are found by header, rows by key."""
    verdict = Verdict()
    header = grid[0] if grid else []
    places = {name: header.index(name) for name in COLUMNS if name in header}
    if "id" not in places:
        verdict.lost = len(wanted)
        return verdict
    row_of: dict[str, list[Any]] = {}
    for row in grid[1:]:
        key = _key(row[places["id"]]) if len(row) > places["id"] else ""
        if key in row_of:
            verdict.doubled += 1
        elif key:
            row_of[key] = row
    keys = [str(key) for key in wanted["id"].tolist()]
    verdict.rows = len(row_of)
    verdict.lost = sum(key not in row_of for key in keys)
    verdict.left_over = len(row_of.keys() - set(keys))
    for name in COLUMNS:
        _judge_column(verdict, name, places.get(name), [row_of.get(key) for key in keys], wanted[name].tolist())
    return verdict


def _key(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _judge_column(
    verdict: Verdict, name: str, place: int | None, rows: list[list[Any] | None], wanted: list[Any]
) -> None:
    for row, value in zip(rows, wanted, strict=True):
        if row is None:
            continue
        cell = row[place] if place is not None and len(row) > place else ""
        if name in TEXTS:
            if cell != (value or ""):
                verdict.wrong[name] += 1
        elif not _same(cell, value):
            if isinstance(cell, str) and _same(_from_text(cell), value):
                verdict.untyped[name] += 1
            else:
                verdict.wrong[name] += 1


def _same(cell: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return cell is value
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return False
    if isinstance(value, datetime):
        return abs(cell - serial(value)) < _HALF_A_SECOND
    return abs(cell - value) <= 1e-9 * max(1.0, abs(value))


def _from_text(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        pass  # not a number: a date?
    try:
        return serial(datetime.fromisoformat(text))
    except ValueError:
        return text


def serial(moment: datetime) -> float:
    """Days since 1899-12-30, as Sheets counts."""
    return (moment - _DAY_ZERO).total_seconds() / 86_400
