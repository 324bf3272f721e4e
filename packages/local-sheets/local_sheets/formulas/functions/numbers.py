"""Arithmetic and rounding."""

import math
import random
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from typing import Any

from local_sheets.budget import spend
from local_sheets.formulas.faults import Fault, divided_by_zero, out_of_range
from local_sheets.formulas.operands import Array, Operand, Scalar, to_number
from local_sheets.formulas.operators import arithmetic, power
from local_sheets.formulas.registry import operands, scalar

#: Wide enough for all digits of any double.
_WIDE = Context(prec=800)
_AT_LEAST_ZERO = "It should be greater than or equal to zero."
_ABOVE_ZERO = "It should be greater than 0."


def _rounded(name: str, mode: str) -> None:
    @scalar(name, 1, 2)
    def run(e: Any, value: Scalar, places: Scalar = 0) -> float:
        number = to_number(value, name, 1, e.locale)
        return round_to(number, math.trunc(to_number(places, name, 2, e.locale)), mode)


def round_to(number: float, places: int, mode: str = ROUND_HALF_UP) -> float:
    """A number rounded in its decimal form, so that 1.005 becomes 1.01; half away from zero by default."""
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if places < -400:
        return 0
    if exact.as_tuple().exponent >= -places and places >= 0:  # type: ignore[operator]
        return number
    return float(exact.quantize(Decimal(1).scaleb(-places), mode, _WIDE))


_rounded("ROUND", ROUND_HALF_UP)
_rounded("ROUNDUP", ROUND_UP)
_rounded("ROUNDDOWN", ROUND_DOWN)
_rounded("TRUNC", ROUND_DOWN)


def _plain(name: str, operator: str) -> None:
    @scalar(name, 2)
    def run(e: Any, one: Scalar, other: Scalar) -> float:
        return arithmetic(operator, to_number(one, name, 1, e.locale), to_number(other, name, 2, e.locale), name)


for _name, _operator in (("ADD", "+"), ("MINUS", "-"), ("MULTIPLY", "*"), ("DIVIDE", "/")):
    _plain(_name, _operator)


@scalar("ABS", 1)
def absolute(e: Any, value: Scalar) -> float:
    return abs(to_number(value, "ABS", 1, e.locale))


@scalar("INT", 1)
def integer(e: Any, value: Scalar) -> int:
    return math.floor(to_number(value, "INT", 1, e.locale))


@scalar("SIGN", 1)
def sign(e: Any, value: Scalar) -> int:
    number = to_number(value, "SIGN", 1, e.locale)
    return (number > 0) - (number < 0)


@scalar("MOD", 2)
def modulo(e: Any, value: Scalar, divisor: Scalar) -> float:
    by = to_number(divisor, "MOD", 2, e.locale)
    if by == 0:
        raise Fault(divided_by_zero("MOD"))
    return to_number(value, "MOD", 1, e.locale) % by


@scalar("QUOTIENT", 2)
def quotient(e: Any, value: Scalar, divisor: Scalar) -> int:
    by = to_number(divisor, "QUOTIENT", 2, e.locale)
    if by == 0:
        raise Fault(divided_by_zero("QUOTIENT"))
    return math.trunc(to_number(value, "QUOTIENT", 1, e.locale) / by)


def _power(name: str) -> None:
    @scalar(name, 2)
    def run(e: Any, base: Scalar, exponent: Scalar) -> float:
        return power(to_number(base, name, 1, e.locale), to_number(exponent, name, 2, e.locale), name)


_power("POWER")
_power("POW")


@scalar("SQRT", 1)
def square_root(e: Any, value: Scalar) -> float:
    number = to_number(value, "SQRT", 1, e.locale)
    if number < 0:
        raise Fault(out_of_range("SQRT", 1, "negative", _AT_LEAST_ZERO))
    return math.sqrt(number)


@scalar("EXP", 1)
def exponential(e: Any, value: Scalar) -> float:
    return math.exp(to_number(value, "EXP", 1, e.locale))


def _logarithm(name: str, value: Scalar, e: Any) -> float:
    number = to_number(value, name, 1, e.locale)
    if number <= 0:
        raise Fault(out_of_range(name, 1, f"{number:g}", _ABOVE_ZERO))
    return number


@scalar("LN", 1)
def natural_logarithm(e: Any, value: Scalar) -> float:
    return math.log(_logarithm("LN", value, e))


@scalar("LOG10", 1)
def decimal_logarithm(e: Any, value: Scalar) -> float:
    return math.log10(_logarithm("LOG10", value, e))


@scalar("LOG", 1, 2)
def logarithm(e: Any, value: Scalar, base: Scalar = 10) -> float:
    root = to_number(base, "LOG", 2, e.locale)
    if root <= 0 or root == 1:
        raise Fault(out_of_range("LOG", 2, f"{root:g}", _ABOVE_ZERO))
    number = _logarithm("LOG", value, e)
    return math.log10(number) if root == 10 else math.log(number, root)


def _step(name: str, mode: str) -> None:
    @scalar(name, 1, 2)
    def run(e: Any, value: Scalar, factor: Scalar = 1) -> float:
        number, step = to_number(value, name, 1, e.locale), to_number(factor, name, 2, e.locale)
        if step == 0:
            return 0
        steps = Decimal(repr(float(number))) / Decimal(repr(float(step)))
        return float(steps.quantize(Decimal(1), mode) * Decimal(repr(float(step))))


_step("CEILING", ROUND_CEILING)
_step("FLOOR", ROUND_FLOOR)
_step("MROUND", ROUND_HALF_UP)


@scalar("PI", 0)
def pi(_: Any) -> float:
    return math.pi


@scalar("RAND", 0)
def rand(_: Any) -> float:
    return random.random()  # noqa: S311 -- a spreadsheet function, not a secret


@scalar("RANDBETWEEN", 2)
def rand_between(e: Any, low: Scalar, high: Scalar) -> int:
    first = math.ceil(to_number(low, "RANDBETWEEN", 1, e.locale))
    last = math.floor(to_number(high, "RANDBETWEEN", 2, e.locale))
    if first > last:
        raise Fault(out_of_range("RANDBETWEEN", 2, str(last), f"It should be greater than or equal to {first}."))
    return random.randint(first, last)  # noqa: S311


@operands("RANDARRAY", 0, 2)
def rand_array(e: Any, rows: Operand = 1, columns: Operand = 1) -> Array:
    height = math.trunc(to_number(e.single(rows), "RANDARRAY", 1, e.locale))
    width = math.trunc(to_number(e.single(columns), "RANDARRAY", 2, e.locale))
    if height < 1 or width < 1 or height * width > 1_000_000:
        raise Fault(out_of_range("RANDARRAY", 1, str(height), "It should be greater than or equal to 1."))
    spend(height * width)
    return Array([[random.random() for _ in range(width)] for _ in range(height)])  # noqa: S311


@scalar("ISEVEN", 1)
def is_even(e: Any, value: Scalar) -> bool:
    return math.trunc(to_number(value, "ISEVEN", 1, e.locale)) % 2 == 0


@scalar("ISODD", 1)
def is_odd(e: Any, value: Scalar) -> bool:
    return math.trunc(to_number(value, "ISODD", 1, e.locale)) % 2 == 1
