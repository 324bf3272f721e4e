"""Cells as JSON in the store: a bare value where that is all a cell holds, else a dict with one-letter keys.

``v`` value, ``r`` result of a formula, ``f`` key of the format, ``d`` key of the validation rule, ``n`` note,
``x`` other fields; a formula is ``{"=": text}``, an error ``{"!": [type, message]}``.
"""

from collections.abc import Sequence
from typing import Any

from local_sheets.cell_values.model import CellError, Formula, Value
from local_sheets.model.cell import AnyCell, Cell, SharedPool


def encode_cells(cells: Sequence[AnyCell]) -> Sequence[Any]:
    """JSON values of a row's cells."""
    if Cell not in map(type, cells):
        return cells
    return [_encode(cell) if isinstance(cell, Cell) else cell for cell in cells]


def decode_cells(found: list[Any], pool: SharedPool) -> list[AnyCell]:
    """A row's cells from their JSON values."""
    for place, item in enumerate(found):
        if type(item) is dict:
            found[place] = _decode(item, pool)
    return found


def _encode(cell: Cell) -> dict[str, Any]:
    if type(cell.value) in _BARE and cell.format is not None and _has_nothing_else(cell):
        return {"v": cell.value, "f": cell.format.key}
    body: dict[str, Any] = {}
    if cell.value is not None:
        body["v"] = _encode_value(cell.value)
    if cell.result is not None:
        body["r"] = _encode_value(cell.result)
    if cell.format is not None:
        body["f"] = cell.format.key
    if cell.validation is not None:
        body["d"] = cell.validation.key
    if cell.note is not None:
        body["n"] = cell.note
    if cell.extra:
        body["x"] = dict(cell.extra)
    return body


def _decode(body: dict[str, Any], pool: SharedPool) -> Cell:
    return Cell(
        _decode_value(body.get("v")),
        _decode_value(body.get("r")),
        pool.by_key[body["f"]] if "f" in body else None,
        pool.by_key[body["d"]] if "d" in body else None,
        body.get("n"),
        body.get("x"),
    )


_BARE = {str, int, float, bool}


def _has_nothing_else(cell: Cell) -> bool:
    return cell.result is None and cell.validation is None and cell.note is None and not cell.extra


def _encode_value(value: Value) -> Any:
    match value:
        case Formula(text):
            return {"=": text}
        case CellError(kind, message):
            return {"!": [kind, message]}
    return value


def _decode_value(found: Any) -> Value | None:
    if not isinstance(found, dict):
        plain: Value | None = found
        return plain
    return Formula(found["="]) if "=" in found else CellError(*found["!"])
