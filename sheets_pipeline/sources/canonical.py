"""The canonical form of rows, and the hashes over it: the same content has the same hash in every process, for ever.

A row is a JSON array in UTF-8 without blanks, in which only what JSON must escape is escaped:

- blank → ``null``; text → a string, code point by code point; true and false as such;
- a number → its value in plain digits, without zeros at its end: 1, 1.0 and 1.00 are one cell, and not the text "1";
- a date, a moment, a time of day → ``{"date": "2026-01-31"}``, ``{"datetime": ...}``, ``{"time": ...}`` in ISO 8601;
- text that JSON in a database cannot hold (NUL, half a surrogate pair) → ``{"escaped": ...}``.

A row's id is the BLAKE2b hash of 16 bytes over that; a content's hash is SHA-256 over its columns and the ids of its rows.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import orjson

from sheets_pipeline.sources.content import Content, Row, SourceColumn
from sheets_pipeline.sync.source import CellType

#: Bytes of a row's and a chunk's id.
ID_BYTES = 16

#: Told in the hash, so that another form would be another hash.
_FORM = b"sheets_pipeline.Source 1\n"

#: A chunk ends after a row whose id begins with less than this: one in 512.
_LAST_BELOW = 65536 // 512
_SHORTEST, _LONGEST = 64, 4096


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A content's hash, and its rows' ids in their order."""

    content_hash: str
    row_ids: list[bytes]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that follow each other, and the hash over their ids."""

    id: bytes
    row_ids: list[bytes]


def fingerprint(content: Content) -> Fingerprint:
    """The hash of a content and the ids of its rows."""
    row_ids = [row_id(row) for row in content.rows]
    columns = [[column.name, column.header, column.type.value] for column in content.columns]
    whole = hashlib.sha256(_FORM + encoded_values(columns) + b"\n")
    whole.update(b"".join(row_ids))
    return Fingerprint(whole.hexdigest(), row_ids)


def chunks(row_ids: Sequence[bytes]) -> Iterator[Chunk]:
    """Cut rows where their own ids say so, so that a row put in or taken out changes the chunk around it and no other."""
    begin = 0
    for end, row_id in enumerate(row_ids, start=1):
        length = end - begin
        ends_here = int.from_bytes(row_id[:2]) < _LAST_BELOW and length >= _SHORTEST
        if ends_here or length == _LONGEST or end == len(row_ids):
            part = [*row_ids[begin:end]]
            yield Chunk(hashlib.blake2b(b"".join(part), digest_size=ID_BYTES).digest(), part)
            begin = end


def row_id(row: Row) -> bytes:
    """The hash over a row's cells."""
    return hashlib.blake2b(encoded_values(row), digest_size=ID_BYTES).digest()


def encoded(row: Row) -> bytes:
    """The canonical form of a row."""
    return encoded_values(row)


def encoded_values(values: Sequence[Any]) -> bytes:
    """The canonical form of cells, and of lists of them."""
    try:
        form = orjson.dumps(values, default=_tagged, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except orjson.JSONEncodeError as error:  # half a surrogate pair, or a whole number beyond 64 bits
        if isinstance(error.__cause__, ValueError):
            raise error.__cause__ from None
        return _encoded_singly(values)
    # The digits may also stand in a text that says so itself.
    return _encoded_singly(values) if rb"\u0000" in form else form


def decoder(columns: Iterable[SourceColumn]) -> Callable[[str | bytes], Row]:
    """Makes rows of these columns from their canonical form, or from any other JSON of the same values."""
    decimals = [i for i, column in enumerate(columns) if column.type is CellType.DECIMAL]

    def decoded(form: str | bytes) -> Row:
        cells: list[Any] = json.loads(form, parse_float=Decimal, object_hook=_untagged)
        for i in decimals:
            if type(cells[i]) is int:
                cells[i] = Decimal(cells[i])
        return tuple(cells)

    return decoded


def number_text(number: Decimal) -> str:
    """Its value in plain digits: 1 for 1.00, 100 for 1E+2.

    Raises:
        ValueError: It is infinite, or no number.
    """
    if not number.is_finite():
        raise ValueError(f"A cell holds {number}, which no spreadsheet can hold.")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _tagged(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return orjson.Fragment(number_text(cell))
    return _tagged_time(cell)


def _tagged_time(cell: Any) -> dict[str, str]:
    if isinstance(cell, datetime):
        return {"datetime": cell.isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, time):
        return {"time": cell.isoformat()}
    raise TypeError(f"A cell is of type {type(cell).__name__}; expected one of sources.content.Cell.")


def _encoded_singly(values: Sequence[Any]) -> bytes:
    return b"[" + b",".join(map(_encoded_cell, values)) + b"]"


def _encoded_cell(cell: Any) -> bytes:
    if isinstance(cell, list | tuple):
        return _encoded_singly(cell)
    if isinstance(cell, str) and ("\0" in cell or any("\ud800" <= character <= "\udfff" for character in cell)):
        return orjson.dumps({"escaped": cell.encode("unicode_escape").decode()})
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell).encode()
    return orjson.dumps(cell, default=_tagged, option=orjson.OPT_PASSTHROUGH_DATETIME)


_READERS: dict[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "escaped": lambda text: text.encode().decode("unicode_escape"),
}


def _untagged(tagged: dict[str, str]) -> Any:
    [(tag, text)] = tagged.items()
    return _READERS[tag](text)
