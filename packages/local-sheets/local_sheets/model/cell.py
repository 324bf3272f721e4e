"""One cell: a plain value where that is all it holds, else a ``Cell``.

Most cells of a large tab are a bare ``str``, ``int``, ``float`` or ``bool``, and an empty one is ``None``; only what
has a format, a note, a formula and so on costs an object. Cells never change: a change puts another one in place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from local_sheets.cell_values.model import CellError, Formula, Value


class Shared:
    """A message that many cells point to: a format or a validation rule. ``key`` is its number in the store."""

    __slots__ = ("body", "key")

    def __init__(self, key: int, body: Mapping[str, Any]) -> None:
        self.key = key
        self.body = body


class SharedPool:
    """All formats and rules of one spreadsheet, each distinct one once."""

    def __init__(self) -> None:
        self._by_text: dict[bytes, Shared] = {}
        self.by_key: dict[int, Shared] = {}

    def intern(self, body: Mapping[str, Any] | None) -> Shared | None:
        """The shared form of a message; None for an empty one."""
        if not body:
            return None
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        shared = self._by_text.get(text)
        return shared if shared is not None else self.add(len(self.by_key) + 1, orjson.loads(text))

    def add(self, key: int, body: Mapping[str, Any]) -> Shared:
        """Take in a message under the number that the store knows it by."""
        shared = Shared(key, body)
        self._by_text[orjson.dumps(body, option=orjson.OPT_SORT_KEYS)] = shared
        self.by_key[key] = shared
        return shared


@dataclass(slots=True)  # not frozen, because that makes each of a million cells four times as dear
class Cell:
    """A cell that holds more than a plain value; never changed once it is made.

    ``value`` is what was entered, ``result`` what a formula shows; a result without a value was spilled here by a
    formula next to it. ``extra`` keeps rarer fields of the API's ``CellData`` as they came (``textFormatRuns`` ...),
    and what is known of a formula's result, under ``IMPLIED_FORMAT`` and ``IS_ARRAY``.
    """

    value: Value | None = None
    result: Value | None = None
    format: Shared | None = None
    validation: Shared | None = None
    note: str | None = None
    extra: Mapping[str, Any] | None = None


#: Key in ``extra``: the number format of a formula's result, for cells without one of their own.
IMPLIED_FORMAT = "~numberFormat"
#: Key in ``extra`` of a formula's cell: its result stands in other cells, too, or found no room there.
IS_ARRAY = "~array"
#: Fields of ``extra`` that go when another value is entered.
_OF_THE_VALUE = ("textFormatRuns", "chipRuns", "hyperlink", IMPLIED_FORMAT, IS_ARRAY)

#: What stands in a row's list of cells.
AnyCell = Cell | str | int | float | bool | None

EMPTY = Cell()


def unpack(cell: AnyCell) -> Cell:
    """The full form of any cell."""
    return cell if isinstance(cell, Cell) else (EMPTY if cell is None else Cell(cell))


def pack(cell: Cell) -> AnyCell:
    """The smallest form of a cell."""
    if cell.format is None and cell.validation is None and cell.note is None and not cell.extra:
        if cell.value is None and cell.result is None:
            return None
        if cell.result is None and not isinstance(cell.value, Formula | CellError):
            return cell.value
    return cell


def entered(cell: AnyCell) -> Value | None:
    """What was entered: a formula as a formula."""
    return cell.value if isinstance(cell, Cell) else cell


def effective(cell: AnyCell) -> Value | None:
    """What the cell is worth: a formula's result."""
    if isinstance(cell, Cell):
        return cell.result if cell.value is None or isinstance(cell.value, Formula) else cell.value
    return cell


def with_value(cell: AnyCell, value: Value | None) -> AnyCell:
    """The cell with another value, everything else kept; text formats of single letters go with the old value."""
    if type(cell) is not Cell:
        return pack(Cell(value)) if isinstance(value, Formula | CellError) else value
    if cell.extra is None and cell.format is not None:
        return Cell(value, None, cell.format, cell.validation, cell.note)
    return pack(replace(cell, value=value, result=None, extra=without_value_fields(cell.extra)))


def without_value_fields(extra: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The extra fields that stay when another value is entered."""
    return {name: value for name, value in (extra or {}).items() if name not in _OF_THE_VALUE} or None


def number_format_of(cell: AnyCell) -> Mapping[str, Any] | None:
    """The ``NumberFormat`` that a cell is shown with: its own, else the one its formula implies."""
    if not isinstance(cell, Cell):
        return None
    found: Mapping[str, Any] | None = None if cell.format is None else cell.format.body.get("numberFormat")
    if found is None and cell.extra:
        found = cell.extra.get(IMPLIED_FORMAT)
    return found
