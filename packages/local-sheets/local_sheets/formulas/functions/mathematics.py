"""Mathematics beyond plain arithmetic: trigonometry, whole numbers, number bases, matrices."""

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_UP, Decimal
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, divided_by_zero, out_of_range
from local_sheets.formulas.functions.statistics import numbers_in, tidy_sum
from local_sheets.formulas.operands import Array, Operand, Scalar, as_array, is_number, raise_error, to_number, to_text
from local_sheets.formulas.registry import arrays, operands, scalar

_MOST_DIGITS = 300


def _of_number(name: str, compute: Callable[[float], float]) -> None:
    """A function of one number; where it has no value the error says so."""

    @scalar(name, 1)
    def run(e: Any, value: Scalar) -> float:
        number = to_number(value, name, 1, e.locale)
        try:
            return compute(number)
        except ZeroDivisionError:
            raise Fault(divided_by_zero(name, 1)) from None
        except ValueError:
            raise Fault(out_of_range(name, 1, f"{number:.15G}", "The function has no value there.")) from None


def _even(number: float) -> float:
    return math.copysign(math.ceil(abs(number) / 2) * 2, number)


def _odd(number: float) -> float:
    size = math.ceil((abs(number) - 1) / 2) * 2 + 1
    return math.copysign(max(size, 1), number)


def _arc_cotangent(number: float) -> float:
    return math.pi / 2 - math.atan(number)


def _factorial(number: float) -> float:
    whole = math.trunc(number)
    if not 0 <= whole <= 170:
        raise ValueError
    return math.factorial(whole)


def _double_factorial(number: float) -> float:
    whole = math.trunc(number)
    if not -1 <= whole <= 300:
        raise ValueError
    return math.prod(range(whole, 0, -2))


for _name, _compute in {
    "SIN": math.sin, "COS": math.cos, "TAN": math.tan, "ASIN": math.asin, "ACOS": math.acos, "ATAN": math.atan,
    "SINH": math.sinh, "COSH": math.cosh, "TANH": math.tanh, "ASINH": math.asinh, "ACOSH": math.acosh,
    "ATANH": math.atanh, "SEC": lambda x: 1 / math.cos(x), "CSC": lambda x: 1 / math.sin(x),
    "COT": lambda x: 1 / math.tan(x), "SECH": lambda x: 1 / math.cosh(x), "CSCH": lambda x: 1 / math.sinh(x),
    "COTH": lambda x: 1 / math.tanh(x), "ACOT": _arc_cotangent, "ACOTH": lambda x: math.atanh(1 / x),
    "DEGREES": math.degrees, "RADIANS": math.radians, "SQRTPI": lambda x: math.sqrt(x * math.pi), "EVEN": _even,
    "ODD": _odd, "FACT": _factorial, "FACTDOUBLE": _double_factorial, "GAMMALN": math.lgamma,
    "GAMMALN.PRECISE": math.lgamma, "GAMMA": math.gamma, "ERFC": math.erfc, "ERFC.PRECISE": math.erfc,
    "ERF.PRECISE": math.erf, "UNARY_PERCENT": lambda x: x / 100, "UMINUS": lambda x: -x,
}.items():  # fmt: skip
    _of_number(_name, _compute)


@scalar("UPLUS", 1)
def plus(_: Any, value: Scalar) -> Scalar:
    return raise_error(value)


@scalar("ERF", 1, 2)
def error_function(e: Any, low: Scalar, high: Scalar = None) -> float:
    first = math.erf(to_number(low, "ERF", 1, e.locale))
    return first if high is None else math.erf(to_number(high, "ERF", 2, e.locale)) - first


@scalar("ATAN2", 2)
def arc_tangent(e: Any, x: Scalar, y: Scalar) -> float:
    across, up = to_number(x, "ATAN2", 1, e.locale), to_number(y, "ATAN2", 2, e.locale)
    if across == up == 0:
        raise Fault(divided_by_zero("ATAN2", 1))
    return math.atan2(up, across)


def _whole(e: Any, function: str, place: int, value: Scalar, smallest: int = 0) -> int:
    number = math.trunc(to_number(value, function, place, e.locale))
    if number < smallest:
        raise Fault(out_of_range(function, place, str(number), f"It should be greater than or equal to {smallest}."))
    return number


def _of_whole_numbers(name: str, compute: Callable[[int, int], int]) -> None:
    @operands(name, 1, None)
    def run(e: Any, *given: Operand) -> float:
        found: int | None = None
        for number in numbers_in(e, name, given):
            whole = _whole(e, name, 1, number)
            found = whole if found is None else compute(found, whole)
        return found or 0


