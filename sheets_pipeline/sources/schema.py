"""Whether the columns of a reading are those of the version before. Pure."""

from collections.abc import Sequence

from sheets_pipeline.sources.content import SourceColumn
from sheets_pipeline.sync.source import CellType


def held_back(source: str, change: str) -> str:
    """What is told of a version that is held back, with its remedy."""
    return f"held back, {change}. `sheets-pipeline source accept {source}` takes it."


def schema_change(before: Sequence[SourceColumn], after: Sequence[SourceColumn]) -> str | None:
    """Columns that came, went or have another type, in words; None where there are none.

    A column that was empty, or is empty now, has no type that could be another one.
    """
    old, new = {column.name: column for column in before}, {column.name: column for column in after}
    came = [name for name in new if name not in old]
    went = [name for name in old if name not in new]
    retyped = [
        f"{name} ({old[name].type} → {new[name].type})"
        for name in new
        if name in old and old[name].type != new[name].type and CellType.EMPTY not in (old[name].type, new[name].type)
    ]
    parts = [
        f"{word}: {', '.join(map(str, names))}"
        for word, names in (("new", came), ("gone", went), ("other type", retyped))
        if names
    ]
    return "; ".join(parts) or None
