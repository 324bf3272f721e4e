"""Formulas after a change: which are to be evaluated again, their results and spilled values into the cells.

Each spreadsheet keeps its dependencies between requests. A change of values updates them; rows and columns that come
and go, tabs that are renamed and the like let them be built anew. A spreadsheet without formulas pays nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from local_sheets.budget import LIMIT_REACHED, MOST_ORDER_STEPS, ROUND_SECONDS, Clock, LimitReached, limited
from local_sheets.cell_values.model import CellError, Formula
from local_sheets.formula_texts import formula_cells
from local_sheets.formulas.areas import AreaIndex, Place, Rectangle
from local_sheets.formulas.dependencies import Dependencies, Order, places_within, reads_of
from local_sheets.formulas.evaluator import Result, evaluate
from local_sheets.formulas.lines import forget_lines
from local_sheets.formulas.operands import Scalar, plain_value
from local_sheets.model.cell import IMPLIED_FORMAT, IS_ARRAY, Cell, effective, entered, unpack
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import GROWN, Transaction
from local_sheets.spilling import (
    besides_the_first,
    beyond_grid,
    is_of_an_array,
    is_spilled,
    is_to_be_asked,
    unspilled,
    with_spilled,
)
from local_sheets.workbook import Importer, SpreadsheetWorkbook

_CIRCULAR = CellError(
    "REF", "Circular dependency detected. To resolve with iterative calculation, see File > Settings."
)


#: Changes of a tab's shape or look that no formula sees.
_OF_NO_FORMULA = {"filterViews", "protectedRanges", "bandedRanges", "charts", "slicers", "conditionalFormats"}
#: Fields of a formula's cell that go with its result.
_OF_RESULTS = (IMPLIED_FORMAT, IS_ARRAY, "hyperlink")
#: Passes of a round; each finds one more step from a result that only its evaluation tells of.
_MOST_PASSES = 100


@dataclass(slots=True)
class Calculation:
    """What is known of a spreadsheet's formulas: where they are, what they read, how far their results spilled."""

    dependencies: Dependencies = field(default_factory=Dependencies)
    #: Formulas whose results found no room, with the cells that they need.
    blocked: dict[Place, Rectangle] = field(default_factory=dict)
    #: Whose results of more than one cell need which cells, whether they found room or not.
    wanted: AreaIndex = field(default_factory=AreaIndex)
    places: set[Place] = field(default_factory=set)
    #: Formulas that read themselves, in whatever way.
    circular: set[Place] = field(default_factory=set)
    #: Formulas that show cells of other spreadsheets.
    imports: set[Place] = field(default_factory=set)


def recalculate(
    tx: Transaction,
    known: Calculation | None,
    importer: Importer | None = None,
    *,
    imports: bool = False,
    are_shown: bool = True,
) -> Calculation | None:
    """Evaluate what a transaction's changes touch. Returns what to keep, None when there are no formulas.

    Args:
        known: What was kept after the last transaction; None builds it anew.
        importer: Reads other spreadsheets.
        imports: Evaluate also what shows cells of other spreadsheets.
        are_shown: Before the transaction cells showed what their formulas yield; no reason to evaluate all of them.
    """
    sheet = tx.spreadsheet
    if not any(tab.rows.may_calculate for tab in sheet.tabs):
        return None
    if not tx.changes and known is not None and not imports:
        return known
    work = _Round(tx, SpreadsheetWorkbook(sheet, importer), known or Calculation())
    kinds = {change.kind for change in tx.changes if change.area is None}
    if not are_shown or kinds - {GROWN} - _OF_NO_FORMULA:
        return work.everything()
    areas = [change.area for change in tx.changes if change.area is not None and change.kind != "results"]
    areas += _new_cells(tx) if GROWN in kinds else []
    if known is None:
        return work.resumed(areas)
    places = {*(known.imports if imports else ()), *(known.dependencies.sized if GROWN in kinds else ())}
    return work.after(areas, places)