_of_whole_numbers("GCD", math.gcd)
_of_whole_numbers("LCM", math.lcm)


@scalar("COMBIN", 2)
def combinations(e: Any, count: Scalar, chosen: Scalar) -> float:
    n, k = _whole(e, "COMBIN", 1, count), _whole(e, "COMBIN", 2, chosen)
    if k > n:
        raise Fault(out_of_range("COMBIN", 2, str(k), f"It should be less than or equal to {n}."))
    return float(math.comb(n, k)) if n <= 1030 else math.exp(_log_comb(n, k))


def _log_comb(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@scalar("COMBINA", 2)
def combinations_again(e: Any, count: Scalar, chosen: Scalar) -> float:
    n, k = _whole(e, "COMBINA", 1, count), _whole(e, "COMBINA", 2, chosen)
    return float(math.comb(n + k - 1, k)) if n + k else 1


@scalar("PERMUT", 2)
def permutations(e: Any, count: Scalar, chosen: Scalar) -> float:
    n, k = _whole(e, "PERMUT", 1, count), _whole(e, "PERMUT", 2, chosen)
    if k > n or n > _MOST_DIGITS:
        raise Fault(out_of_range("PERMUT", 2, str(k), f"It should be less than or equal to {n}."))
    return float(math.perm(n, k))


@scalar("PERMUTATIONA", 2)
def permutations_again(e: Any, count: Scalar, chosen: Scalar) -> float:
    return float(_whole(e, "PERMUTATIONA", 1, count)) ** _whole(e, "PERMUTATIONA", 2, chosen)


@operands("MULTINOMIAL", 1, None)
def multinomial(e: Any, *given: Operand) -> float:
    listed = [_whole(e, "MULTINOMIAL", 1, number) for number in numbers_in(e, "MULTINOMIAL", given)]
    return round(math.exp(math.lgamma(sum(listed) + 1) - sum(math.lgamma(number + 1) for number in listed)))


@operands("SUMSQ", 1, None)
def sum_of_squares(e: Any, *given: Operand) -> float:
    return tidy_sum(number * number for number in numbers_in(e, "SUMSQ", given))


@operands("SERIESSUM", 4)
def series_sum(e: Any, x: Operand, power: Operand, step: Operand, factors: Operand) -> float:
    base, first, by = (
        to_number(e.single(value), "SERIESSUM", place, e.locale) for place, value in ((1, x), (2, power), (3, step))
    )
    listed = numbers_in(e, "SERIESSUM", (factors,))
    return math.fsum(factor * base ** (first + place * by) for place, factor in enumerate(listed))


# -- rounding with a sign or a step


def _stepped(name: str, upwards: bool, away: bool | None = None) -> None:
    """CEILING and FLOOR with their modes: ``away`` None lets negative numbers go away from zero if a mode is given."""

    @scalar(name, 1, 3)
    def run(e: Any, value: Scalar, factor: Scalar = 1, mode: Scalar = 0) -> float:
        number = to_number(value, name, 1, e.locale)
        step = abs(to_number(1 if factor is None else factor, name, 2, e.locale))
        if step == 0:
            return 0
        outwards = bool(to_number(mode, name, 3, e.locale)) if away is None else away
        rounding = ROUND_CEILING if upwards else ROUND_FLOOR
        if number < 0 and outwards:
            rounding = ROUND_UP if upwards else ROUND_DOWN
        steps = Decimal(repr(float(number))) / Decimal(repr(float(step)))
        return float(steps.quantize(Decimal(1), rounding) * Decimal(repr(float(step))))


_stepped("CEILING.MATH", upwards=True)
_stepped("FLOOR.MATH", upwards=False)
_stepped("CEILING.PRECISE", upwards=True, away=False)
_stepped("ISO.CEILING", upwards=True, away=False)
_stepped("FLOOR.PRECISE", upwards=False, away=False)


# -- number bases

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def in_base(number: int, base: int) -> str:
    """The digits of a number that is not negative."""
    found = ""
    while number or not found:
        number, digit = divmod(number, base)
        found = _DIGITS[digit] + found
    return found


@scalar("BASE", 2, 3)
def base_text(e: Any, value: Scalar, base: Scalar, length: Scalar = 0) -> str:
    number, radix = _whole(e, "BASE", 1, value), _whole(e, "BASE", 2, base, 2)
    if radix > 36:
        raise Fault(out_of_range("BASE", 2, str(radix), "Valid values are between 2 and 36 inclusive."))
    return in_base(number, radix).rjust(min(_whole(e, "BASE", 3, length), 255), "0")


@scalar("DECIMAL", 2)
def decimal(e: Any, value: Scalar, base: Scalar) -> float:
    radix, text = _whole(e, "DECIMAL", 2, base, 2), to_text(value).strip()
    try:
        return int(text, radix)
    except ValueError:
        raise Fault(out_of_range("DECIMAL", 1, f"'{text}'", f"It should be a number in base {radix}.")) from None


_BASES = {"BIN": (2, 10), "OCT": (8, 10), "HEX": (16, 10), "DEC": (10, 0)}


def _between_bases(source: str, target: str) -> None:
    name = f"{source}2{target}"
    base, digits = _BASES[source]

    @scalar(name, 1, 1 if target == "DEC" else 2)
    def run(e: Any, value: Scalar, length: Scalar = 0) -> Scalar:
        number = math.trunc(to_number(value, name, 1, e.locale)) if base == 10 else _signed(name, value, base, digits)
        return number if target == "DEC" else _written(name, number, target, _whole(e, name, 2, length))


def _signed(name: str, value: Scalar, base: int, digits: int) -> int:
    """A number of ten digits at most, negative where the highest bit is set."""
    text = to_text(value).strip()
    try:
        number = int(text, base) if text and len(text) <= digits else -1
    except ValueError:
        number = -1
    if number < 0:
        raise Fault(out_of_range(name, 1, f"'{text}'", f"It should be a number of {digits} digits at most."))
    limit = base**digits
    return number - limit if number >= limit // 2 else number


def _written(name: str, number: int, target: str, length: int) -> str:
    base, digits = _BASES[target]
    limit = base**digits
    if not -limit // 2 <= number < limit // 2:
        raise Fault(out_of_range(name, 1, str(number), f"It does not fit {digits} digits."))
    return in_base(number % limit, base).rjust(min(length, 255), "0")


for _source in _BASES:
    for _target in _BASES:
        if _source != _target:
            _between_bases(_source, _target)


def _bits(name: str, compute: Callable[[int, int], int]) -> None:
    @scalar(name, 2)
    def run(e: Any, one: Scalar, other: Scalar) -> float:
        smallest = -53 if "SHIFT" in name else 0
        first, second = _whole(e, name, 1, one), _whole(e, name, 2, other, smallest)
        if first >= 2**48 or abs(second) >= 2**48:
            raise Fault(out_of_range(name, 1, str(max(first, second)), "It should be less than 2^48."))
        return compute(first, second)


def _shifted(number: int, places: int) -> int:
    return number << min(places, 53) if places >= 0 else number >> min(-places, 53)


_bits("BITAND", lambda one, other: one & other)
_bits("BITOR", lambda one, other: one | other)
_bits("BITXOR", lambda one, other: one ^ other)
_bits("BITLSHIFT", _shifted)
_bits("BITRSHIFT", lambda number, places: _shifted(number, -places))


@scalar("DELTA", 1, 2)
def delta(e: Any, one: Scalar, other: Scalar = 0) -> int:
    return int(to_number(one, "DELTA", 1, e.locale) == to_number(other, "DELTA", 2, e.locale))


@scalar("GESTEP", 1, 2)
def at_least(e: Any, one: Scalar, other: Scalar = 0) -> int:
    return int(to_number(one, "GESTEP", 1, e.locale) >= to_number(other, "GESTEP", 2, e.locale))


_ROMAN = {1000: "M", 900: "CM", 500: "D", 400: "CD", 100: "C", 90: "XC", 50: "L", 40: "XL", 10: "X", 9: "IX", 5: "V",
          4: "IV", 1: "I"}  # fmt: skip


def roman_text(number: int, form: int = 0) -> str:
    """``XIV``. A higher ``form`` lets smaller signs stand before larger ones: 499 is CDXCIX, LDVLIV, XDIX, VDIV, ID."""
    found, sizes, letters = "", (1000, 500, 100, 50, 10, 5, 1), "MDCLXVI"
    for low in (0, 2, 4, 6):
        digit, place = number // sizes[low], low
        if digit % 5 != 4:
            found += letters[low - 1] * (digit > 4) + letters[low] * (digit % 5)
            number %= sizes[low]
            continue
        high = low - 1 if digit == 4 else low - 2
        while place < min(low + form, 6) and sizes[high] - sizes[place + 1] <= number:
            place += 1
        found += letters[place] + letters[high]
        number += sizes[place] - sizes[high]
    return found


@scalar("ROMAN", 1, 2)
def roman(e: Any, value: Scalar, form: Scalar = 0) -> str:
    number, kind = _whole(e, "ROMAN", 1, value), _whole(e, "ROMAN", 2, form)
    if not 1 <= number <= 3999:
        raise Fault(CellError("VALUE", out_of_range("ROMAN", 1, str(number), "Valid values are 1 to 3999.").message))
    if not 0 <= kind <= 4:
        raise Fault(CellError("VALUE", out_of_range("ROMAN", 2, str(kind), "Valid values are 0 to 4.").message))
    return roman_text(number, kind)


@scalar("ARABIC", 1)
def arabic(_: Any, value: Scalar) -> int:
    text = to_text(value).strip().upper()
    sign, letters = (-1, text[1:]) if text.startswith("-") else (1, text)
    sizes = {letters: size for size, letters in _ROMAN.items() if len(letters) == 1}
    if any(letter not in sizes for letter in letters):
        raise Fault(CellError("VALUE", f"Function ARABIC parameter 1 value is '{text}'. It is no Roman numeral."))
    listed = [sizes[letter] for letter in letters]
    pairs = zip(listed, [*listed[1:], 0], strict=False)
    return sign * sum(-size if size < after else size for size, after in pairs)


# -- matrices


def _matrix(function: str, place: int, operand: Operand) -> list[list[float]]:
    rows = as_array(operand).rows or [[None]]
    for row in rows:
        for value in row:
            if not is_number(raise_error(value)):
                what = f"Function {function} parameter {place} expects number values."
                raise Fault(CellError("VALUE", what))
    return [[float(value) for value in row] for row in rows]  # type: ignore[arg-type]


@arrays("MMULT", 2)
def matrix_product(_: Any, one: Operand, other: Operand) -> Array:
    left, right = _matrix("MMULT", 1, one), _matrix("MMULT", 2, other)
    if len(left[0]) != len(right):
        message = f"Function MMULT has incompatible matrix sizes: {len(left[0])} columns and {len(right)} rows."
        raise Fault(CellError("VALUE", message))
    columns = list(zip(*right, strict=True))
    spend(len(left) * len(right) * len(columns))
    return Array([[math.fsum(map(float.__mul__, row, column)) for column in columns] for row in left])


def _square(function: str, operand: Operand) -> list[list[float]]:
    rows = _matrix(function, 1, operand)
    if len(rows) != len(rows[0]):
        raise Fault(CellError("VALUE", f"Function {function} parameter 1 should be a square matrix."))
    spend(len(rows) ** 3)
    return rows


def eliminated(rows: list[list[float]]) -> float:
    """Bring a matrix, with whatever stands to its right, to the unit matrix; returns its determinant."""
    found = 1.0
    for place in range(len(rows)):
        pivot = max(range(place, len(rows)), key=lambda row, at=place: abs(rows[row][at]))  # type: ignore[misc]
        if rows[pivot][place] == 0:
            return 0.0
        if pivot != place:
            rows[place], rows[pivot] = rows[pivot], rows[place]
            found = -found
        head = rows[place][place]
        found *= head
        rows[place] = [value / head for value in rows[place]]
        for other in range(len(rows)):
            if other != place and (factor := rows[other][place]):
                rows[other] = [value - factor * by for value, by in zip(rows[other], rows[place], strict=True)]
    return found


@arrays("MDETERM", 1)
def determinant(_: Any, given: Operand) -> float:
    return eliminated(_square("MDETERM", given))


@arrays("MINVERSE", 1)
def inverse(_: Any, given: Operand) -> Array:
    rows = _square("MINVERSE", given)
    wide = [[*row, *(float(place == other) for other in range(len(rows)))] for place, row in enumerate(rows)]
    if eliminated(wide) == 0:
        raise Fault(CellError("NUM", "Function MINVERSE parameter 1 value is a singular matrix."))
    return Array([[*row[len(rows) :]] for row in wide])


@operands("MUNIT", 1)
def unit_matrix(e: Any, size: Operand) -> Array:
    count = _whole(e, "MUNIT", 1, e.single(size), 1)
    spend(count * count)
    return Array([[int(row == col) for col in range(count)] for row in range(count)])
