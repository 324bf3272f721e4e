"""Where the headers of a table stand, and the names that columns get of them: the same ones wherever columns move. Pure."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

#: Rows from the first one with anything in it among which headers are looked for.
_ROWS_LOOKED_AT = 30
#: What a row of headers has to fill at least, of the cells that rows of the table fill.
_LEAST_FILLED = 0.6
#: So many characters a name has at most; a number behind it comes on top.
_LONGEST = 55

#: The name of a column without a header.
UNNAMED = "unnamed"


def find_header(rows: Sequence[Sequence[Any]], titles: Collection[int] = ()) -> int | None:
    """The row (0-based) with the headers: the first text row that is about as full as the table; None where there is none.

    Args:
        rows: The first rows of the range, dates as the texts that they show; blanks are None or ``""``.
        titles: Rows with cells merged across columns, which are titles or groups of columns.
    """
    filled = [sum(cell not in (None, "") for cell in row) for row in rows]
    first = next((i for i, count in enumerate(filled) if count), None)
    if first is None:
        return None
    looked_at = range(first, min(len(rows), first + _ROWS_LOOKED_AT))
    data = next((i for i in looked_at if _is_data(rows[i]) and filled[i] * 2 >= max(filled[i:])), looked_at.stop)
    before = [i for i in looked_at if i < data and filled[i]]
    if not before:
        return first if _has_text(rows[first]) else None
    for wanted in (_usual([filled[i] for i in looked_at if filled[i]]), max(filled[i] for i in before)):
        for i in before:
            if filled[i] >= _LEAST_FILLED * wanted and i not in titles and _has_text(rows[i]):
                return i
    return before[-1]


def _usual(filled: list[int]) -> float:
    """How many cells rows of the table fill: titles above fill fewer, and a stray note makes a row longer."""
    return max(sorted(filled)[(len(filled) - 1) * 3 // 4], max(filled) / 2)


def _is_data(row: Sequence[Any]) -> bool:
    """Whether a row has what headers are not: truth values, fractions, numbers that are no years."""
    return any(isinstance(cell, (bool, float)) or (isinstance(cell, int) and not 1900 <= cell <= 2100) for cell in row)


def _has_text(row: Sequence[Any]) -> bool:
    return any(isinstance(cell, str) and cell for cell in row)


def column_names(headers: Sequence[str]) -> list[str]:
    """A name for each header: ``Grade (%)`` is ``grade``, and of equal ones the second is ``grade_2``; any script stays.

    They depend on the headers and on the order of equal ones alone, not on where other columns stand. A header that is a
    name of its own keeps it: of ``a, a, a_2`` the names are ``a, a_3, a_2``.
    """
    plain = [_plain(header) or UNNAMED for header in headers]
    taken: set[str] = set(plain)
    seen: set[str] = set()
    names = []
    for name in plain:
        if name in seen:
            number = 2
            while (numbered := f"{name}_{number}") in taken:
                number += 1
            name = numbered
            taken.add(name)
        seen.add(name)
        names.append(name)
    return names


def _plain(header: str) -> str:
    text = unicodedata.normalize("NFKC", header).lower()
    text = "".join(
        letter if unicodedata.category(letter)[0] in "LNM" else "_"
        for letter in unicodedata.normalize("NFC", text)
        if unicodedata.category(letter) != "Cf"  # what nobody sees
    )
    return re.sub(r"_+", "_", text).strip("_")[:_LONGEST].strip("_") or _symbols(header)


def _symbols(header: str) -> str:
    """The name of a header without any letter or digit, such as ``%`` or an emoji: what Unicode calls it."""
    names = (unicodedata.name(letter, "").casefold() for letter in header.strip() if not letter.isspace())
    return re.sub(r"[^a-z0-9]+", "_", "_".join(name for name in names if name))[:_LONGEST].strip("_")


def is_named(wanted: str, header: str, name: str) -> bool:
    """Whether a declaration that says ``wanted`` means this column: its header, whatever blanks and capitals, or its name."""
    return wanted == name or " ".join(wanted.split()).casefold() == " ".join(header.split()).casefold()
