"""References made of text and numbers, and what is known of a cell's place and formula."""

import math
import re
from dataclasses import replace
from typing import Any

from local_sheets.a1 import column_letters, quote_title
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.areas import Rectangle
from local_sheets.formulas.faults import Fault, out_of_range
from local_sheets.formulas.operands import Array, Operand, Range, Scalar, to_boolean, to_number, to_text
from local_sheets.formulas.parser import parse_shape
from local_sheets.formulas.registry import lazy, scalar
from local_sheets.formulas.syntax import Name, Node, Reference, TableReference

_R1C1 = re.compile(r"R(\d+|\[-?\d+\])?C(\d+|\[-?\d+\])?", re.IGNORECASE)


def _not_a_range(text: str) -> Fault:
    return Fault(
        CellError("REF", f"Function INDIRECT parameter 1 value is '{text}'. It is not a valid cell/range reference.")
    )


@lazy("INDIRECT", 1, 2)
def indirect(e: Any, text: Node, is_a1: Node | None = None) -> Range:
    shown = to_text(e.scalar(text)).strip()
    if is_a1 is not None and not to_boolean(e.scalar(is_a1), "INDIRECT", 2):
        shown = _from_r1c1(e, shown)
    try:
        shape, rows = parse_shape(f"={shown}")
        is_area = isinstance(shape.node, Reference | Name | TableReference)
        found: Operand = replace(e, rows=rows).operand(shape.node) if is_area else None
    except Fault:
        raise _not_a_range(shown) from None
    if not isinstance(found, Range):
        raise _not_a_range(shown)
    dynamic: Range = e.dynamic(found)
    return dynamic


def _from_r1c1(e: Any, text: str) -> str:
    title, bang, cells = text.rpartition("!")
    points = [_R1C1.fullmatch(part) for part in cells.split(":")]
    if not all(points):
        raise _not_a_range(text)
    shown = []
    for match in points:
        row, col = (_r1c1_index(part, own) for part, own in zip(match.groups(), (e.row, e.col), strict=True))  # type: ignore[union-attr]
        if row < 0 or col < 0:
            raise _not_a_range(text)
        shown.append(f"{column_letters(col)}{row + 1}")
    return title + bang + ":".join(shown)


def _r1c1_index(part: str | None, own: int) -> int:
    """0-based; in brackets from the own place on, without a number the own place."""
    if part is None:
        return own
    return own + int(part[1:-1]) if part.startswith("[") else int(part) - 1


@lazy("OFFSET", 3, 5)
def offset(
    e: Any, node: Node, down: Node, across: Node, height: Node | None = None, width: Node | None = None
) -> Range:
    area = e.operand(node)
    if not isinstance(area, Range):
        raise Fault(CellError("N_A", "Argument must be a range."))

    def number(given: Node | None, place: int, otherwise: int) -> int:
        value = e.scalar(given) if given is not None else None
        return otherwise if value is None else math.trunc(to_number(value, "OFFSET", place, e.locale))

    row0, col0 = area.row0 + number(down, 2, 0), area.col0 + number(across, 3, 0)
    row1, col1 = row0 + number(height, 4, area.height), col0 + number(width, 5, area.width)
    rows, cols = e.workbook.size(area.title)
    if row0 < 0 or col0 < 0 or row1 > rows or col1 > cols or row1 <= row0 or col1 <= col0:
        if row0 >= 0 and col0 >= 0 and row1 > row0 and col1 > col0:  # it may come to be there
            e.trace.areas.add(Rectangle(area.title, row0, row1, col0, col1))
        raise Fault(CellError("REF", "Function OFFSET evaluates to an out of bounds range."))
    found: Range = e.dynamic(Range(area.title, row0, row1, col0, col1, e.workbook))
    return found


