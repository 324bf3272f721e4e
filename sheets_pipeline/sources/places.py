"""Which cells a source's ranges are, in the spreadsheet as it is. Pure."""

import difflib
import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sheets.ranges import Filter, SpreadsheetFacts, TabFacts
from sheets_pipeline.sync.source import Source, SourceRange

_ENDS = re.compile(r"([A-Z]*)(\d*)(?::([A-Z]*)(\d*))?")

#: Characters that make a pattern of a title.
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Target:
    """The cells of one range: the API's data filter, how many rows and columns, and the tab, None for a named range."""

    filter: Filter
    rows: int = 0
    columns: int = 0
    tab_id: int | None = None
    title: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns


def is_pattern(one: SourceRange) -> bool:
    """Whether the range names its tabs by a pattern: which ones they are has to be asked at every reading."""
    return one.tab is not None and _PATTERN.search(one.tab) is not None


def targets_of(source: Source, facts: SpreadsheetFacts, known: Sequence[Target] = ()) -> list[Target]:
    """The cells of all ranges of a source.

    Args:
        source: The declaration.
        facts: The spreadsheet as it is.
        known: Where they were read from before: a tab that has another title now is found again by its id.

    Raises:
        SourceProblem: A tab or named range is not there, or a range begins outside of its tab.
    """
    once_known = list(known) if len(known) == len(source.ranges) else [None] * len(source.ranges)
    return [
        target
        for one, before in zip(source.ranges, once_known, strict=True)
        for target in _targets(source, one, facts, before)
    ]


def _targets(source: Source, one: SourceRange, facts: SpreadsheetFacts, known: Target | None) -> Iterator[Target]:
    if one.named is not None and one.named in facts.named:
        yield Target({"a1Range": one.named})
        return
    for tab in _tabs(source, one, facts, known):
        area, rows, columns = _area(source, tab, one.cells)
        yield Target({"gridRange": {"sheetId": tab.id, **area}}, rows, columns, tab.id, tab.title)


def _tabs(source: Source, one: SourceRange, facts: SpreadsheetFacts, known: Target | None) -> list[TabFacts]:
    if not facts.tabs:
        raise SourceProblem(source.id, f"the spreadsheet {facts.title!r} has no tab with cells.")
    title = one.tab or one.named
    by_id = {tab.id: tab for tab in facts.tabs}
    if title is not None:
        if found := [tab for tab in facts.tabs if tab.title == title]:
            return found
        if one.tab is not None and (found := [tab for tab in facts.tabs if fnmatch.fnmatchcase(tab.title, title)]):
            return found
    elif one.tab_id is None:
        return [
            by_id.get(known.tab_id, facts.tabs[0]) if known is not None and known.tab_id is not None else facts.tabs[0]
        ]
    elif one.tab_id in by_id:
        return [by_id[one.tab_id]]
    if known is not None and known.tab_id in by_id:
        return [by_id[known.tab_id]]
    raise SourceProblem(source.id, _missing(one, facts))


def _missing(one: SourceRange, facts: SpreadsheetFacts) -> str:
    titles = [tab.title for tab in facts.tabs]
    if one.named is not None:
        close = difflib.get_close_matches(one.named, facts.named, 1)
        hint = f" Did you mean {close[0]!r}?" if close else f" Found: {', '.join(facts.named[:20]) or 'none'}."
        return f"the spreadsheet {facts.title!r} has no named range {one.named!r}.{hint}"
    if one.tab_id is not None and one.tab is None:
        what = f"no tab with the id (gid) {one.tab_id}"
    else:
        what = f"no tab {one.tab!r}"
    close = difflib.get_close_matches(one.tab or "", titles, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    found = ", ".join(f"{tab.title!r} (gid {tab.id})" for tab in facts.tabs[:20])
    return f"the spreadsheet {facts.title!r} has {what}.{hint} Found: {found}. Correct tab, or leave it out for the first one."


def _area(source: Source, tab: TabFacts, cells: str | None) -> tuple[dict[str, int], int, int]:
    """The part of a tab as the API's GridRange, open where the range is, with its rows and columns."""
    if cells is None:
        return {}, tab.rows, tab.columns
    match = _ENDS.fullmatch(cells)
    if match is None:
        raise SourceProblem(source.id, f"range is {cells!r}; expected cells such as A1:D.")
    left, top, right, bottom = match.groups()
    is_single = right is None and bottom is None
    columns = sorted(_column(text) for text in (left, left if is_single else right) if text)
    rows = sorted(int(text) for text in (top, top if is_single else bottom) if text)
    area = _span("Column", columns, both=bool(left and (right or is_single)))
    area |= _span("Row", rows, both=bool(top and (bottom or is_single)))
    if area.get("startRowIndex", 0) >= tab.rows or area.get("startColumnIndex", 0) >= tab.columns:
        size = f"{tab.rows:,} rows and {tab.columns} columns"
        raise SourceProblem(source.id, f"range {cells} begins outside of the tab {tab.title!r}, which has {size}.")
    height = min(area.get("endRowIndex", tab.rows), tab.rows) - area.get("startRowIndex", 0)
    width = min(area.get("endColumnIndex", tab.columns), tab.columns) - area.get("startColumnIndex", 0)
    return area, height, width


def _span(name: str, ends: list[int], *, both: bool) -> dict[str, int]:
    if not ends:
        return {}
    area = {f"start{name}Index": ends[0] - 1} if ends[0] > 1 else {}
    return area | ({f"end{name}Index": ends[-1]} if both else {})


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
