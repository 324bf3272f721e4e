"""A cell's value in memory, and the API's ``ExtendedValue`` that stands for it.

Plain Python values carry text, numbers and booleans; formulas and errors have small classes of their own. See
https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#ExtendedValue
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: ErrorType of the API and the text that a cell shows for it.
ERROR_TEXTS = {
    "ERROR": "#ERROR!",
    "NULL_VALUE": "#NULL!",
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "VALUE": "#VALUE!",
    "REF": "#REF!",
    "NAME": "#NAME?",
    "NUM": "#NUM!",
    "N_A": "#N/A",
    "LOADING": "Loading...",
}
ERROR_TYPES = {text: name for name, text in ERROR_TEXTS.items()}

#: From here on a whole float is no longer written as an integer: not every integer has a float of its own.
_LARGEST_WHOLE = 2.0**63

#: Of a text in a cell, in UTF-16 units as Google counts.
MAX_CHARACTERS = 50_000


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as entered, with its leading ``=``."""

    text: str


@dataclass(frozen=True, slots=True)
class CellError:
    """An error value; ``type`` is an ``ErrorType`` of the API."""

    type: str
    message: str = ""

    @property
    def text(self) -> str:
        """What the cell shows: ``#DIV/0!``."""
        return ERROR_TEXTS[self.type]


#: What a cell can hold as entered; an effective value is never a ``Formula``. An empty cell is ``None``.
Value = str | float | int | bool | Formula | CellError


def to_api(value: Value) -> dict[str, Any]:
    """The ``ExtendedValue`` of a value."""
    match value:
        case bool():
            return {"boolValue": value}
        case int() | float():
            return {"numberValue": plain_number(value)}
        case str():
            return {"stringValue": value}
        case Formula(text):
            return {"formulaValue": text}
        case CellError(kind, message):
            return {"errorValue": {"type": kind, "message": message} if message else {"type": kind}}


def from_api(message: Mapping[str, Any]) -> Value | None:
    """The value of an ``ExtendedValue``; ``{}`` is an empty cell.

    Raises:
        ValueError: It holds more than one kind of value, or an error: those are output only.
    """
    kinds = [kind for kind, value in message.items() if value is not None]
    if len(kinds) > 1:
        raise ValueError(f"ExtendedValue holds {', '.join(kinds)}: expected one of them.")
    if not kinds:
        return None
    kind, value = kinds[0], message[kinds[0]]
    match kind:
        case "numberValue":
            return plain_number(float(value))
        case "boolValue":
            return bool(value)
        case "stringValue":
            return str(value) or None
        case "formulaValue":
            return Formula(str(value))
    raise ValueError(f"ExtendedValue holds {kind}: expected numberValue, stringValue, boolValue or formulaValue.")


def plain_number(number: float | int) -> float | int:
    """Whole floats as integers, as they stand in answers: ``42.0`` is ``42``."""
    if isinstance(number, float) and number.is_integer() and abs(number) < _LARGEST_WHOLE:
        return int(number)
    return number
