"""Formulas after a change: which are to be evaluated again, their results and spilled values into the cells.

Each spreadsheet keeps its dependencies between requests. A change of values updates them; rows and columns that come
and go, tabs that are renamed and the like let them be built anew. A spreadsheet without formulas pays nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from local_sheets.budget import LIMIT_REACHED, MOST_ORDER_STEPS, ROUND_SECONDS, Clock, LimitReached, limited, spend
from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import CellError, Formula
from local_sheets.formulas.areas import Place, Rectangle
from local_sheets.formulas.dependencies import Dependencies, Order, places_within, reads_of
from local_sheets.formulas.evaluator import Result, evaluate
from local_sheets.formulas.shift import Change, copy_formula, shift_formula
from local_sheets.model.cell import IMPLIED_FORMAT, AnyCell, Cell, pack, unpack
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.workbook import SpreadsheetWorkbook

_CIRCULAR = CellError(
    "REF", "Circular dependency detected. To resolve with iterative calculation, see File > Settings."
)


@dataclass(slots=True)
class Calculation:
    """What is known of a spreadsheet's formulas: where they are, what they read, how far their results spilled."""

    dependencies: Dependencies = field(default_factory=Dependencies)
    spills: dict[Place, tuple[int, int]] = field(default_factory=dict)
    #: Formulas whose results found no room, with the size they need.
    blocked: dict[Place, tuple[int, int]] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)


def recalculate(tx: Transaction, known: Calculation | None) -> Calculation | None:
    """Evaluate what a transaction's changes touch. Returns what to keep, None when there are no formulas.

    Args:
        known: What was kept after the last transaction; None builds it anew.
    """
    sheet = tx.spreadsheet
    if not any(tab.rows.may_calculate for tab in sheet.tabs):
        return None
    if not tx.changes and known is not None:
        return known
    work = _Round(tx, SpreadsheetWorkbook(sheet), known or Calculation())
    if known is None or any(change.area is None for change in tx.changes):
        return work.everything()
    return work.after([change.area for change in tx.changes if change.area is not None])


def formula_cells(tab: Tab) -> Iterable[tuple[int, int, Cell]]:
    """Row, column and cell of each formula of a tab."""
    for index, row in tab.rows.calculating():
        for col, cell in enumerate(row.cells):
            if type(cell) is Cell and type(cell.value) is Formula:
                yield index, col, cell


def rewrite_formulas(tx: Transaction, rewrite: Callable[[str, str], str]) -> None:
    """Give each formula another text: ``rewrite`` gets the text and the title of its tab."""
    for tab in tx.spreadsheet.tabs:
        for row, col, cell in list(formula_cells(tab)):
            old = unpack(cell).value
            if isinstance(old, Formula) and (text := rewrite(old.text, tab.title)) != old.text:
                tab.put_cells(tx, row, col, [replace(cell, value=Formula(text))])


def follow(tx: Transaction, change: Change) -> None:
    """Let all formulas follow rows or columns that were inserted, deleted or moved."""
    comma = uses_decimal_comma(tx.spreadsheet)
    rewrite_formulas(tx, lambda text, title: shift_formula(text, title, change, decimal_comma=comma))


def copied(cell: AnyCell, down: int, right: int, *, decimal_comma: bool) -> AnyCell:
    """The cell as it stands that much further down and right: the references of a formula move along."""
    if type(cell) is not Cell:
        return cell
    if type(cell.value) is Formula:
        text = copy_formula(cell.value.text, down, right, decimal_comma=decimal_comma)
        return replace(cell, value=Formula(text), result=None)
    return _unspilled(cell)


def uses_decimal_comma(sheet: Spreadsheet) -> bool:
    """Whether formulas of the spreadsheet's locale write ``1,5`` and part arguments with ``;``."""
    return get_locale(sheet.locale).decimal == ","