def _new_cells(tx: Transaction) -> list[Rect]:
    """The cells by which grids grew: open ranges reach them, too, and references that lay outside find them."""
    found = []
    for tab, before in tx.tabs_before.values():
        grid = before.sheet["properties"]["gridProperties"]
        rows, columns = grid["rowCount"], grid["columnCount"]
        if any(tab is known for known in tx.spreadsheet.tabs):
            found += [
                Rect(tab, rows, tab.row_count, 0, tab.column_count),
                Rect(tab, 0, tab.row_count, columns, tab.column_count),
            ]
    return [area for area in found if area.row0 < area.row1 and area.col0 < area.col1]


class _Round:
    """One round of evaluation: passes over what is affected, until no pass finds out that more is."""

    def __init__(self, tx: Transaction, workbook: SpreadsheetWorkbook, known: Calculation) -> None:
        self._tx, self._workbook, self._known = tx, workbook, known
        self._clock = Clock(ROUND_SECONDS)
        #: Formulas of this pass that are not evaluated yet.
        self._pending: set[Place] = set()
        #: Cells whose values changed unforeseen: results took or left them.
        self._moved: list[Rectangle] = []
        #: Formulas that read, unforeseen, what was evaluated after them.
        self._early: list[Place] = []
        self._circular: set[Place] = set()
        self._asked_again: set[Place] = set()

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
            self._settle(order)
        return self._known

    def resumed(self, areas: list[Rect]) -> Calculation | None:
        """Build the dependencies anew, and evaluate only what the changes touch and what its text alone does not tell.

        Where arrays stand in cells, all is evaluated: which formula put them there is not kept.
        """
        places = []
        for tab in self._tx.spreadsheet.tabs:
            if any(is_of_an_array(cell) for _, row in tab.rows.calculating() for cell in row.cells):
                return self.everything()
            for row, col, cell in formula_cells(tab):
                place = Place(tab.title, row, col)
                self._learn(place, cell)
                if is_to_be_asked(cell) or place in self._known.dependencies.sized:
                    places.append(place)
        return self.after(areas, places, are_learned=True) if len(self._known.dependencies) else self.everything()

    def _learn(self, place: Place, cell: Cell) -> None:
        if isinstance(cell.value, Formula):
            reads = reads_of(cell.value.text, place.title, self._workbook)
            self._known.dependencies.put(place, reads)
            self._known.places.add(place)

    def _clear_spilled(self, tab: Tab) -> None:
        for index, row in list(tab.rows.calculating()):
            if any(is_spilled(cell) for cell in row.cells):
                tab.put_cells(self._tx, index, 0, [unspilled(cell) for cell in row.cells])

    def after(self, areas: list[Rect], places: Iterable[Place], *, are_learned: bool = False) -> Calculation | None:
        """Evaluate what depends on the changed areas, whose formulas are taken in first, and what stands in ``places``."""
        try:
            with limited(ROUND_SECONDS, self._clock, MOST_ORDER_STEPS):
                order = self._order_after(areas, places, are_learned)
        except LimitReached:
            return self.everything()
        self._settle(order)
        return self._known

    def _order_after(self, areas: list[Rect], places: Iterable[Place], are_learned: bool) -> Order:
        changed = [Rectangle(a.tab.title, a.row0, a.row1, a.col0, a.col1) for a in areas]
        known = self._known
        if not are_learned and (len(known.dependencies) or any(area.tab.rows.may_calculate for area in areas)):
            for area in areas:
                changed += self._relearn(area)
        hit = {place for area in changed for place in known.wanted.meeting(area)}
        circular, known.circular = known.circular, set()
        return known.dependencies.affected(changed, places=[*hit, *places, *circular])

    def _relearn(self, area: Rect) -> list[Rectangle]:
        """Forget the formulas that stood in an area and learn those that stand there now; the areas of lost spills."""
        title, known = area.tab.title, self._known
        rectangle = Rectangle(title, area.row0, area.row1, area.col0, area.col1)
        lost = []
        for place in places_within(rectangle, known.places):
            known.places.discard(place)
            known.imports.discard(place)
            known.circular.discard(place)
            known.dependencies.drop(place)
            spilled = self._forget_wanted(place)
            if spilled is not None:
                lost.append(spilled)
                self._unspill(spilled)
        for row, col, cell in _formulas_in(area):
            self._learn(Place(title, row, col), cell)
        return lost

    def _forget_wanted(self, place: Place) -> Rectangle | None:
        """Forget which cells a result needed; returns those that it stood in."""
        spilled = self._known.dependencies.spills.pop(place, None)
        blocked = self._known.blocked.pop(place, None)
        wanted = spilled or blocked
        if wanted is not None:
            self._known.wanted.discard(wanted, place)
        return spilled

    def _settle(self, order: Order) -> None:
        """Evaluate in order, and again what turns out to depend on it."""
        for _ in range(_MOST_PASSES):
            self._evaluate_in_order(order)
            if not self._moved and not self._early:
                return
            forget_lines(self._workbook)
            moved, early = self._moved, self._early
            self._moved, self._early = [], []
            try:
                with limited(ROUND_SECONDS, self._clock, MOST_ORDER_STEPS):
                    wanted = {place for area in moved for place in self._known.wanted.meeting(area)}
                    early += wanted & self._known.blocked.keys()
                    order = self._known.dependencies.affected(moved, volatile=False, formulas=False, places=early)
            except LimitReached:
                return

    def _evaluate_in_order(self, order: Order) -> None:
        self._pending = set(order.ordered)
        for place in order.ordered:
            self._pending.discard(place)
            if place not in self._circular:
                self._evaluate(place)
        if self._forget_found(order.circular):
            self._early += order.circular
            return
        self._circular |= order.circular
        self._known.circular |= order.circular
        for place in order.circular:
            self._show(place, Result(_CIRCULAR))

    def _forget_found(self, circular: Iterable[Place]) -> bool:
        """Forget once what evaluations told earlier: it may have made a circle that is none any more."""
        known = self._known.dependencies
        asked = {place for place in circular if known.has_found(place) or place in known.spills} - self._asked_again
        self._asked_again |= asked
        for place in asked:
            known.found(place, ())
            spilled = self._forget_wanted(place)
            if spilled is not None:
                self._unspill(spilled)
                self._moved += besides_the_first(spilled)
        return bool(asked)

    def _evaluate(self, place: Place) -> None:
        cell = unpack(self._workbook.find(place.title).cell(place.row, place.col))
        if not isinstance(cell.value, Formula):
            return
        if self._clock.is_over:
            self._show(place, Result(LIMIT_REACHED))
            return
        result = evaluate(cell.value.text, place.title, place.row, place.col, self._workbook, self._clock)
        if result.trace.imports:
            self._known.imports.add(place)
        else:
            self._known.imports.discard(place)
        if self._is_pending(self._known.dependencies.found(place, result.trace.areas)):
            self._early.append(place)
            forget_lines(self._workbook)
        self._show(place, result)

    def _is_pending(self, areas: Iterable[Rectangle]) -> bool:
        """Whether a formula of these areas is still to be evaluated."""
        spills = self._known.dependencies.spills
        return any(
            places_within(area, self._pending)
            or any(area.meets(spills[place]) for place in self._pending if place in spills)
            for area in areas
        )

    def _show(self, place: Place, result: Result) -> None:
        """Put a result into its cell, and where it needs more of them into these."""
        old = self._forget_wanted(place)
        rows = result.spill
        new = None if rows is None else self._room(place, rows, old)
        if old is not None and new != old:
            self._unspill(old)
        if isinstance(new, CellError):
            result = replace(result, value=new)
        elif rows is not None and new is not None:
            self._known.dependencies.spills[place] = new
            self._known.wanted.add(new, place)
            self._spill(new, rows)
        self._put(place, result)
        if isinstance(new, CellError) or new != old:
            taken = [area for area in (old, new) if isinstance(area, Rectangle)]
            self._moved += [part for area in taken for part in besides_the_first(area)]

    def _put(self, place: Place, result: Result) -> None:
        tab = self._workbook.find(place.title)
        old = unpack(tab.cell(place.row, place.col))
        extra = {k: v for k, v in old.extra.items() if k not in _OF_RESULTS} if old.extra else {}
        if result.number_format:
            extra[IMPLIED_FORMAT] = result.number_format
        if result.spill is not None:
            extra[IS_ARRAY] = True
        if result.hyperlink:
            extra["hyperlink"] = result.hyperlink
        value = "" if result.value is None else plain_value(result.value)
        if type(value) is not type(old.result) or value != old.result or extra != (old.extra or {}):  # TRUE equals 1
            fresh = Cell(old.value, value, old.format, old.validation, old.note, extra or None)
            tab.put_cells(self._tx, place.row, place.col, [fresh])
            self._tx.note_result(tab.rect(place.row, place.row + 1, place.col, place.col + 1))

    def _room(self, place: Place, rows: list[list[Scalar]], old: Rectangle | None) -> Rectangle | CellError:
        """The cells that an array needs, or why it cannot have them."""
        tab = self._workbook.find(place.title)
        row1, col1 = place.row + len(rows), place.col + max(map(len, rows))
        wanted = Rectangle(place.title, place.row, row1, place.col, col1)
        error = beyond_grid(tab, row1, col1) or self._taken(tab, wanted, old or place.rectangle())
        if error is None:
            return wanted
        self._known.blocked[place] = wanted
        self._known.wanted.add(wanted, place)
        return error

    def _taken(self, tab: Tab, wanted: Rectangle, own: Rectangle) -> CellError | None:
        """Why an array finds no room: a value was entered there, or another array stands there."""
        for row, found in enumerate(tab.rows.between(wanted.row0, wanted.row1), wanted.row0):
            cells = () if found is None else found.cells[wanted.col0 : wanted.col1]
            for col, cell in enumerate(cells, wanted.col0):
                if cell is None or (row == wanted.row0 and col == wanted.col0):
                    continue
                is_own = own.row0 <= row < own.row1 and own.col0 <= col < own.col1
                if entered(cell) is not None or (not is_own and effective(cell) is not None):
                    name = tab.rect(row, row + 1, col, col + 1).a1().rpartition("!")[2]
                    text = f"Array result was not expanded because it would overwrite data in {name}."
                    return CellError("REF", text)
        return None

    def _spill(self, area: Rectangle, rows: list[list[Scalar]]) -> None:
        """Put an array's values into the cells next to its formula."""
        tab = self._workbook.find(area.title)
        changed = False
        for row, values in enumerate(rows, area.row0):
            start = 1 if row == area.row0 else 0
            old = tab.row_cells(row)[area.col0 + start : area.col0 + len(values)]
            old = [*old, *[None] * (len(values) - start - len(old))]
            cells = [with_spilled(cell, value) for cell, value in zip(old, values[start:], strict=True)]
            if cells != old:
                changed = True
                tab.put_cells(self._tx, row, area.col0 + start, cells)
        if changed:
            self._tx.note_result(tab.rect(area.row0, area.row1, area.col0, area.col1))

    def _unspill(self, area: Rectangle) -> None:
        tab = self._workbook.find(area.title)
        for row in range(area.row0, area.row1):
            cells = tab.row_cells(row)[area.col0 : area.col1]
            tab.put_cells(self._tx, row, area.col0, [unspilled(cell) for cell in cells])


def _formulas_in(area: Rect) -> Iterable[tuple[int, int, Cell]]:
    if not area.tab.rows.may_calculate:
        return
    for down, row in enumerate(area.tab.rows.between(area.row0, area.row1)):
        if row is None or not row.calculates:
            continue
        for right, cell in enumerate(row.cells[area.col0 : area.col1]):
            if type(cell) is Cell and type(cell.value) is Formula:
                yield area.row0 + down, area.col0 + right, cell
