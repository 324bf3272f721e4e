"""Text: joining, cutting, searching, converting."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace as changed
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import MAX_CHARACTERS, CellError
from local_sheets.cell_values.number_format import in_plain_signs, render
from local_sheets.cell_values.user_entered import parse
from local_sheets.formulas.faults import Fault, out_of_range, text_too_long
from local_sheets.formulas.functions.numbers import round_to
from local_sheets.formulas.operands import (
    Array,
    Operand,
    Range,
    Scalar,
    as_array,
    each_value,
    is_number,
    number_in,
    raise_error,
    to_boolean,
    to_number,
    to_text,
    with_format,
)
from local_sheets.formulas.operators import mapped, stacked
from local_sheets.formulas.registry import lazy, operands, scalar
from local_sheets.formulas.syntax import Node
from local_sheets.patterns import PatternError, Wildcard, compile_expression, expanded, matches


def _pieces(e: Any, nodes: tuple[Node, ...]) -> Iterator[str]:
    """All values as text, ranges row by row, dates as they are shown."""
    for node in nodes:
        operand = e.operand(node)
        for value in operand.array() if isinstance(operand, Range) else each_value(operand):
            yield to_text(value, e.locale)


def _joined(function: str, pieces: Iterator[str], delimiter: str = "") -> str:
    """The pieces in one text.

    Raises:
        Fault: ``#VALUE!``, it is too long for a cell; the pieces that follow are not computed.
    """
    found: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece) + (len(delimiter) if found else 0)
        if size > MAX_CHARACTERS:
            raise Fault(text_too_long(function))
        spend(1, len(piece))
        found.append(piece)
    return delimiter.join(found)


def _check_length(function: str, characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise Fault(text_too_long(function))
    spend(1, characters)


@lazy("CONCATENATE", 1, None)
def concatenate(e: Any, *nodes: Node) -> str:
    return _joined("CONCATENATE", _pieces(e, nodes))


@lazy("CONCAT", 2)
def concat(e: Any, one: Node, other: Node) -> str:
    return _joined("CONCAT", iter((e.text(one), e.text(other))))


@lazy("JOIN", 2, None)
def join(e: Any, delimiter: Node, *nodes: Node) -> str:
    return _joined("JOIN", _pieces(e, nodes), e.text(delimiter))


@lazy("TEXTJOIN", 3, None)
def text_join(e: Any, delimiter: Node, skip_blank: Node, *nodes: Node) -> str:
    skip = to_boolean(e.scalar(skip_blank), "TEXTJOIN", 2)
    pieces = (piece for piece in _pieces(e, nodes) if piece or not skip)
    return _joined("TEXTJOIN", pieces, e.text(delimiter))


@scalar("TEXT", 2)
def text(e: Any, value: Scalar, pattern: Scalar) -> str:
    if isinstance(value, str):
        found = number_in(value, e.locale)
        value = value if found is None else found
    shape = in_plain_signs(to_text(pattern), e.locale)
    return render(raise_error(value) or (0 if value is None else value), {"type": "NUMBER", "pattern": shape}, e.locale)


@scalar("VALUE", 1)
def value_of(e: Any, value: Scalar) -> float | int:
    if isinstance(value, str) and number_in(value, e.locale) is None:
        raise Fault(CellError("VALUE", f"VALUE parameter '{value}' cannot be parsed to number."))
    return to_number(value, "VALUE", 1, e.locale)


@scalar("T", 1)
def text_only(_: Any, value: Scalar) -> str:
    raise_error(value)
    return value if isinstance(value, str) else ""


@scalar("LEN", 1)
def length(e: Any, value: Scalar) -> int:
    return len(to_text(value, e.locale).encode("utf-16-le")) // 2


#: A place or count that is too small is no error of numbers here.
_OF_VALUES = {"LEFT", "RIGHT", "FIND", "FINDB", "SEARCH", "SEARCHB", "REPLACE", "REPLACEB", "SUBSTITUTE"}


def _count(e: Any, function: str, place: int, value: Scalar, smallest: int = 0) -> int:
    number = math.trunc(to_number(value, function, place, e.locale))
    if number < smallest:
        error = out_of_range(function, place, str(number), f"It should be greater than or equal to {smallest}.")
        raise Fault(changed(error, type="VALUE") if function in _OF_VALUES else error)
    return number


@scalar("LEFT", 1, 2)
def left(e: Any, value: Scalar, count: Scalar = 1) -> str:
    return to_text(value, e.locale)[: _count(e, "LEFT", 2, count)]


@scalar("RIGHT", 1, 2)
def right(e: Any, value: Scalar, count: Scalar = 1) -> str:
    whole, wanted = to_text(value, e.locale), _count(e, "RIGHT", 2, count)
    return whole[max(len(whole) - wanted, 0) :]


@scalar("MID", 3)
def middle(e: Any, value: Scalar, start: Scalar, count: Scalar) -> str:
    first = _count(e, "MID", 2, start, 1) - 1
    return to_text(value, e.locale)[first : first + _count(e, "MID", 3, count)]


@scalar("UPPER", 1)
def upper(e: Any, value: Scalar) -> str:
    return to_text(value, e.locale).upper()


@scalar("LOWER", 1)
def lower(e: Any, value: Scalar) -> str:
    return to_text(value, e.locale).lower()


@scalar("PROPER", 1)
def proper(e: Any, value: Scalar) -> str:
    return re.sub(r"[^\W\d_]+", lambda word: word[0].capitalize(), to_text(value, e.locale))


@scalar("TRIM", 1)
def trim(e: Any, value: Scalar) -> str:
    return re.sub(" +", " ", to_text(value, e.locale).strip(" "))


@scalar("CLEAN", 1)
def clean(e: Any, value: Scalar) -> str:
    return re.sub(r"[\x00-\x1f]", "", to_text(value, e.locale))


@scalar("REPT", 2)
def repeat(e: Any, value: Scalar, times: Scalar) -> str:
    whole, count = to_text(value, e.locale), _count(e, "REPT", 2, times)
    _check_length("REPT", len(whole) * count)
    return whole * count


@scalar("EXACT", 2)
def exact(e: Any, one: Scalar, other: Scalar) -> bool:
    return to_text(one, e.locale) == to_text(other, e.locale)


@scalar("CHAR", 1)
def character(e: Any, code: Scalar) -> str:
    number = _count(e, "CHAR", 1, code, 1)
    if number > 0x10FFFF:
        raise Fault(out_of_range("CHAR", 1, str(number), "It should be a Unicode code point."))
    return chr(number)


@scalar("CODE", 1)
def code_of(e: Any, value: Scalar) -> int:
    whole = to_text(value, e.locale)
    if not whole:
        raise Fault(CellError("VALUE", "Function CODE parameter 1 value should be non-empty."))
    return ord(whole[0])


@scalar("SUBSTITUTE", 3, 4)
def substitute(e: Any, value: Scalar, old: Scalar, new: Scalar, occurrence: Scalar = None) -> str:
    whole, before, after = to_text(value, e.locale), to_text(old, e.locale), to_text(new, e.locale)
    if not before:
        return whole
    wanted = 0 if occurrence is None else _count(e, "SUBSTITUTE", 4, occurrence, 0)
    if not wanted:
        _check_length("SUBSTITUTE", len(whole) + whole.count(before) * (len(after) - len(before)))
        return whole.replace(before, after)
    parts = whole.split(before, wanted)
    if wanted >= len(parts):
        return whole
    return before.join(parts[:wanted]) + after + parts[wanted]


@scalar("REPLACE", 4)
def replace(e: Any, value: Scalar, start: Scalar, count: Scalar, new: Scalar) -> str:
    whole, first = to_text(value, e.locale), _count(e, "REPLACE", 2, start, 1) - 1
    return whole[:first] + to_text(new, e.locale) + whole[first + _count(e, "REPLACE", 3, count) :]


def _not_within(function: str, wanted: str, whole: str) -> Fault:
    return Fault(CellError("VALUE", f"In {function} evaluation, cannot find '{wanted}' within '{whole}'."))


@scalar("FIND", 2, 3)
def find(e: Any, wanted: Scalar, value: Scalar, start: Scalar = 1) -> int:
    sought, whole = to_text(wanted, e.locale), to_text(value, e.locale)
    found = whole.find(sought, _count(e, "FIND", 3, start, 1) - 1)
    if found < 0:
        raise _not_within("FIND", sought, whole)
    return found + 1


@scalar("SEARCH", 2, 3)
def search(e: Any, wanted: Scalar, value: Scalar, start: Scalar = 1) -> int:
    sought, whole = to_text(wanted, e.locale), to_text(value, e.locale)
    found = Wildcard(sought).find(whole, _count(e, "SEARCH", 3, start, 1) - 1)
    if found < 0:
        raise _not_within("SEARCH", sought, whole)
    return found + 1


@scalar("FINDB", 2, 3)
def find_bytes(e: Any, wanted: Scalar, value: Scalar, start: Scalar = 1) -> int:
    return _in_bytes(to_text(value, e.locale), find(e, wanted, value, _characters(e, value, start)))


@scalar("SEARCHB", 2, 3)
def search_bytes(e: Any, wanted: Scalar, value: Scalar, start: Scalar = 1) -> int:
    return _in_bytes(to_text(value, e.locale), search(e, wanted, value, _characters(e, value, start)))


def _in_bytes(whole: str, place: int) -> int:
    """A place among characters as one among bytes: beyond Latin ones a character has two."""
    return place + sum(ord(char) > 0xFF for char in whole[: place - 1])


def _characters(e: Any, value: Scalar, place: Scalar) -> int:
    """The reverse."""
    wanted, whole, done = _count(e, "FINDB", 3, place, 1), to_text(value, e.locale), 1
    for count, char in enumerate(whole):
        if done >= wanted:
            return count + 1
        done += 2 if ord(char) > 0xFF else 1
    return len(whole) + 1


@scalar("DOLLAR", 1, 2)
def dollar(e: Any, value: Scalar, places: Scalar = 2) -> str:
    number, decimals = to_number(value, "DOLLAR", 1, e.locale), _count(e, "DOLLAR", 2, places, -30)
    pattern = '"$"#,##0' + ("." + "0" * decimals if decimals > 0 else "")
    return render(round_to(number, decimals), {"type": "CURRENCY", "pattern": pattern}, e.locale)


@scalar("HYPERLINK", 1, 2)
def hyperlink(_: Any, address: Scalar, label: Scalar = None) -> Scalar:
    raise_error(address)
    return to_text(address) if label is None else raise_error(label)


@operands("SPLIT", 2, 4)
def split(e: Any, value: Operand, delimiter: Operand, by_each: Operand = True, skip_blank: Operand = True) -> Array:
    marks = to_text(e.single(delimiter))
    if not marks:
        raise Fault(CellError("VALUE", "Function SPLIT parameter 2 value should be non-empty."))
    each = to_boolean(e.single(by_each), "SPLIT", 3)
    pattern = "[" + re.escape(marks) + "]" if each else re.escape(marks)
    skip = to_boolean(e.single(skip_blank), "SPLIT", 4)

    def one(given: Scalar) -> Array:
        parts = re.split(pattern, to_text(given, e.locale))
        spend(len(parts))
        kept = [part for part in parts if part or not skip]
        return Array([[_typed(part, e.locale) for part in kept] or [None]])

    if e.over_arrays and isinstance(value, Array | Range):
        return stacked(one, [row[0] for row in as_array(value).rows])
    return one(e.single(value))


def _typed(part: str, locale: str) -> Scalar:
    """A part as if it were typed into a cell: a date is one, and shown as such."""
    if number_in(part, locale) is None:
        return part
    entry = parse(part.strip(), locale)
    return with_format(entry.value, entry.number_format)  # type: ignore[arg-type]


def _expression(function: str, pattern: Scalar) -> Any:
    text = to_text(pattern)
    try:
        return compile_expression(text)
    except PatternError:
        message = f'Function {function} parameter 2 value "{text}" is not a valid regular expression.'
        raise Fault(CellError("REF", message)) from None


def _first_match(function: str, value: Scalar, pattern: Scalar) -> Any:
    return next(matches(_expression(function, pattern), _text_only(function, value)), None)


@scalar("REGEXMATCH", 2)
def regex_match(_: Any, value: Scalar, pattern: Scalar) -> bool:
    return _first_match("REGEXMATCH", value, pattern) is not None


@scalar("REGEXREPLACE", 3)
def regex_replace(_: Any, value: Scalar, pattern: Scalar, new: Scalar) -> str:
    whole, template = _text_only("REGEXREPLACE", value), to_text(new)

    def pieces() -> Iterator[str]:
        done = 0
        for found in matches(_expression("REGEXREPLACE", pattern), whole):
            yield whole[done : found.start()]
            yield expanded(template, found)
            done = found.end()
        yield whole[done:]

    return _joined("REGEXREPLACE", pieces())


@operands("REGEXEXTRACT", 2)
def regex_extract(e: Any, value: Operand, pattern: Operand) -> Operand:
    """All groups beside each other where the expression has some."""
    if e.over_arrays and isinstance(value, Array | Range):
        shape = as_array(value)
        if shape.width == 1:
            patterns = as_array(pattern)
            given = [(row[0], patterns.at(place, 0)) for place, row in enumerate(shape.rows)]
            return stacked(lambda pair: _extracted(*pair), given)
        return mapped(lambda one, other: e.single(_extracted(one, other)), [value, pattern])
    return _extracted(e.single(value), e.single(pattern))


def _extracted(value: Scalar, pattern: Scalar) -> Operand:
    found = _first_match("REGEXEXTRACT", value, pattern)
    if found is None:
        shown = (
            f'"{to_text(pattern)}" does not match text of Function REGEXEXTRACT parameter 1 value "{to_text(value)}"'
        )
        raise Fault(CellError("N_A", f"Function REGEXEXTRACT parameter 2 value {shown}."))
    groups = [group or "" for group in found.groups()] or [str(found[0])]
    return groups[0] if len(groups) == 1 else Array([[*groups]])


def _text_only(function: str, value: Scalar) -> str:
    if is_number(value):
        raise Fault(
            CellError(
                "VALUE",
                f"Function {function} parameter 1 expects text values. "
                f"But '{to_text(value)}' is a number and cannot be coerced to a text.",
            )
        )
    return to_text(value)
