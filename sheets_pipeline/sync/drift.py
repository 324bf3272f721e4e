"""Drift: what people changed in our cells since we last wrote them, as a full sync finds it before it repairs it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.rows import Rows

#: Cells that a sample of drift shows.
DRIFT_SAMPLE_SIZE = 20


class DriftedCell(NamedTuple):
    """One cell that is not as we last wrote it; ``row_number`` counts from 1."""

    row_number: int
    key: str
    column: str
    written: Cell
    found: Cell


@dataclass(slots=True)
class Drift:
    """Cells that people overwrote, rows of ours that people deleted, and the first of each."""

    cells: int = 0
    rows: int = 0
    sample: list[DriftedCell] = field(default_factory=list)
    missing_keys: list[str] = field(default_factory=list)


def find_drift(
    changes: ChangeSet,
    wanted: Rows,
    layout: Mapping[str, int],
    base: Callable[[Collection[str]], Mapping[str, Mapping[str, Cell] | None]],
) -> Drift:
    """Tell people's edits from news of the database among the changes that a full sync is about to write.

    A cell that differs from the database is drift where it differs from what we last wrote, too. A row that has to be
    inserted is drift where we know that it stood there. What is not known for sure counts as no drift. ``base`` is
    asked only about rows that change, so a tab at rest costs nothing.

    Args:
        layout: Column name → 0-based index.
        base: Gives what we last wrote in rows, by key and column name; None where that is not known.
    """
    inserted = [wanted.keys[i] for i in changes.inserts]
    keys = [*changes.updated_keys, *inserted]
    known = base(keys) if keys else {}
    missing = [key for key in inserted if known.get(key) is not None]
    drift = Drift(rows=len(missing), missing_keys=missing[:DRIFT_SAMPLE_SIZE])
    key_at = {row: key for key, row in changes.updated_keys.items()}
    name_of = {column: name for name, column in layout.items()}
    for update in changes.updates:
        name = name_of[update.column]
        written = known.get(key_at[update.row]) or {}
        if name not in written or same_cell(written[name], update.old):
            continue
        drift.cells += 1
        if len(drift.sample) < DRIFT_SAMPLE_SIZE:
            drift.sample.append(DriftedCell(update.row + 1, key_at[update.row], name, written[name], update.old))
    return drift
