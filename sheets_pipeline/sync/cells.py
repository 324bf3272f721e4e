"""A cell, and when two of them are the same.

A cell is ``str | int | float | bool | None``: what ``values.get`` answers for ``UNFORMATTED_VALUE`` and
``SERIAL_NUMBER``, with None for blank. So the wanted and the present can be compared as they are.
"""

from datetime import datetime, timedelta

Cell = str | int | float | bool | None

#: Longest text of one cell, in UTF-16 code units. Source: https://support.google.com/drive/answer/37603
MAX_CELL_CHARACTERS = 50_000

#: Longest key, in characters; databases index no longer ones.
MAX_KEY_CHARACTERS = 500

#: Beyond this, a double no longer holds every integer.
MAX_EXACT_INTEGER = 2**53

#: Serial number 0 of a date.
EPOCH = datetime(1899, 12, 30)

MICROSECONDS_PER_DAY = 86_400_000_000


def same_cell(wanted: Cell, current: Cell) -> bool:
    """Whether a cell needs no write.

    A truth value is never a number. Whole numbers differ in their last digit. Others may differ in what no double can
    tell apart in 15 digits, which is how far Sheets shows them; line ends may come back as ``\\n``.
    """
    if isinstance(wanted, bool) or isinstance(current, bool):
        return wanted is current
    if wanted == current:
        return True
    if isinstance(wanted, int) and isinstance(current, int):
        return False
    if isinstance(wanted, int | float) and isinstance(current, int | float):
        return abs(wanted - current) <= 2e-15 * max(abs(wanted), abs(current))
    if isinstance(wanted, str) and isinstance(current, str):
        return one_newline(wanted) == one_newline(current)
    return _is_blank(wanted) and _is_blank(current)


def _is_blank(cell: Cell) -> bool:
    return cell is None or cell == ""


def one_newline(text: str) -> str:
    """The text with ``\\n`` for every kind of line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def characters(text: str) -> int:
    """Length in UTF-16 code units, the longer of the two ways to count."""
    return len(text) + sum(1 for c in text if c > "\uffff") if not text.isascii() else len(text)


def key_of(cell: Cell) -> str:
    """A key cell as text, the same for 5, 5.0 and ``"5"``; blank for None."""
    if type(cell) is str:
        return cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


#: Between the parts of a composite key; cannot be typed into a cell.
KEY_SEPARATOR = "\x1f"


def json_key(key: str) -> str | list[str]:
    """A row's key as JSON has it: a list where it has several columns."""
    parts = key.split(KEY_SEPARATOR)
    return parts[0] if len(parts) == 1 else parts


def readable_key(key: str | list[str]) -> str:
    """A row's key as people read it, its parts one after the other; also of what ``json_key`` gave."""
    return ", ".join(key.split(KEY_SEPARATOR) if isinstance(key, str) else key)


def row_keys(key_columns: list[list[Cell]]) -> list[str]:
    """One text per row that identifies it; blank where every part is blank."""
    if len(key_columns) == 1:
        return [key_of(cell) for cell in key_columns[0]]
    keys = (KEY_SEPARATOR.join(map(key_of, parts)) for parts in zip(*key_columns, strict=True))
    return ["" if not key.strip(KEY_SEPARATOR) else key for key in keys]


def from_serial(days: float) -> datetime:
    """A naive wall-clock ``datetime`` in the spreadsheet's time zone, to the microsecond.

    Args:
        days: Days since 1899-12-30; the fraction is the time of day.

    Source: https://developers.google.com/workspace/sheets/api/reference/rest/v4/DateTimeRenderOption
    """
    return EPOCH + timedelta(microseconds=round(days * MICROSECONDS_PER_DAY))
