"""The error values that formulas yield, with the messages that Google shows for them.

Kinds: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#ErrorType
"""

from local_sheets.cell_values.model import CellError

PARSE_ERROR = CellError("ERROR", "Formula parse error.")
CIRCULAR = CellError("REF", "Circular dependency detected. To resolve with iterative calculation, see File > Settings.")
NO_REFERENCE = CellError("REF", "Reference does not exist.")
NOT_CALLED = CellError("N_A", "A LAMBDA must be called: write the values for its parameters behind it, in parentheses.")
NO_ARRAY_VALUE = CellError("VALUE", "An array value could not be found.")
EMPTY_ARRAY = CellError("N_A", "The result has no cells.")


class Fault(Exception):
    """An error value on its way up through an evaluation."""

    def __init__(self, error: CellError) -> None:
        self.error = error
        super().__init__(error.message)


#: Functions that ask services or hosts which Local Sheets does not reach.
OF_OTHER_HOSTS = frozenset(
    {"AI", "DETECTLANGUAGE", "GOOGLEFINANCE", "GOOGLETRANSLATE", "IMPORTDATA", "IMPORTFEED", "IMPORTHTML", "IMPORTXML"}
)


def unknown_function(name: str) -> CellError:
    if name in OF_OTHER_HOSTS:
        return CellError("N_A", f"{name} asks another host, which Local Sheets does not reach.")
    return CellError("NAME", f"Unknown function: '{name}'.")


def unknown_name(name: str) -> CellError:
    return CellError("NAME", f"Unknown range name: '{name.upper()}'.")


def unknown_tab(title: str) -> CellError:
    return CellError("REF", f"Unresolved sheet name '{title}'.")


def not_a_number(function: str, place: int, text: str) -> CellError:
    what = "is empty" if text == "" else "is a text"
    return CellError(
        "VALUE",
        f"Function {function} parameter {place} expects number values. "
        f"But '{text}' {what} and cannot be coerced to a number.",
    )


def not_a_boolean(function: str, place: int, text: str) -> CellError:
    return CellError(
        "VALUE",
        f"Function {function} parameter {place} expects boolean values. "
        f"But '{text}' is a text and cannot be coerced to a boolean.",
    )


def divided_by_zero(function: str, place: int = 2) -> CellError:
    return CellError("DIVIDE_BY_ZERO", f"Function {function} parameter {place} cannot be zero.")


def nothing_to_divide(function: str) -> CellError:
    return CellError("DIVIDE_BY_ZERO", f"Evaluation of function {function} caused a divide by zero error.")


def not_found(function: str, shown: str) -> CellError:
    return CellError("N_A", f"Did not find value '{shown}' in {function} evaluation.")


def wrong_argument_count(function: str, minimum: int, maximum: int | None, got: int) -> CellError:
    if maximum is None:
        expected = f"at least {minimum}"
    elif minimum == maximum:
        expected = str(minimum)
    else:
        expected = f"between {minimum} and {maximum}"
    return CellError(
        "N_A", f"Wrong number of arguments to {function}. Expected {expected} arguments, but got {got} arguments."
    )


def out_of_range(function: str, place: int, shown: str, expected: str) -> CellError:
    return CellError("NUM", f"Function {function} parameter {place} value is {shown}. {expected}")


def text_too_long(function: str) -> CellError:
    return CellError("VALUE", f"Text result of {function} is longer than the limit of 50000 characters.")


def missing_rows() -> CellError:
    return CellError("VALUE", "In ARRAY_LITERAL, an Array Literal was missing values for one or more rows.")
