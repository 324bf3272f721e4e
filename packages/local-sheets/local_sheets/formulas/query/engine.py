"""Answer a query: filter, group, turn, sort, cut, name.

Order of the steps and labels of columns as in https://github.com/google/google-visualization-java (QueryEngine).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from local_sheets.budget import spend
from local_sheets.cell_values.number_format import render
from local_sheets.formulas.query.expressions import (
    Read,
    aggregates_in,
    column_of,
    expressions_in,
    holds,
    kind_of,
    shown,
    value_of,
)
from local_sheets.formulas.query.language import Aggregate, Expression, Field, Literal, Query, Scalar, parse_query
from local_sheets.formulas.query.table import Column, QueryError, Table, Value

T = TypeVar("T")
Key = tuple[Value, ...]
#: The most columns that an answer may have.
_MOST_COLUMNS = 18_278


def run_query(table: Table, text: str, *, now: datetime | None = None, locale: str | None = None) -> Table:
    """The answer to a query; an empty one answers the whole table.

    Args:
        now: The moment that ``now()`` is.
        locale: How dates and numbers in the headers of pivots are written.

    Raises:
        QueryError: The query cannot be answered.
        LimitReached: It takes too much computing.
    """
    query = parse_query(text)
    work = _Work(table, query, now or datetime.now(), locale)  # noqa: DTZ005 -- the spreadsheet's own time
    work.check()
    work.filter()
    if query.group or query.pivot or any(aggregates_in(item) for item in work.selected):
        answer = work.aggregated()
    else:
        answer = work.plain()
    return _cut(answer, query)


def _cut(table: Table, query: Query) -> Table:
    rows = table.rows[:: query.skipping] if query.skipping > 1 else table.rows
    end = None if query.limit is None else query.offset + query.limit
    return Table(table.columns, rows[query.offset : end])


@dataclass(slots=True)
class _Output:
    """A column of the answer: an expression, for one value of the pivot where there is one."""

    expression: Expression
    pivot: Key | None


class _Work:
    """One query at work on one table."""

    def __init__(self, table: Table, query: Query, now: datetime, locale: str | None) -> None:
        self.query, self.now, self.locale = query, now, locale
        self.columns = {column.id: column for column in table.columns}
        self.places = {column.id: place for place, column in enumerate(table.columns)}
        self.rows = table.rows
        self.selected = query.select if query.select is not None else [Field(c.id) for c in table.columns]

    # -- checks

    def check(self) -> None:
        """Refuse what Google refuses.

        Raises:
            QueryError: There is something.
        """
        query = self.query
        given = [*self.selected, *query.group, *query.pivot, *(item for item, _ in query.order)]
        for expression in (*given, *query.labels, *query.formats):
            kind_of(expression, self.columns)
        for expression in (*query.group, *query.pivot):
            if aggregates_in(expression):
                where = "GROUP_BY" if expression in query.group else "PIVOT"
                raise QueryError(f"CANNOT_BE_IN_{where}: {self.text(expression)}")
        for expression in query.group:
            if expression in query.pivot:
                raise QueryError(f"NO_COL_IN_GROUP_AND_PIVOT: {self.text(expression)}")
        aggregating = any(aggregates_in(item) for item in self.selected)
        if (query.group or query.pivot) and not aggregating:
            if query.select is None:
                raise QueryError(f"ADD_COL_TO_GROUP_BY_OR_AGG: {self.selected[0].id}")  # type: ignore[union-attr]
            raise QueryError("CANNOT_PIVOT_WITHOUT_AGG" if query.pivot else "CANNOT_GROUP_WITHOUT_AGG")
        if query.group or query.pivot or aggregating:
            for expression in self.selected:
                self._check_grouped(expression)
        for expression, clause in ((item, "LABEL") for item in query.labels):
            self._check_selected(expression, clause)
        for expression in query.formats:
            self._check_selected(expression, "FORMAT")
        for expression, _ in query.order:
            self._check_order(expression, aggregating)

    def _check_grouped(self, expression: Expression) -> None:
        """Columns outside of aggregates are those of the groups."""
        if expression in self.query.group or isinstance(expression, Aggregate | Literal):
            return
        if isinstance(expression, Field):
            raise QueryError(f"ADD_COL_TO_GROUP_BY_OR_AGG: {expression.id}")
        for argument in expression.arguments:
            self._check_grouped(argument)

    def _check_selected(self, expression: Expression, clause: str) -> None:
        if expression not in self.selected:
            raise QueryError(f"{clause}_COL_NOT_IN_SELECT: {self.text(expression)}")

    def _check_order(self, expression: Expression, aggregating: bool) -> None:
        if aggregates_in(expression):
            if self.query.pivot:
                raise QueryError("NO_AGG_IN_ORDER_WHEN_PIVOT")
            if expression not in self.selected:
                raise QueryError(f"AGG_IN_ORDER_NOT_IN_SELECT: {self.text(expression)}")
        elif aggregating and expression not in self.selected and expression not in self.query.group:
            raise QueryError(f"COL_IN_ORDER_MUST_BE_IN_SELECT: {self.text(expression)}")

    def text(self, expression: Expression) -> str:
        """An expression as messages show it."""
        match expression:
            case Field(key):
                return f"`{key}`"
            case Aggregate(name, field):
                return f"{name}(`{field.id}`)"
            case Scalar(name, arguments):
                return f"{name}({', '.join(self.text(argument) for argument in arguments)})"
        return shown(expression.value, expression.kind)

    # -- rows

    def reader(self, row: list[Value]) -> Read:
        return lambda expression: row[self.places[expression.id]]  # type: ignore[union-attr]

    def filter(self) -> None:
        condition = self.query.where
        if condition is None:
            return
        listed = expressions_in(condition)
        if any(aggregates_in(expression) for expression in listed):
            raise QueryError("CANNOT_BE_IN_WHERE: an aggregate")
        kinds = {expression: kind_of(expression, self.columns) for expression in listed}
        kept = []
        for row in self.rows:
            spend(len(listed))
            if holds(condition, kinds, self.reader(row), self.now):
                kept.append(row)
        self.rows = kept

    def plain(self) -> Table:
        rows = self.rows
        for expression, falls in reversed(self.query.order):
            spend(len(rows))
            keys = [order_key(value_of(expression, self.reader(row), self.now)) for row in rows]
            rows = _sorted(rows, keys, falls)
        columns = [self.column(_Output(expression, None)) for expression in self.selected]
        spend(len(rows) * len(columns))
        places = [self.places[item.id] if isinstance(item, Field) else None for item in self.selected]
        if None not in places:
            return Table(columns, [[row[place] for place in places] for row in rows])  # type: ignore[index]
        found = [[value_of(item, self.reader(row), self.now) for item in self.selected] for row in rows]
        return Table(columns, found)

    def aggregated(self) -> Table:
        cells = self._cells()
        groups = sorted(dict.fromkeys(group for group, _ in cells), key=_key_order)
        pivots = sorted(dict.fromkeys(pivot for _, pivot in cells), key=_key_order) if self.query.pivot else []
        outputs = self._outputs(pivots)
        if len(outputs) > _MOST_COLUMNS:
            raise QueryError(f"The pivot yields {len(outputs)} columns, which are more than a tab holds.")
        for expression, falls in reversed(self.query.order):
            groups = _sorted(groups, [order_key(self._of(expression, group, (), cells)) for group in groups], falls)
        rows = []
        for group in groups:
            spend(len(outputs))
            rows.append([self._of(o.expression, group, o.pivot or (), cells) for o in outputs])
        return Table([self.column(output) for output in outputs], rows)

    def _cells(self) -> dict[tuple[Key, Key], list[list[Value]]]:
        """The rows of each group and pivot value."""
        cells: dict[tuple[Key, Key], list[list[Value]]] = {}
        for row in self.rows:
            read = self.reader(row)
            spend(1 + len(self.query.group) + len(self.query.pivot))
            group = tuple(value_of(item, read, self.now) for item in self.query.group)
            pivot = tuple(value_of(item, read, self.now) for item in self.query.pivot)
            cells.setdefault((group, pivot), []).append(row)
        return cells

    def _outputs(self, pivots: list[Key]) -> list[_Output]:
        outputs = []
        for expression in self.selected:
            if self.query.pivot and aggregates_in(expression):
                outputs += [_Output(expression, pivot) for pivot in pivots]
            else:
                outputs.append(_Output(expression, None))
        return outputs

    def _of(self, expression: Expression, group: Key, pivot: Key, cells: Mapping[Any, list[list[Value]]]) -> Value:
        """The value of an expression for one group."""
        grouped = self.query.group
        if expression in grouped:
            return group[grouped.index(expression)]
        if isinstance(expression, Scalar):
            replaced = [Literal(self._of(item, group, pivot, cells), "") for item in expression.arguments]
            return value_of(replace(expression, arguments=tuple(replaced)), lambda _: None, self.now)
        if isinstance(expression, Aggregate):
            place = self.places[expression.field.id]
            rows = cells.get((group, pivot), [])
            spend(len(rows))
            return _aggregate(expression.name, [row[place] for row in rows if row[place] is not None], bool(rows))
        return expression.value if isinstance(expression, Literal) else None

    # -- columns

    def column(self, output: _Output) -> Column:
        """How a column of the answer is called, shown and typed."""
        expression, query = output.expression, self.query
        kind = kind_of(expression, self.columns)
        pattern = "" if "no_format" in query.options else self._pattern(expression)
        prefix = self._pivot_text(output.pivot)
        label = query.labels.get(expression)
        if label is None:
            several = sum(bool(aggregates_in(item)) for item in self.selected) > 1
            label = self.label(expression)
            if prefix is not None:
                label = f"{prefix} {label}" if several else prefix
        elif prefix is not None:
            label = f"{prefix} {label}".strip()
        key = self.key(expression)
        key = key if prefix is None else f"{prefix} {key}"
        guessed = isinstance(expression, Field) and self.columns[expression.id].is_guessed
        return Column(key, label, kind, pattern, is_guessed=guessed)

    def _pattern(self, expression: Expression) -> str:
        if expression in self.query.formats:
            return self.query.formats[expression]
        if isinstance(expression, Field):
            return self.columns[expression.id].pattern
        if isinstance(expression, Aggregate) and expression.name != "count":
            return self.columns[expression.field.id].pattern
        return ""

    def _pivot_text(self, pivot: Key | None) -> str | None:
        if pivot is None:
            return None
        texts = []
        for value, item in zip(pivot, self.query.pivot, strict=True):
            pattern = self.columns[item.id].pattern if isinstance(item, Field) else ""
            if pattern and isinstance(value, int | float) and not isinstance(value, bool):
                texts.append(render(value, {"type": "NUMBER", "pattern": pattern}, self.locale))
            else:
                texts.append(shown(value, kind_of(item, self.columns)))
        return ",".join(texts)

    def label(self, expression: Expression) -> str:
        """The label of a column that the query gives none."""
        match expression:
            case Field(key):
                return self.columns[key].label
            case Aggregate(name, field):
                return f"{name} {column_of(field.id, self.columns).label}"
            case Scalar(name, arguments):
                return f"{name}({''.join(self.label(argument) for argument in arguments)})"
        value, kind = expression.value, expression.kind
        return f'"{value}"()' if kind == "string" else f"{shown(value, kind)}()"

    def key(self, expression: Expression) -> str:
        """The id of a column of the answer."""
        match expression:
            case Field(key):
                return key
            case Aggregate(name, field):
                return f"{name}-{field.id}"
            case Scalar(name, arguments):
                return f"{name}({','.join(self.key(argument) for argument in arguments)})"
        return shown(expression.value, expression.kind)


def order_key(value: Value) -> Any:
    """Null first; text without regard to case."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (3, value)
    return (2, value.casefold(), value) if isinstance(value, str) else (1, value)


def _sorted(items: list[T], keys: list[Any], falls: bool) -> list[T]:
    """The items in the order of their keys; equal ones stay as they are."""
    return [items[place] for place in sorted(range(len(items)), key=keys.__getitem__, reverse=falls)]


def _key_order(key: Key) -> Any:
    return tuple(order_key(value) for value in key)


def _aggregate(name: str, values: list[Value], any_row: bool) -> Value:
    if name == "count":
        return len(values) if any_row else None
    if not values:
        return None
    if name in ("min", "max"):
        chosen: Iterable[Value] = sorted(values, key=order_key)
        listed = list(chosen)
        return listed[0] if name == "min" else listed[-1]
    whole = all(type(value) is int for value in values)
    total = sum(values) if whole else math.fsum(values)  # type: ignore[arg-type]
    return total if name == "sum" else total / len(values)
