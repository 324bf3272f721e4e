"""QUERY and IMPORTRANGE."""

import math
from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.operands import Array, Operand, Range, Scalar, as_array, to_number, to_text, with_format
from local_sheets.formulas.query.engine import run_query
from local_sheets.formulas.query.table import Column, QueryError, Table, Value, make_table
from local_sheets.formulas.registry import operands

_TYPES = {"date": "DATE", "datetime": "DATE_TIME", "timeofday": "TIME"}


@operands("QUERY", 1, 3)
def query(e: Any, data: Operand, text: Operand = None, headers: Operand = None) -> Array:
    count = e.single(headers)
    rows = -1 if count is None else math.trunc(to_number(count, "QUERY", 3, e.locale))
    first = data.col0 if isinstance(data, Range) else None
    table = make_table(as_array(data).rows, rows, first_column=first, locale=e.locale)
    asked = to_text(e.single(text))
    try:
        answer = run_query(_under_either_name(table, asked), asked, now=e.workbook.now(), locale=e.locale)
    except QueryError as error:
        message = f"Unable to parse query string for Function QUERY parameter 2: {error}"
        raise Fault(CellError("VALUE", message)) from None
    return _array(answer)


def _under_either_name(table: Table, asked: str) -> Table:
    """A range's columns have letters; they are taken as Col1, Col2 ... where the query says so."""
    if "Col" not in asked or any(column.id.startswith("Col") for column in table.columns):
        return table
    columns = [
        Column(f"Col{place}", column.label, column.kind, column.pattern, column.is_guessed)
        for place, column in enumerate(table.columns, 1)
    ]
    return Table(columns, table.rows)


def _array(answer: Table) -> Array:
    header: list[list[Scalar]] = [[column.label for column in answer.columns]] if answer.has_labels else []
    formats = [_format(column) for column in answer.columns]
    rows = [[_cell(value, shown) for value, shown in zip(row, formats, strict=True)] for row in answer.rows]
    if not header and not rows:
        raise Fault(CellError("N_A", "Query completed with an empty output."))
    return Array([*header, *rows])


def _cell(value: Value, number_format: dict[str, Any] | None) -> Scalar:
    return value if number_format is None else with_format(value, number_format)


def _format(column: Column) -> dict[str, Any] | None:
    kind = _TYPES.get(column.kind)
    if column.pattern:
        return {"type": kind or "NUMBER", "pattern": column.pattern}
    return {"type": kind} if kind else None


@operands("IMPORTRANGE", 2)
def import_range(e: Any, spreadsheet: Operand, cells: Operand) -> Array:
    key = to_text(e.single(spreadsheet)).strip()
    e.trace.imports.add(key)
    rows = e.workbook.imported(key, to_text(e.single(cells)))
    return Array([list(row) for row in rows])
