"""Cells that change without anybody's doing: formulas of NOW or RAND, and formulas that refer to such cells. Pure."""

import re
from collections.abc import Collection, Sequence

from sheets_pipeline.sheets.ranges import RangeCells

#: A cell: number of the range, column of it, row of it.
Place = tuple[int, int, int]

_BY_ITSELF = re.compile(r"\b(?:NOW|RAND|RANDBETWEEN|RANDARRAY)\s*\(", re.IGNORECASE)
_REFERENCE = re.compile(
    r"(?:(?P<tab>'(?:[^']|'')+'|[^\W\d]\w*)!)?"
    r"\$?(?P<left>[A-Z]{1,3})?\$?(?P<top>\d+)?(?::\$?(?P<right>[A-Z]{1,3})?\$?(?P<bottom>\d+)?)?(?![\w(])"
)
_TEXTS = re.compile(r'"[^"]*"')
_LAST = 1 << 40

_Area = tuple[str, int, int, int, int]


def volatile_cells(
    values: Sequence[RangeCells], formulas: Sequence[RangeCells], restless: Collection[Place]
) -> set[Place]:
    """All of them, those that were seen to change among them; a reference counts where both cells are read.

    Args:
        values: The ranges.
        formulas: The same with the formulas in place of what they give.
        restless: Cells that were seen to change.
    """
    texts = {
        (t, c, r): _TEXTS.sub('""', text)
        for t, (cells, found) in enumerate(zip(values, formulas, strict=True))
        for c, column in enumerate(found.columns)
        if c >= len(cells.columns) or column != cells.columns[c]
        for r, text in enumerate(column)
        if type(text) is str and text[:1] == "="
    }
    volatile = set(restless) | {place for place, text in texts.items() if _BY_ITSELF.search(text)}
    if not volatile:
        return volatile
    areas = {place: _areas(text, formulas[place[0]].title) for place, text in texts.items() if place not in volatile}
    while areas:
        there = {_in_tab(place, formulas[place[0]]) for place in volatile}
        found = {place for place, mine in areas.items() if any(_meets(area, there) for area in mine)}
        if not found:
            break
        volatile |= found
        areas = {place: mine for place, mine in areas.items() if place not in found}
    return volatile


def _in_tab(place: Place, cells: RangeCells) -> tuple[str, int, int]:
    return cells.title, cells.left + place[1], cells.top + place[2]


def _areas(text: str, title: str) -> list[_Area]:
    """The areas that a formula refers to: tab, first and last column, first and last row, from 0."""
    found = []
    for match in _REFERENCE.finditer(text):
        left, top, right, bottom = match.group("left", "top", "right", "bottom")
        if not (left and top) and not (match[0].count(":") and (left or top)):
            continue
        tab = match["tab"]
        name = title if tab is None else tab[1:-1].replace("''", "'") if tab[0] == "'" else tab
        is_area = ":" in match[0]
        first, last = _column(left) if left else 0, (_column(right) if right else _LAST) if is_area else _column(left)
        begin, end = int(top or 1) - 1, (int(bottom) - 1 if bottom else _LAST) if is_area else int(top) - 1
        found.append((name, first, last, begin, end))
    return found


def _meets(area: _Area, cells: Collection[tuple[str, int, int]]) -> bool:
    name, left, right, top, bottom = area
    return any(tab == name and left <= column <= right and top <= row <= bottom for tab, column, row in cells)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1
