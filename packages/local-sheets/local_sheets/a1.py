"""A1 and R1C1 notation: text to area, and back to the form in which Google echoes a range.

Pure: knows titles and named ranges only from what the caller hands in. Rows and columns are 0-based and half-open
inside, 1-based and closed in the text. See https://developers.google.com/workspace/sheets/api/guides/concepts#cell
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import NamedTuple

#: Columns go up to ZZZ, see https://support.google.com/drive/answer/37603
MAX_COLUMNS = 18_278

_A1_POINT = re.compile(r"\$?([A-Za-z]{1,3})?(?:\$?([0-9]{1,9}))?")
_R1C1_POINT = re.compile(r"R(?:([0-9]{1,9})|\[(-?[0-9]{1,9})\])C(?:([0-9]{1,9})|\[(-?[0-9]{1,9})\])", re.IGNORECASE)
_QUOTED = re.compile(r"'((?:[^']|'')+)'(?:!(.+))?", re.DOTALL)
_PLAIN_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_LOOKS_LIKE_CELL = re.compile(r"[A-Za-z]{1,3}[0-9]+|R[0-9]*(?:C[0-9]*)?|C[0-9]*|true|false", re.IGNORECASE)


class RangeError(ValueError):
    """A text that names no range; the message is the one Google answers with."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"Unable to parse range: {text}")


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of one tab, 0-based and half-open; ``None`` is an open side, a title of ``None`` the first tab."""

    title: str | None
    row0: int | None
    row1: int | None
    col0: int | None
    col1: int | None


class _Point(NamedTuple):
    row: int | None
    col: int | None


def column_letters(index: int) -> str:
    """``0`` is ``A``, ``26`` is ``AA``.

    Raises:
        ValueError: The index is negative.
    """
    if index < 0:
        raise ValueError(f"Column index is {index}: expected 0 or more.")
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_index(letters: str) -> int:
    """``A`` is ``0``, ``AA`` is ``26``; upper or lower case.

    Raises:
        ValueError: The text is not made of the letters A-Z.
    """
    if not (letters.isascii() and letters.isalpha()):
        raise ValueError(f"Column is {letters!r}: expected letters A to Z.")
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def parse_range(text: str, titles: Container[str], named_ranges: Mapping[str, Area]) -> Area:
    """The area that a range of a request names.

    A named range wins over an unquoted title, and so does a cell: ``A1`` is a cell, ``'A1'`` a tab.

    Raises:
        RangeError: The text is no range, or its tab does not exist.
    """
    if (named := _named_range(text, named_ranges)) is not None:
        return named
    if (match := _QUOTED.fullmatch(text)) and (title := match[1].replace("''", "'")) in titles:
        return _area(text, title, match[2], named_ranges)
    if (area := _cells(text)) is not None:
        return area
    if text in titles:
        return Area(text, None, None, None, None)
    at = text.rfind("!")
    while at > 0:
        if text[:at] in titles:
            return _area(text, text[:at], text[at + 1 :], named_ranges)
        at = text.rfind("!", 0, at)
    raise RangeError(text)


def _named_range(text: str, named_ranges: Mapping[str, Area]) -> Area | None:
    if not named_ranges:
        return None
    if text in named_ranges:
        return named_ranges[text]
    folded = text.casefold()
    return next((area for name, area in named_ranges.items() if name.casefold() == folded), None)


def _area(text: str, title: str, cells: str | None, named_ranges: Mapping[str, Area]) -> Area:
    """The area behind a title; a named range may stand there as well."""
    if cells is None:
        return Area(title, None, None, None, None)
    if (named := _named_range(cells, named_ranges)) is not None:
        return named
    area = _cells(cells)
    if area is None:
        raise RangeError(text)
    return Area(title, area.row0, area.row1, area.col0, area.col1)


def _cells(text: str) -> Area | None:
    """``A1``, ``A1:B2``, ``A:A``, ``1:2``, ``A5:A``, ``A1:1``, ``R1C1:R2C2``: what stands after the ``!``."""
    first, colon, second = text.partition(":")
    start = _point(first)
    end = _point(second) if colon else start
    if start is None or end is None:
        return None
    if not colon and None in start:
        return None
    if not _spans(start, end):
        return None
    row0, row1 = _span(start.row, end.row)
    col0, col1 = _span(start.col, end.col)
    return Area(None, row0, row1, col0, col1)


def _point(text: str) -> _Point | None:
    if match := _R1C1_POINT.fullmatch(text):
        row = int(match[1]) - 1 if match[1] else int(match[2])
        col = int(match[3]) - 1 if match[3] else int(match[4])
        return _Point(row, col) if row >= 0 and col >= 0 else None
    match = _A1_POINT.fullmatch(text)
    if match is None or not (match[1] or match[2]) or match[2] == "0":
        return None
    row1 = int(match[2]) - 1 if match[2] else None
    if row1 is not None and row1 < 0:
        return None
    return _Point(row1, column_index(match[1]) if match[1] else None)


def _spans(start: _Point, end: _Point) -> bool:
    """Whether the two ends share a side: ``A5:C`` and ``A1:1`` do, ``A:1`` does not."""
    both_rows = start.row is not None and end.row is not None
    both_cols = start.col is not None and end.col is not None
    return both_rows or both_cols


def _span(start: int | None, end: int | None) -> tuple[int | None, int | None]:
    """Half-open span of two closed ends in any order; where one is missing the span runs on to the grid's end."""
    if start is None or end is None:
        return (start if end is None else end), None
    return min(start, end), max(start, end) + 1


def quote_title(title: str) -> str:
    """The title as it stands in a range: quoted only when it would be misread without quotes."""
    if _PLAIN_WORD.fullmatch(title) and not _LOOKS_LIKE_CELL.fullmatch(title):
        return title
    return "'" + title.replace("'", "''") + "'"


def format_range(title: str | None, row0: int | None, row1: int | None, col0: int | None, col1: int | None) -> str:
    """The echo of an area, 0-based and half-open: ``Sheet1!B1``, ``'My tab'!A1:Z1000``; ``None`` leaves a side open.

    With all four sides open it is the title alone.
    """
    start, end = _format_point(row0, col0), _format_point(_last(row1), _last(col1))
    if not start and not end:
        return quote_title(title) if title is not None else ""
    if not start:
        start = "A1" if row1 is not None and col1 is not None else ("A" if col1 is not None else "1")
    if not end:
        end = start if row0 is None or col0 is None else column_letters(MAX_COLUMNS - 1)
    one_cell = None not in (row0, row1, col0, col1) and start == end
    cells = start if one_cell else f"{start}:{end}"
    return cells if title is None else f"{quote_title(title)}!{cells}"


def _last(end: int | None) -> int | None:
    return None if end is None else end - 1


def _format_point(row: int | None, col: int | None) -> str:
    return (column_letters(col) if col is not None else "") + (str(row + 1) if row is not None else "")
