"""autoFill and textToColumns."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.pasting import is_formula
from local_sheets.cell_block import Block, put, take
from local_sheets.cell_values.model import Value, plain_number
from local_sheets.cell_values.number_format import is_date_format
from local_sheets.formula_texts import copied, uses_decimal_comma
from local_sheets.model.cell import AnyCell, effective, entered, number_format_of, with_value
from local_sheets.model.tab import Rect
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect
from local_sheets.values_api.writing import write_rows

Message = dict[str, Any]

_ENDS_IN_NUMBER = re.compile(r"[0-9]{1,15}\Z")


def auto_fill(tx: Transaction, request: Message) -> None:
    """autoFill: goes on with what stands in the source: series of numbers and dates, numbered texts, formulas."""
    source, by_rows, length = _plan(tx, request)
    if not source.cells:
        raise invalid("The range to fill holds nothing to go on with.")
    alternate = bool(request.get("useAlternateSeries"))
    comma = uses_decimal_comma(tx.spreadsheet)
    block = take(source)
    lines = [list(column) for column in zip(*block, strict=True)] if by_rows else block
    backwards = length < 0
    filled = [_continue(line, abs(length), backwards, alternate, by_rows, comma) for line in lines]
    rows: Block = [list(row) for row in zip(*filled, strict=True)] if by_rows else filled
    if by_rows:
        row0 = source.row0 - abs(length) if backwards else source.row1
        put(tx, source.tab, row0, source.col0, rows)
    else:
        col0 = source.col0 - abs(length) if backwards else source.col1
        put(tx, source.tab, source.row0, col0, rows)


def _plan(tx: Transaction, request: Message) -> tuple[Rect, bool, int]:
    """Source, whether it is filled downwards (or upwards), and how many rows or columns, negative for backwards."""
    if "sourceAndDestination" in request:
        given = request["sourceAndDestination"]
        source = grid_rect(tx.spreadsheet, given.get("source"))
        return source, given.get("dimension") == "ROWS", given.get("fillLength", 0)
    area = grid_rect(tx.spreadsheet, request.get("range"))
    block = take(area)
    filled = [any(entered(cell) is not None for cell in row) for row in block]
    height = filled.index(False) if False in filled else len(filled)
    columns = [any(entered(cell) is not None for cell in column) for column in zip(*block, strict=True)]
    width = columns.index(False) if False in columns else len(columns)
    if not height or not width:
        raise invalid("The range to fill holds nothing to go on with.")
    source = Rect(area.tab, area.row0, area.row0 + height, area.col0, area.col0 + width)
    if height < area.rows:
        return Rect(area.tab, source.row0, source.row1, area.col0, area.col1), True, area.rows - height
    return source, False, area.columns - width


def _continue(
    line: Sequence[AnyCell], count: int, backwards: bool, alternate: bool, by_rows: bool, comma: bool
) -> list[AnyCell]:
    """The cells that follow a line (or come before it)."""
    cells = list(reversed(line)) if backwards else list(line)
    series = _series(cells, alternate=alternate) or (None if alternate else _numbered_series(cells))
    found: list[AnyCell] = []
    for step in range(count):
        model = cells[step % len(cells)]
        if is_formula(model):
            distance = (step // len(cells) + 1) * len(cells) * (-1 if backwards else 1)
            found.append(copied(model, distance * by_rows, distance * (not by_rows), decimal_comma=comma))
        elif series is not None:
            found.append(with_value(model, series(step)))
        else:
            found.append(with_value(model, _numbered(model, step // len(cells) + 1, backwards, alternate)))
    return list(reversed(found)) if backwards else found


def _series(cells: Sequence[AnyCell], *, alternate: bool) -> Any:
    """For numbers and dates, the function from the number of the step to its value."""
    values = [effective(cell) for cell in cells]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return None
    numbers = [float(value) for value in values]  # type: ignore[arg-type]
    dates = is_date_format(number_format_of(cells[0]))
    if len(numbers) == 1:
        slope = 1.0 if dates != alternate else 0.0
    else:
        slope = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
        if alternate:
            return lambda step: plain_number(numbers[step % len(numbers)])
    return lambda step: plain_number(numbers[-1] + slope * (step + 1))


def _numbered_series(cells: Sequence[AnyCell]) -> Callable[[int], Value] | None:
    """For texts that are the same but for the numbers at their ends, which rise evenly: ``Item 1``, ``Item 3``."""
    texts = [value for cell in cells if isinstance(value := entered(cell), str)]
    matches = [match for text in texts if (match := _ENDS_IN_NUMBER.search(text))]
    heads = {match.string[: match.start()] for match in matches}
    numbers = [int(match[0]) for match in matches]
    steps = {after - before for before, after in pairwise(numbers)}
    if len(numbers) != len(cells) or len(heads) != 1 or len(steps) != 1:
        return None
    [head], [slope], digits = heads, steps, len(matches[-1][0])
    return lambda step: f"{head}{abs(numbers[-1] + slope * (step + 1)):0{digits}d}"


def _numbered(cell: AnyCell, turn: int, backwards: bool, alternate: bool) -> Value | None:
    value = entered(cell)
    match = _ENDS_IN_NUMBER.search(value) if isinstance(value, str) and not alternate else None
    if match is None:
        return value
    number = abs(int(match[0]) + (-turn if backwards else turn))
    return f"{match.string[: match.start()]}{number:0{len(match[0])}d}"


_DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "PERIOD": ".", "SPACE": " "}


def text_to_columns(tx: Transaction, request: Message) -> None:
    """textToColumns: parts the texts of one column at a delimiter, over the cells to its right."""
    area = grid_rect(tx.spreadsheet, request.get("source"))
    if area.columns != 1:
        raise invalid("The source of textToColumns must span exactly one column.")
    texts = [effective(row[0]) if row else None for row in area.tab.read(area)]
    kind = request.get("delimiterType", "AUTODETECT")
    if kind == "CUSTOM":
        delimiter = request.get("delimiter", "")
        if not delimiter:
            raise invalid("A custom delimiter must be specified.")
    else:
        delimiter = _DELIMITERS.get(kind) or _detect([text for text in texts if isinstance(text, str)])
    rows: list[list[Any]] = [
        [part.strip() for part in text.split(delimiter)] if isinstance(text, str) else [None] for text in texts
    ]
    width = max((len(row) for row in rows), default=0)
    if area.col0 + width > area.tab.column_count:
        raise invalid(
            f"The parts of the texts need {width} columns from {area.a1()} on, which the sheet does not have."
        )
    write_rows(tx, Rect(area.tab, area.row0, area.row0 + len(rows), area.col0, area.col0 + width), rows, as_typed=True)


def _detect(texts: Sequence[str]) -> str:
    """The delimiter that most of the texts hold."""
    return max(",;\t| .", key=lambda one: sum(one in text for text in texts))
