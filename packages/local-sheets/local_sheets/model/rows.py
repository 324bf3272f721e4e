"""The rows of a tab, in order, as blocks: a change in the middle touches one block, an old state costs no copy.

A transaction keeps the list of blocks as it was; a block is copied when it is first changed in a transaction and is
then owned by it. So rolling back is putting the old list back, and what must be written to disk is found by comparing.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from local_sheets.cell_values.model import Formula
from local_sheets.model.cell import AnyCell, Cell, effective, entered

BLOCK_ROWS = 512


class Row:
    """Cells of one row without empty ones at the end; never changed once it stands in a block.

    ``row_id`` is its name in the store, ``properties`` its height and visibility (``DimensionProperties``),
    ``metadata`` the ids of developer metadata that live on it, and ``calculates`` says whether it holds a formula
    or a value that one spilled.
    """

    __slots__ = ("calculates", "cells", "metadata", "properties", "row_id")

    def __init__(
        self,
        row_id: int,
        cells: Sequence[AnyCell] = (),
        properties: dict[str, Any] | None = None,
        metadata: tuple[int, ...] = (),
        calculates: bool | None = None,
    ) -> None:
        self.row_id, self.cells, self.properties, self.metadata = row_id, cells, properties, metadata
        self.calculates = calculate(cells) if calculates is None else calculates


def calculate(cells: Sequence[AnyCell]) -> bool:
    """Whether any of the cells holds a formula, or a value that one spilled."""
    for cell in cells:  # a loop, because any() takes three times as long for a handful of cells
        if type(cell) is Cell and (cell.result is not None or type(cell.value) is Formula):
            break
    else:
        return False
    return True


def filled_width(cells: Sequence[AnyCell]) -> int:
    """So many cells there are up to the last that holds a value, entered or spilled."""
    width = len(cells)
    while width and entered(cells[width - 1]) is None and effective(cells[width - 1]) is None:
        width -= 1
    return width


class Block:
    """Up to ``2 * BLOCK_ROWS`` rows, None for one that holds nothing; ``owner`` is the transaction that may change it."""

    __slots__ = ("_filled", "_width", "block_id", "owner", "rows")

    def __init__(self, block_id: int, rows: list[Row | None], owner: int) -> None:
        self.block_id, self.rows, self.owner = block_id, rows, owner
        self._width: int | None = None
        self._filled: tuple[int, int] | None = None

    @property
    def filled(self) -> tuple[int, int]:
        """So many of its rows, and cells of its rows, there are up to the last that holds a value; 0 where none does."""
        if self._filled is None:
            widths = [0 if row is None else filled_width(row.cells) for row in self.rows]
            rows = next((len(widths) - n for n, width in enumerate(reversed(widths)) if width), 0)
            self._filled = (rows, max(widths, default=0))
        return self._filled

    @property
    def width(self) -> int:
        """Cells of its longest row."""
        if self._width is None:
            self._width = max((len(row.cells) for row in self.rows if row is not None), default=0)
        return self._width

    def will_change(self) -> None:
        """Forget what is known of its rows."""
        self._width = self._filled = None

    def order(self) -> list[int]:
        """The ids of the rows, 0 for an empty one."""
        return [0 if row is None else row.row_id for row in self.rows]


class RowSequence:
    """A list of rows that is cheap to change in the middle. Rows past its end hold nothing."""

    def __init__(self, blocks: list[Block] | None = None, next_block_id: int = 1) -> None:
        self.blocks: list[Block] = blocks or []
        self.next_block_id = next_block_id
        #: Another one whenever metadata of rows may stand elsewhere.
        self.version = 0
        #: False only when no row calculates; stays true after the last formula is gone.
        self.may_calculate = any(row is not None and row.calculates for block in self.blocks for row in block.rows)
        self._starts: list[int] | None = None

    def restore(self, blocks: list[Block]) -> None:
        """Put back a list of blocks that was kept."""
        self.blocks = blocks
        self.may_calculate = True
        self._changed()

    def _changed(self) -> None:
        self._starts = None
        self.version += 1

    @property
    def starts(self) -> list[int]:
        """Index of each block's first row, and the length at the end."""
        if self._starts is None:
            self._starts = list(accumulate((len(block.rows) for block in self.blocks), initial=0))
        return self._starts

    def __len__(self) -> int:
        return self.starts[-1]

    def _note(self, rows: Sequence[Row | None]) -> None:
        if not self.may_calculate:
            self.may_calculate = any(row is not None and row.calculates for row in rows)

    def calculating(self) -> Iterator[tuple[int, Row]]:
        """Index and row of each row that holds a formula or a spilled value."""
        if not self.may_calculate:
            return
        start = 0
        for block in list(self.blocks):
            for offset, row in enumerate(block.rows):
                if row is not None and row.calculates:
                    yield start + offset, row
            start += len(block.rows)

    def _find(self, index: int) -> tuple[int, int]:
        starts = self.starts
        place = bisect_right(starts, index) - 1
        return place, index - starts[place]

    def get(self, index: int) -> Row | None:
        """The row at an index; None when it holds nothing."""
        starts = self.starts
        if index >= starts[-1]:
            return None
        place = bisect_right(starts, index) - 1
        return self.blocks[place].rows[index - starts[place]]

    def between(self, start: int, end: int) -> Iterator[Row | None]:
        """Rows from ``start`` to before ``end``, as far as there are any."""
        end = min(end, len(self))
        while start < end:
            place, offset = self._find(start)
            part = self.blocks[place].rows[offset : offset + end - start]
            yield from part
            start += len(part)

    def before(self, end: int) -> Iterator[Row | None]:
        """The rows before ``end``, last one first; ``end`` is at most the length."""
        place = len(self.blocks) if end == len(self) else self._find(end)[0]
        if end < len(self):
            yield from reversed(self.blocks[place].rows[: end - self.starts[place]])
        for block in reversed(self.blocks[:place]):
            yield from reversed(block.rows)

    def _own(self, place: int, owner: int) -> Block:
        block = self.blocks[place]
        if block.owner != owner:
            block = Block(block.block_id, list(block.rows), owner)
            self.blocks[place] = block
        block.will_change()
        return block

    def put(self, index: int, row: Row | None, owner: int) -> None:
        """Replace the row at an index, filling up with empty rows if the index lies past the end."""
        if index >= len(self):
            self.insert(len(self), [None] * (index + 1 - len(self)), owner)
        place, offset = self._find(index)
        block = self._own(place, owner)
        self._note([row])
        if _metadata_of(block.rows[offset]) != _metadata_of(row):
            self.version += 1
        block.rows[offset] = row

    def insert(self, index: int, rows: Sequence[Row | None], owner: int) -> None:
        """Insert rows before an index that is at most the length."""
        if not rows:
            return
        self._note(rows)
        if not self.blocks:
            self._add_blocks(0, list(rows), owner)
        else:
            place, offset = (len(self.blocks) - 1, None) if index >= len(self) else self._find(index)
            block = self.blocks[place]
            at = len(block.rows) if offset is None else offset
            joined = [*block.rows[:at], *rows, *block.rows[at:]]
            if len(joined) <= 2 * BLOCK_ROWS:
                self._own(place, owner).rows[at:at] = rows
            else:
                del self.blocks[place]
                self._add_blocks(place, joined, owner)
        self._changed()

    def _add_blocks(self, place: int, rows: list[Row | None], owner: int) -> None:
        parts = [rows[i : i + BLOCK_ROWS] for i in range(0, len(rows), BLOCK_ROWS)]
        fresh = [Block(self.next_block_id + n, part, owner) for n, part in enumerate(parts)]
        self.next_block_id += len(fresh)
        self.blocks[place:place] = fresh
        self._changed()

    def delete(self, start: int, end: int, owner: int) -> list[Row | None]:
        """Take rows out and return them; what lies past the end is not there to be taken."""
        end = min(end, len(self))
        removed: list[Row | None] = []
        while start < end:
            place, offset = self._find(start)
            block = self.blocks[place]
            upto = min(len(block.rows), offset + end - start)
            removed.extend(block.rows[offset:upto])
            if offset == 0 and upto == len(block.rows):
                del self.blocks[place]
            else:
                del self._own(place, owner).rows[offset:upto]
            end -= upto - offset
            self._changed()
        return removed

    def replace_all(self, start: int, rows: Sequence[Row | None], owner: int) -> None:
        """Replace as many rows from ``start`` on as are given."""
        missing = start + len(rows) - len(self)
        if missing > 0:
            self.insert(len(self), [None] * missing, owner)
        self._note(rows)
        done = 0
        while done < len(rows):
            place, offset = self._find(start + done)
            block = self._own(place, owner)
            count = min(len(block.rows) - offset, len(rows) - done)
            old, new = block.rows[offset : offset + count], rows[done : done + count]
            if any(_metadata_of(one) != _metadata_of(other) for one, other in zip(old, new, strict=True)):
                self.version += 1
            block.rows[offset : offset + count] = new
            done += count


def _metadata_of(row: Row | None) -> tuple[int, ...]:
    return () if row is None else row.metadata
