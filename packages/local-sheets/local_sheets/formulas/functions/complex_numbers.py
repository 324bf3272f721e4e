"""Complex numbers, written as text: ``3+4i``."""

import cmath
import math
import re
from collections.abc import Callable
from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.operands import (
    Operand,
    Scalar,
    each_value,
    is_number,
    number_text,
    raise_error,
    to_number,
    to_text,
)
from local_sheets.formulas.registry import operands, scalar

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_COMPLEX = re.compile(rf"(?P<real>{_NUMBER})?(?:(?P<imaginary>{_NUMBER}|[+-]?)(?P<unit>[ij]))?")


def read_complex(name: str, value: Scalar) -> tuple[complex, str]:
    """The number and its unit, ``i`` where it has none.

    Raises:
        Fault: ``#NUM!``, it is none.
    """
    if is_number(raise_error(value)):
        return complex(float(value)), "i"  # type: ignore[arg-type]
    text = to_text(value).replace(" ", "")
    match = _COMPLEX.fullmatch(text)
    if match is None or not text:
        raise Fault(CellError("NUM", f"Function {name} parameter 1 value '{text}' is no complex number."))
    real, imaginary, unit = match["real"], match["imaginary"], match["unit"]
    if unit is None:
        return complex(float(real)), "i"
    if imaginary in ("", "+", "-") and real and not imaginary:
        return complex(0, float(real)), unit
    part = float(f"{imaginary}1") if imaginary in ("", "+", "-") else float(imaginary)
    return complex(float(real or 0), part), unit


def write_complex(number: complex, unit: str) -> str:
    """``3+4i``, ``-i``, ``2``."""
    real, imaginary = (number_text(part if abs(part) > 1e-15 else 0.0) for part in (number.real, number.imag))
    if imaginary == "0":
        return real
    part = {"1": "", "-1": "-"}.get(imaginary, imaginary) + unit
    if real == "0":
        return part
    return real + (part if part.startswith("-") else f"+{part}")


def _no_value(name: str) -> Fault:
    return Fault(CellError("NUM", f"{name} has no value for this number."))


def _of_one(name: str, compute: Callable[[complex], complex]) -> None:
    @scalar(name, 1)
    def run(_: Any, value: Scalar) -> str:
        number, unit = read_complex(name, value)
        try:
            return write_complex(compute(number), unit)
        except (ValueError, ArithmeticError):
            raise _no_value(name) from None


for _name, _compute in {
    "IMCONJUGATE": complex.conjugate, "IMCOS": cmath.cos, "IMCOSH": cmath.cosh, "IMCOT": lambda z: 1 / cmath.tan(z),
    "IMCOTH": lambda z: 1 / cmath.tanh(z), "IMCSC": lambda z: 1 / cmath.sin(z), "IMCSCH": lambda z: 1 / cmath.sinh(z),
    "IMEXP": cmath.exp, "IMLN": cmath.log, "IMLOG10": cmath.log10, "IMLOG2": lambda z: cmath.log(z) / math.log(2),
    "IMSEC": lambda z: 1 / cmath.cos(z), "IMSECH": lambda z: 1 / cmath.cosh(z), "IMSIN": cmath.sin, "IMSINH": cmath.sinh,
    "IMSQRT": cmath.sqrt, "IMTAN": cmath.tan, "IMTANH": cmath.tanh,
}.items():  # fmt: skip
    _of_one(_name, _compute)


def _part(name: str, compute: Callable[[complex], float]) -> None:
    @scalar(name, 1)
    def run(_: Any, value: Scalar) -> float:
        return compute(read_complex(name, value)[0])


_part("IMABS", abs)
_part("IMAGINARY", lambda z: z.imag)
_part("IMREAL", lambda z: z.real)
_part("IMARGUMENT", cmath.phase)


@scalar("COMPLEX", 2, 3)
def complex_(e: Any, real: Scalar, imaginary: Scalar, unit: Scalar = "i") -> str:
    letter = to_text(unit)
    if letter not in ("i", "j"):
        raise Fault(CellError("VALUE", f"Function COMPLEX parameter 3 value is '{letter}'. It should be 'i' or 'j'."))
    return write_complex(
        complex(to_number(real, "COMPLEX", 1, e.locale), to_number(imaginary, "COMPLEX", 2, e.locale)), letter
    )


def _of_two(name: str, compute: Callable[[complex, complex], complex]) -> None:
    @scalar(name, 2)
    def run(_: Any, one: Scalar, other: Scalar) -> str:
        (left, unit), (right, _unit) = read_complex(name, one), read_complex(name, other)
        try:
            return write_complex(compute(left, right), unit)
        except (ValueError, ArithmeticError):
            raise _no_value(name) from None


_of_two("IMDIV", lambda left, right: left / right)
_of_two("IMSUB", lambda left, right: left - right)
_of_two("IMPOWER", lambda left, right: left**right)
_of_two("IMLOG", lambda left, right: cmath.log(left) / cmath.log(right))


def _of_many(name: str, start: complex, compute: Callable[[complex, complex], complex]) -> None:
    @operands(name, 1, None)
    def run(_: Any, *given: Operand) -> str:
        found, unit = start, "i"
        for operand in given:
            for value in each_value(operand):
                if value is not None:
                    number, unit = read_complex(name, value)
                    found = compute(found, number)
        return write_complex(found, unit)


_of_many("IMSUM", 0j, lambda left, right: left + right)
_of_many("IMPRODUCT", 1 + 0j, lambda left, right: left * right)
