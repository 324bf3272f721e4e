"""Write requests: how cells and rows are written into them, and how many of them make one payload."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from sheets_pipeline.sync.cells import Cell

#: Recommended payload of one request. Source: https://developers.google.com/workspace/sheets/api/limits
MAX_PAYLOAD_BYTES = 2_000_000

#: Bytes that it takes to have a row copied, about: two runs of columns.
BYTES_OF_A_COPY = 560


@dataclass(slots=True)
class Batch:
    """One ``spreadsheets.batchUpdate``: its requests as JSON texts, what it costs, and which rows it relies on."""

    requests: list[bytes] = field(default_factory=list)
    cells: int = 0
    #: Keys of the rows that this batch writes or deletes.
    keys: list[str] = field(default_factory=list)
    #: Rows (0-based) addressed by number → the key each must hold, or the batch meets another row.
    expected_keys: dict[int, str] = field(default_factory=dict)
    #: Those of them that are copied before they are written over or deleted (``sync/copies.py``).
    copied: list[int] = field(default_factory=list)
    #: Requests that come first, before any copy: they make rows and columns.
    leading: int = 0

    @property
    def body(self) -> bytes:
        """The JSON of the parts, as a list."""
        return b"[" + b",".join(self.requests) + b"]"

    @property
    def bytes(self) -> int:
        """Size of the payload."""
        return sum(map(len, self.requests)) + len(self.requests)


class Piece(NamedTuple):
    """A request that must not be cut, on its way into a batch."""

    request: bytes
    cells: int
    keys: list[str]
    expected_keys: dict[int, str]
    #: Rows that are copied before.
    copied: tuple[int, ...] = ()


def fill_batches(pieces: Iterable[Piece], max_bytes: int, first: Batch | None = None) -> list[Batch]:
    """Put the pieces, in their order, into as few requests of about ``max_bytes`` as hold them; ``first`` begins."""
    batches = [first or Batch()]
    size = batches[0].bytes
    for piece in pieces:
        needed = len(piece.request) + len(piece.copied) * BYTES_OF_A_COPY
        if batches[-1].requests and size + needed > max_bytes:
            batches.append(Batch())
            size = 0
        batch = batches[-1]
        batch.requests.append(piece.request)
        batch.cells += piece.cells
        batch.keys += piece.keys
        batch.expected_keys |= piece.expected_keys
        batch.copied += piece.copied
        size += needed + 1
    return [batch for batch in batches if batch.requests]


def cell_json(cell: Cell) -> bytes:
    """A cell as ``CellData``: text is always text, never parsed, so no value can become a formula."""
    if cell is None:
        return b"{}"
    if type(cell) is str:
        return b'{"userEnteredValue":{"stringValue":' + orjson.dumps(cell) + b"}}"
    if type(cell) is bool:
        return b'{"userEnteredValue":{"boolValue":' + (b"true" if cell else b"false") + b"}}"
    return b'{"userEnteredValue":{"numberValue":' + orjson.dumps(cell) + b"}}"


def rows_json(rows: Iterable[Iterable[Cell]]) -> bytes:
    """Rows as the ``RowData`` of a request, without the brackets around."""
    return b",".join(b'{"values":[' + b",".join(map(cell_json, row)) + b"]}" for row in rows)


def dump(value: Any) -> bytes:
    """Any value as JSON."""
    return orjson.dumps(value)