@scalar("ADDRESS", 2, 5)
def address(e: Any, row: Scalar, column: Scalar, mode: Scalar = 1, is_a1: Scalar = True, sheet: Scalar = None) -> str:
    down, across = (math.trunc(to_number(v, "ADDRESS", place, e.locale)) for place, v in ((1, row), (2, column)))
    fixed = 1 if mode is None else math.trunc(to_number(mode, "ADDRESS", 3, e.locale))
    for place, index in ((1, down), (2, across)):
        if index < 1:
            raise Fault(out_of_range("ADDRESS", place, str(index), "It should be greater than or equal to 1."))
    if not 1 <= fixed <= 4:
        raise Fault(out_of_range("ADDRESS", 3, str(fixed), "Valid values are between 1 and 4 inclusive."))
    if is_a1 is None or to_boolean(is_a1, "ADDRESS", 4):
        letters = ("$" if fixed in (1, 3) else "") + column_letters(across - 1)
        cells = f"{letters}{'$' if fixed in (1, 2) else ''}{down}"
    else:
        cells = f"R{down if fixed in (1, 2) else f'[{down}]'}C{across if fixed in (1, 3) else f'[{across}]'}"
    return cells if sheet is None else f"{quote_title(to_text(sheet))}!{cells}"


@lazy("ISREF", 1)
def is_reference(e: Any, node: Node) -> bool:
    try:
        return isinstance(e.operand(node), Range)
    except Fault:
        return False


@lazy("FORMULATEXT", 1)
def formula_text(e: Any, node: Node) -> str:
    found = _formula(e, node)
    if found is None:
        raise Fault(CellError("N_A", "The cell holds no formula."))
    return found


@lazy("ISFORMULA", 1)
def is_formula(e: Any, node: Node) -> bool:
    return _formula(e, node) is not None


def _formula(e: Any, node: Node) -> str | None:
    area = e.operand(node)
    if not isinstance(area, Range):
        raise Fault(CellError("N_A", "Argument must be a range."))
    found: str | None = e.workbook.formula(area.title, area.row0, area.col0)
    return found


@lazy("CELL", 2)
def cell(e: Any, kind: Node, node: Node) -> Operand:
    area = e.operand(node)
    if not isinstance(area, Range):
        raise Fault(CellError("N_A", "Argument must be a range."))
    wanted = to_text(e.scalar(kind)).lower()
    value = area.corner()
    match wanted:
        case "address":
            place = f"${column_letters(area.col0)}${area.row0 + 1}"
            return place if area.title == e.title else f"{quote_title(area.title)}!{place}"
        case "col":
            return area.col0 + 1
        case "row":
            return area.row0 + 1
        case "contents":
            return value
        case "type":
            return "b" if value is None else "l" if isinstance(value, str) else "v"
    raise Fault(CellError("VALUE", f"Function CELL parameter 1 value is '{wanted}', which is not known."))


@lazy("SHEET", 0, 1)
def sheet(e: Any, node: Node | None = None) -> int:
    found: list[str] = e.workbook.titles()
    if node is None:
        return found.index(e.title) + 1
    area = e.operand(node)
    title = area.title if isinstance(area, Range) else e.workbook.tab(to_text(e.single(area)))
    if title is None:
        raise Fault(CellError("N_A", "There is no such sheet."))
    return found.index(title) + 1


@lazy("SHEETS", 0, 1)
def sheets(e: Any, node: Node | None = None) -> int:
    return len(e.workbook.titles()) if node is None else 1


@lazy("ERROR.TYPE", 1)
def error_type(e: Any, node: Node) -> int:
    try:
        value = e.scalar(node)
    except Fault as fault:
        value = fault.error
    if not isinstance(value, CellError):
        raise Fault(CellError("N_A", "Function ERROR.TYPE parameter 1 is no error."))
    order = ("NULL_VALUE", "DIVIDE_BY_ZERO", "VALUE", "REF", "NAME", "NUM", "N_A")
    return order.index(value.type) + 1 if value.type in order else 8


@lazy("TYPE", 1)
def type_(e: Any, node: Node) -> int:
    try:
        found = e.operand(node)
    except Fault:
        return 16
    if isinstance(found, Array) or (isinstance(found, Range) and found.height * found.width > 1):
        return 64
    value = e.single(found)
    if isinstance(value, CellError):
        return 16
    return 4 if isinstance(value, bool) else 2 if isinstance(value, str) else 1
