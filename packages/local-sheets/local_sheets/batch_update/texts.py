"""Requests that look at what cells say: findReplace, deleteDuplicates, trimWhitespace."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import re2

from local_sheets.api_error import invalid
from local_sheets.budget import ROUND_SECONDS, limited, spend
from local_sheets.cell_block import Block, put, take
from local_sheets.cell_values.model import MAX_CHARACTERS, Formula
from local_sheets.cell_values.number_format import render
from local_sheets.limits import text_too_long
from local_sheets.model.cell import AnyCell, effective, entered, number_format_of, with_value
from local_sheets.model.tab import Rect
from local_sheets.model.transaction import Transaction
from local_sheets.patterns import PatternError, compile_expression, expanded, matches
from local_sheets.references import dimension_span, grid_rect, tab_of_id
from local_sheets.values_api.writing import write_rows

Message = dict[str, Any]


def find_replace(tx: Transaction, request: Message) -> Message:
    """findReplace"""
    if not request.get("find"):
        raise invalid("Must specify text to find.")
    pattern = _pattern(request)
    replacement = _replacement(request)
    counts = dict.fromkeys(
        ("valuesChanged", "formulasChanged", "rowsChanged", "sheetsChanged", "occurrencesChanged"), 0
    )
    with limited(ROUND_SECONDS):
        for area in _areas(tx, request):
            before = counts["occurrencesChanged"]
            for row in range(area.row0, min(area.row1, len(area.tab.rows))):
                _replace_in_row(tx, area, row, pattern, replacement, bool(request.get("includeFormulas")), counts)
            counts["sheetsChanged"] += counts["occurrencesChanged"] > before
    return {name: count for name, count in counts.items() if count}


def _areas(tx: Transaction, request: Message) -> Iterable[Rect]:
    """The scope: a range, a tab or all tabs."""
    if "range" in request:
        return [grid_rect(tx.spreadsheet, request["range"])]
    if "sheetId" in request:
        return [tab_of_id(tx.spreadsheet, request["sheetId"]).rect()]
    if request.get("allSheets"):
        return [tab.rect() for tab in tx.spreadsheet.tabs]
    raise invalid("Must specify a scope: range, sheetId or allSheets.")


def _pattern(request: Message) -> Any:
    text = request["find"] if request.get("searchByRegex") else re2.escape(request["find"])
    if request.get("matchEntireCell"):
        text = rf"\A(?:{text})\z"
    try:
        return compile_expression(text, ignore_case=not request.get("matchCase"))
    except PatternError as error:
        raise invalid(f"Invalid regular expression {request['find']!r}: {error}") from None


def _replacement(request: Message) -> Callable[[Any], str]:
    text = request.get("replacement", "")
    if not request.get("searchByRegex"):
        return lambda _: text
    return lambda match: expanded(text, match)


def _replace_in_row(
    tx: Transaction,
    area: Rect,
    row: int,
    pattern: Any,
    replacement: Callable[[Any], str],
    formulas: bool,
    counts: dict[str, int],
) -> None:
    found: list[Any] = []
    for cell in area.tab.row_cells(row)[area.col0 : area.col1]:
        text = _searched_text(tx, cell, formulas)
        fresh, times = _replace(pattern, replacement, text)
        found.append(fresh if times else None)
        if times:
            counts["occurrencesChanged"] += times
            counts["formulasChanged" if isinstance(entered(cell), Formula) else "valuesChanged"] += 1
    if any(text is not None for text in found):
        counts["rowsChanged"] += 1
        write_rows(tx, Rect(area.tab, row, row + 1, area.col0, area.col0 + len(found)), [found], as_typed=True)


def _replace(pattern: Any, replacement: Callable[[Any], str], text: str | None) -> tuple[str, int]:
    """The text with its matches replaced, and how many there were.

    Raises:
        ApiError: It becomes too long for a cell.
    """
    pieces, times, done, size = [], 0, 0, 0
    for match in matches(pattern, text) if text else ():
        pieces += [text[done : match.start()], replacement(match)]  # type: ignore[index]
        times, done = times + 1, match.end()
        size += len(pieces[-2]) + len(pieces[-1])
        if size > MAX_CHARACTERS:
            raise text_too_long()
    spend(1, size)
    return "".join([*pieces, (text or "")[done:]]), times


def _searched_text(tx: Transaction, cell: AnyCell, formulas: bool) -> str | None:
    """What of a cell is searched: formulas only where asked for, all else as it is shown."""
    value = entered(cell)
    if value is None:
        return None
    if isinstance(value, Formula):
        return value.text if formulas else None
    return render(effective(cell), number_format_of(cell), tx.spreadsheet.locale)


def delete_duplicates(tx: Transaction, request: Message) -> Message:
    """deleteDuplicates: of rows that are equal in the comparison columns the first stays, the others close up."""
    area = grid_rect(tx.spreadsheet, request.get("range"))
    columns = list(range(area.columns))
    if request.get("comparisonColumns"):
        spans = [dimension_span(tx.spreadsheet, span) for span in request["comparisonColumns"]]
        columns = [col - area.col0 for span in spans for col in range(span.start, span.end)]
        if any(not 0 <= col < area.columns for col in columns):
            raise invalid(f"A comparison column is outside of the range {area.a1()}.")
    seen: set[tuple[Any, ...]] = set()
    kept: Block = []
    block = take(Rect(area.tab, area.row0, min(area.row1, max(len(area.tab.rows), area.row0)), area.col0, area.col1))
    for row in block:
        key = tuple(_comparable(row[col]) for col in columns)
        if key not in seen or not any(entered(cell) is not None for cell in row):
            seen.add(key)
            kept.append(row)
    removed = len(block) - len(kept)
    if removed:
        put(tx, area.tab, area.row0, area.col0, kept + [[None] * area.columns for _ in range(removed)])
    return {"duplicatesRemovedCount": removed} if removed else {}


def _comparable(cell: AnyCell) -> tuple[str, Any]:
    """Text is compared without regard to case; formats do not count."""
    value = effective(cell)
    return (
        type(value).__name__ if isinstance(value, bool) else "",
        value.casefold() if isinstance(value, str) else value,
    )


def trim_whitespace(tx: Transaction, request: Message) -> Message:
    """trimWhitespace: no blanks at the ends, single ones within."""
    area = grid_rect(tx.spreadsheet, request.get("range"))
    changed = 0
    for row in range(area.row0, min(area.row1, len(area.tab.rows))):
        cells = list(area.tab.row_cells(row)[area.col0 : area.col1])
        fresh = [_trimmed(cell) for cell in cells]
        differing = sum(new is not old for new, old in zip(fresh, cells, strict=True))
        if differing:
            changed += differing
            put(tx, area.tab, row, area.col0, [fresh])
    return {"cellsChangedCount": changed} if changed else {}


def _trimmed(cell: AnyCell) -> AnyCell:
    value = entered(cell)
    if not isinstance(value, str):
        return cell
    text = re.sub(r"\s+", " ", value).strip()
    return cell if text == value else with_value(cell, text or None)