class _Round:
    """One round of evaluation."""

    def __init__(self, tx: Transaction, workbook: SpreadsheetWorkbook, known: Calculation) -> None:
        self._tx, self._workbook, self._known = tx, workbook, known
        self._clock = Clock(ROUND_SECONDS)

    def everything(self) -> Calculation | None:
        """Build the dependencies anew and evaluate all formulas."""
        self._known = Calculation()
        for tab in self._tx.spreadsheet.tabs:
            self._clear_spilled(tab)
            for row, col, cell in formula_cells(tab):
                self._learn(Place(tab.title, row, col), cell)
        if not len(self._known.dependencies):
            for tab in self._tx.spreadsheet.tabs:
                tab.rows.may_calculate = False
            return None
        try:
            with limited(ROUND_SECONDS, self._clock, MOST_ORDER_STEPS):
                order = self._known.dependencies.everything()
        except LimitReached:
            for place in self._known.places:
                self._put(place, Result(LIMIT_REACHED))
        else:
            self._evaluate_in_order(order)
        return self._known

    def _learn(self, place: Place, cell: Cell) -> None:
        if isinstance(cell.value, Formula):
            reads = reads_of(cell.value.text, place.title, self._workbook)
            self._known.dependencies.put(place, reads)
            self._known.places.add(place)

    def _clear_spilled(self, tab: Tab) -> None:
        for index, row in list(tab.rows.calculating()):
            if any(type(cell) is Cell and cell.value is None and cell.result is not None for cell in row.cells):
                tab.put_cells(self._tx, index, 0, [_unspilled(cell) for cell in row.cells])

    def after(self, areas: list[Rect]) -> Calculation | None:
        """Take in the formulas of the changed areas and evaluate what depends on them."""
        try:
            with limited(ROUND_SECONDS, self._clock, MOST_ORDER_STEPS):
                order = self._order_after(areas)
        except LimitReached:
            return self.everything()
        self._evaluate_in_order(order)
        return self._known

    def _order_after(self, areas: list[Rect]) -> Order:
        changed = [Rectangle(a.tab.title, a.row0, a.row1, a.col0, a.col1) for a in areas]
        known = self._known
        if len(known.dependencies) or any(area.tab.rows.may_calculate for area in areas):
            for area in areas:
                changed += self._relearn(area)
        wanted = {**known.spills, **known.blocked}
        spend(len(wanted) * len(changed) // 8)
        hit = [place for place, size in wanted.items() if _meets_any(_spill_area(place, size), changed)]
        changed += [place.rectangle() for place in hit]
        return known.dependencies.affected(changed)

    def _relearn(self, area: Rect) -> list[Rectangle]:
        """Forget the formulas that stood in an area and learn those that stand there now; the areas of lost spills."""
        title, known = area.tab.title, self._known
        rectangle = Rectangle(title, area.row0, area.row1, area.col0, area.col1)
        lost = []
        for place in places_within(rectangle, known.places):
            known.places.discard(place)
            known.blocked.pop(place, None)
            known.dependencies.drop(place)
            size = known.spills.pop(place, None)
            if size is not None:
                lost.append(_spill_area(place, size))
                self._unspill(place, size)
        for row, col, cell in _formulas_in(area):
            self._learn(Place(title, row, col), cell)
        return lost

    def _evaluate_in_order(self, order: Order) -> None:
        for place in order.ordered:
            self._evaluate(place)
        for place in order.circular:
            self._put(place, Result(_CIRCULAR))

    def _evaluate(self, place: Place) -> None:
        cell = unpack(self._workbook.find(place.title).cell(place.row, place.col))
        if not isinstance(cell.value, Formula):
            return
        self._known.blocked.pop(place, None)
        size = self._known.spills.pop(place, None)
        if size is not None:
            self._unspill(place, size)
        if self._clock.is_over:
            self._put(place, Result(LIMIT_REACHED))
            return
        result = evaluate(cell.value.text, place.title, place.row, place.col, self._workbook, self._clock)
        if result.spill is not None:
            result = self._spill(place, result, result.spill)
        self._put(place, result)

    def _put(self, place: Place, result: Result) -> None:
        tab = self._workbook.find(place.title)
        old = unpack(tab.cell(place.row, place.col))
        extra = {k: v for k, v in (old.extra or {}).items() if k not in (IMPLIED_FORMAT, "hyperlink")}
        if result.number_format:
            extra[IMPLIED_FORMAT] = result.number_format
        if result.hyperlink:
            extra["hyperlink"] = result.hyperlink
        fresh = replace(old, result="" if result.value is None else result.value, extra=extra or None)
        if fresh != old:
            tab.put_cells(self._tx, place.row, place.col, [fresh])
            self._tx.note_result(tab.rect(place.row, place.row + 1, place.col, place.col + 1))

    def _spill(self, place: Place, result: Result, rows: list[list[Any]]) -> Result:
        """Put an array's values into the cells next to the formula; if one of them is taken, the formula fails."""
        tab = self._workbook.find(place.title)
        height, width = len(rows), max(len(row) for row in rows)
        for down, row in enumerate(rows):
            for right in range(len(row)):
                at = place.row + down, place.col + right
                taken = (down or right) and unpack(tab.cell(*at)).value is not None
                if taken or at[0] >= tab.row_count or at[1] >= tab.column_count:
                    name = tab.rect(at[0], at[0] + 1, at[1], at[1] + 1).a1().rpartition("!")[2]
                    text = f"Array result was not expanded because it would overwrite data in {name}."
                    self._known.blocked[place] = (height, width)
                    return Result(CellError("REF", text))
        self._known.spills[place] = (height, width)
        for down, row in enumerate(rows):
            old = tab.row_cells(place.row + down)[place.col : place.col + len(row)]
            cells = [
                replace(unpack(old[right] if right < len(old) else None), result=value)
                for right, value in enumerate(row)
            ]
            start = 1 if down == 0 else 0
            tab.put_cells(self._tx, place.row + down, place.col + start, [pack(cell) for cell in cells[start:]])
        self._tx.note_result(tab.rect(place.row, place.row + height, place.col, place.col + width))
        return result

    def _unspill(self, place: Place, size: tuple[int, int]) -> None:
        tab = self._workbook.find(place.title)
        for row in range(place.row, place.row + size[0]):
            cells = tab.row_cells(row)[place.col : place.col + size[1]]
            tab.put_cells(self._tx, row, place.col, [_unspilled(cell) for cell in cells])


def _unspilled(cell: AnyCell) -> AnyCell:
    if type(cell) is Cell and cell.value is None and cell.result is not None:
        return pack(replace(cell, result=None))
    return cell


def _spill_area(place: Place, size: tuple[int, int]) -> Rectangle:
    return Rectangle(place.title, place.row, place.row + size[0], place.col, place.col + size[1])


def _meets_any(area: Rectangle, others: Iterable[Rectangle]) -> bool:
    return any(area.meets(other) for other in others)


def _formulas_in(area: Rect) -> Iterable[tuple[int, int, Cell]]:
    if not area.tab.rows.may_calculate:
        return
    for down, row in enumerate(area.tab.rows.between(area.row0, area.row1)):
        if row is None or not row.calculates:
            continue
        for right, cell in enumerate(row.cells[area.col0 : area.col1]):
            if type(cell) is Cell and type(cell.value) is Formula:
                yield area.row0 + down, area.col0 + right, cell
