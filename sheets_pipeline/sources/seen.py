"""What a reading leaves behind, so that the next one costs one request and tells whether anything has changed. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import orjson

from sheets_pipeline.sheets.ranges import RangeCells, Rendering
from sheets_pipeline.sources.places import Target
from sheets_pipeline.sync.source import Source

#: Volatile cells are kept one by one up to so many of a column; of more, the whole column is.
_MOST_RUNS = 200
#: Behind the last row of any column.
WHOLE = 1 << 40

#: A volatile cell: which range, column of it, first row and row after the last one.
Run = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one reading saw: how it was declared, where its cells were, digests of them in both renderings.

    ``volatile`` are cells that change without anybody's doing (``NOW()``, ``RAND()``): digests leave them out. ``hides`` says
    that cells show a day and hold a time of it: their texts tell not all.
    """

    declared: str
    targets: tuple[Target, ...]
    digests: dict[str, str]
    volatile: tuple[Run, ...] = ()
    hides: bool = False
    cells: int = 0
    time_zone: str = ""
    locale: str = ""

    def as_json(self) -> str:
        """To be kept."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> "Seen | None":
        """What was kept; None where another version of the program kept something else."""
        stored = orjson.loads(text)
        if stored.keys() != {one.name for one in fields(cls)}:
            return None
        targets = tuple(Target(**one) for one in stored.pop("targets"))
        volatile = tuple((run[0], run[1], run[2], run[3]) for run in stored.pop("volatile"))
        return cls(targets=targets, volatile=volatile, **stored)

    def is_same(self, rendering: Rendering, found: Sequence[RangeCells]) -> bool:
        """Whether these cells are those that were seen."""
        return self.digests.get(rendering) == digest([list(one.columns) for one in found], self.volatile)


#: What of a declaration decides about the content.
_DECIDES = ("spreadsheet_id", "ranges", "header_row", "types", "infer", "ignore_columns", "fill_merged", "key")


def declared(source: Source) -> str:
    """A digest of what decides about the content: another one makes a source be read as for the first time."""
    return hashlib.sha256(repr([getattr(source, name) for name in _DECIDES]).encode()).hexdigest()[:16]


def digest(columns: list[list[list[Any]]], volatile: Iterable[Run]) -> str:
    """Over the columns of each range but the volatile cells, which are put out of them."""
    for target, column, start, end in volatile:
        if target < len(columns) and column < len(columns[target]):
            cells = list(columns[target][column])
            end = min(end, len(cells))
            cells[start:end] = [None] * (end - start)
            columns[target][column] = cells
    return hashlib.blake2b(orjson.dumps(columns), digest_size=16).hexdigest()


def runs(cells: Iterable[tuple[int, int, int]]) -> tuple[Run, ...]:
    """Cells (range, column, row) as runs of rows."""
    by_column: dict[tuple[int, int], list[Run]] = {}
    for target, column, row in sorted(cells):
        mine = by_column.setdefault((target, column), [])
        if mine and mine[-1][3] == row:
            mine[-1] = (target, column, mine[-1][2], row + 1)
        else:
            mine.append((target, column, row, row + 1))
    return tuple(
        run
        for (target, column), mine in by_column.items()
        for run in (mine if len(mine) <= _MOST_RUNS else [(target, column, 0, WHOLE)])
    )
