"""Choices and truth values."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, not_a_boolean, wrong_argument_count
from local_sheets.formulas.operands import (
    Array,
    Operand,
    Range,
    Scalar,
    as_array,
    compare,
    each_value,
    raise_error,
    to_boolean,
    to_number,
)
from local_sheets.formulas.operators import mapped
from local_sheets.formulas.registry import lazy, operands, scalar
from local_sheets.formulas.syntax import Constant, Node

NO_MATCH = CellError("N_A", "No match.")
NO_CASE = CellError("N_A", "No match found in SWITCH evaluation.")


@lazy("IF", 2, 3)
def if_(e: Any, test: Node, when_true: Node, when_false: Node | None = None) -> Operand:
    other = when_false or Constant(False)
    if e.over_arrays:
        tests = e.operand(test)
        if isinstance(tests, Array | Range):
            return _if_each(e, as_array(tests), when_true, other)
    chosen: Operand = e.operand(when_true if to_boolean(e.scalar(test), "IF", 1) else other)
    return chosen


def _branch(e: Any, node: Node) -> Array:
    """A branch of a choice that is made for each value: its error matters only where it is chosen."""
    return as_array(e.or_error(node))


def _if_each(e: Any, tests: Array, when_true: Node, when_false: Node) -> Array:
    yes, no = _branch(e, when_true), _branch(e, when_false)

    def one(row: int, col: int) -> Scalar:
        spend(1)
        try:
            return (yes if to_boolean(tests.at(row, col), "IF", 1) else no).at(row, col)
        except Fault as fault:
            return fault.error

    height, width = max(tests.height, yes.height, no.height), max(tests.width, yes.width, no.width)
    return Array([[one(row, col) for col in range(width)] for row in range(height)])


@lazy("IFS", 2, None)
def ifs(e: Any, *nodes: Node) -> Operand:
    if len(nodes) % 2:
        raise Fault(wrong_argument_count("IFS", len(nodes) + 1, len(nodes) + 1, len(nodes)))
    if e.over_arrays:
        given = [_branch(e, node) for node in nodes]
        return _chosen_each(given, lambda *values: _first_true(values))
    for test, chosen in zip(nodes[::2], nodes[1::2], strict=True):
        if to_boolean(e.scalar(test), "IFS", 1):
            found: Operand = e.operand(chosen)
            return found
    raise Fault(NO_MATCH)


def _first_true(values: Sequence[Scalar]) -> Scalar:
    for test, chosen in zip(values[::2], values[1::2], strict=True):
        if to_boolean(test, "IFS", 1):
            return chosen
    return NO_MATCH


def _chosen_each(given: Sequence[Array], choose_one: Callable[..., Scalar]) -> Operand:
    """A choice for each value of arrays; a single value where there are none."""
    found = as_array(mapped(choose_one, given))
    return found.rows[0][0] if found.height == found.width == 1 else found


@lazy("SWITCH", 3, None)
def switch(e: Any, node: Node, *cases: Node) -> Operand:
    if e.over_arrays:
        given = [_branch(e, one) for one in (node, *cases)]
        return _chosen_each(given, lambda *values: _switched(values[0], values[1:]))
    value = raise_error(e.scalar(node))
    for index in range(len(cases) // 2):
        if _is_case(value, e.scalar(cases[2 * index])):
            found: Operand = e.operand(cases[2 * index + 1])
            return found
    if len(cases) % 2:
        otherwise: Operand = e.operand(cases[-1])
        return otherwise
    raise Fault(NO_CASE)


def _switched(value: Scalar, cases: Sequence[Scalar]) -> Scalar:
    for index in range(len(cases) // 2):
        if _is_case(raise_error(value), cases[2 * index]):
            return cases[2 * index + 1]
    return cases[-1] if len(cases) % 2 else NO_CASE


def _is_case(value: Scalar, case: Scalar) -> bool:
    return compare(value, case) == 0


@lazy("CHOOSE", 2, None)
def choose(e: Any, index: Node, *choices: Node) -> Operand:
    if e.over_arrays and isinstance(given := e.operand(index), Array | Range):
        return mapped(
            lambda place, *values: values[_choice(e, place, len(values))],
            [given, *(_branch(e, one) for one in choices)],
        )
    found: Operand = e.operand(choices[_choice(e, e.scalar(index), len(choices))])
    return found


def _choice(e: Any, index: Scalar, count: int) -> int:
    place = math.trunc(to_number(index, "CHOOSE", 1, e.locale))
    if not 1 <= place <= count:
        message = f"Function CHOOSE parameter 1 value is {place}. Valid values are between 1 and {count} inclusive."
        raise Fault(CellError("NUM", message))
    return place - 1


@lazy("IFERROR", 1, 2)
def if_error(e: Any, node: Node, otherwise: Node | None = None) -> Operand:
    return _unless(e, node, otherwise, lambda error: True)


@lazy("IFNA", 1, 2)
def if_na(e: Any, node: Node, otherwise: Node | None = None) -> Operand:
    return _unless(e, node, otherwise, lambda error: error.type == "N_A")


def _unless(e: Any, node: Node, otherwise: Node | None, caught: Any) -> Operand:
    """The node's value, with errors of the caught kind replaced; left out, the replacement is a blank."""

    @cache
    def other() -> Operand:
        replacement: Operand = e.operand(otherwise) if otherwise is not None else None
        return replacement

    try:
        operand: Operand = e.operand(node)
        if isinstance(operand, Range) and not e.over_arrays:
            operand = e.single(operand)
    except Fault as fault:
        if not caught(fault.error):
            raise
        return other()
    if isinstance(operand, Array | Range):
        return Array(
            [
                [as_array(other()).at(y, x) if isinstance(v, CellError) and caught(v) else v for x, v in enumerate(row)]
                for y, row in enumerate(as_array(operand).rows)
            ]
        )
    return other() if isinstance(operand, CellError) and caught(operand) else operand


def _truths(function: str, given: tuple[Operand, ...]) -> Iterator[bool]:
    """The truth values of all operands; blanks, and text in ranges, are passed over.

    Raises:
        Fault: There are none, a value is an error, or an argument is text that is no truth value.
    """
    values = [
        (place, isinstance(one, Array | Range), raise_error(v))
        for place, one in enumerate(given, 1)
        for v in each_value(one)
    ]
    kept = [
        (place, value)
        for place, ranged, value in values
        if value is not None and not (ranged and isinstance(value, str))
    ]
    if not kept:
        raise Fault(CellError("VALUE", f"{function} has no valid input data."))
    for place, value in kept:
        if value == "":
            raise Fault(not_a_boolean(function, place, ""))
        yield to_boolean(value, function, place)


@operands("AND", 1, None)
def and_(_: Any, *given: Operand) -> bool:
    return all(_truths("AND", given))


@operands("OR", 1, None)
def or_(_: Any, *given: Operand) -> bool:
    return any(_truths("OR", given))


@operands("XOR", 1, None)
def xor(_: Any, *given: Operand) -> bool:
    return sum(_truths("XOR", given)) % 2 == 1


@scalar("NOT", 1)
def not_(_: Any, value: Scalar) -> bool:
    return not to_boolean(value, "NOT", 1)


@scalar("TRUE", 0)
def true(_: Any) -> bool:
    return True


@scalar("FALSE", 0)
def false(_: Any) -> bool:
    return False


@scalar("NA", 0)
def not_available(_: Any) -> Scalar:
    raise Fault(CellError("N_A", "#N/A"))
