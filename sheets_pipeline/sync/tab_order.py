"""Where a new tab is put among those that are there: ours in their declared order, people's where they are."""

from collections.abc import Iterator, Sequence
from typing import Any

from sheets_pipeline.sync.marks import new_mark

#: Developer metadata that says which place among ours a tab was given.
POSITION_METADATA_KEY = "sheets_pipeline.position"


def index_of_new_tab(position: int, positions: Sequence[int | None]) -> int:
    """The index (0-based) for a tab of ours; ``there`` are the positions of all tabs, None for those of people.

    It follows the last of ours that goes before it; else it precedes the first that goes after it; else it is the last.
    """
    before = [i for i, other in enumerate(positions) if other is not None and other <= position]
    if before:
        return before[-1] + 1
    after = [i for i, other in enumerate(positions) if other is not None]
    return after[0] if after else len(positions)


def position_requests(sheet_id: int, position: int) -> Iterator[dict[str, Any]]:
    """Note the position on the tab, so that others find their place beside it."""
    yield new_mark(POSITION_METADATA_KEY, str(position), {"sheetId": sheet_id})
