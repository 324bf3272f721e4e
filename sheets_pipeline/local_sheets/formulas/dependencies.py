"""Which cells a formula reads, and which formulas are to be evaluated again after a change, in which order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sheets_pipeline.local_sheets.cell_values.locales import get_locale
from sheets_pipeline.local_sheets.formulas.areas import AreaIndex, Place, Rectangle
from sheets_pipeline.local_sheets.formulas.evaluator import span
from sheets_pipeline.local_sheets.formulas.faults import Fault
from sheets_pipeline.local_sheets.formulas.operands import Workbook
from sheets_pipeline.local_sheets.formulas.parser import parse_formula
from sheets_pipeline.local_sheets.formulas.syntax import (
    ArrayLiteral,
    Binary,
    Call,
    Name,
    Node,
    Reference,
    Unary,
)

_VOLATILE = {"NOW", "TODAY", "RAND", "RANDBETWEEN"}
#: What these read is only known when they are evaluated: they are evaluated after each change.
_FOLLOWS_ALL = {"OFFSET", "INDIRECT"}


@dataclass(frozen=True, slots=True)
class Reads:
    """What a formula reads. ``is_volatile``: its result changes with time or in ways its text does not tell."""

    areas: tuple[Rectangle, ...]
    is_volatile: bool


def reads_of(text: str, title: str, workbook: Workbook) -> Reads:
    """The areas that a formula in the tab ``title`` reads, and whether it is to be evaluated after each change."""
    try:
        node = parse_formula(text, decimal_comma=get_locale(workbook.locale).decimal == ",")
    except Fault:
        return Reads((), is_volatile=False)
    areas, volatile = [], False
    for below in walk(node):
        if isinstance(below, Reference):
            areas.append(_reference_area(below, title, workbook))
        elif isinstance(below, Name):
            areas.append(_named_area(below.text, title, workbook))
        elif isinstance(below, Call) and below.name in (_VOLATILE | _FOLLOWS_ALL):
            volatile = True
    return Reads(tuple(area for area in areas if area is not None), volatile)


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes below it."""
    yield node
    match node:
        case Unary(_, operand):
            yield from walk(operand)
        case Binary(_, left, right):
            yield from walk(left)
            yield from walk(right)
        case Call(_, arguments):
            for argument in arguments:
                yield from walk(argument)
        case ArrayLiteral(rows):
            for row in rows:
                for item in row:
                    yield from walk(item)


#: Open ends reach further than any grid, so that growth of a grid changes nothing here.
_ENDLESS = 2**31


def _reference_area(node: Reference, title: str, workbook: Workbook) -> Rectangle | None:
    found = title if node.title is None else workbook.tab(node.title)
    if found is None:
        return None
    end = node.end or node.start
    row0, row1 = span(node.start.row, end.row, _ENDLESS)
    col0, col1 = span(node.start.col, end.col, _ENDLESS)
    return Rectangle(found, row0, row1, col0, col1)


def _named_area(name: str, title: str, workbook: Workbook) -> Rectangle | None:
    area = workbook.named_range(name)
    if area is None:
        return None
    row1 = _ENDLESS if area.row1 is None else area.row1
    col1 = _ENDLESS if area.col1 is None else area.col1
    return Rectangle(area.title or title, area.row0 or 0, row1, area.col0 or 0, col1)


class Dependencies:
    """The formulas of a spreadsheet with what they read. Empty, it costs nothing.

    Places are those of now: after rows or columns were inserted, deleted or moved it is built anew.
    """

    def __init__(self) -> None:
        self._reads: dict[Place, Reads] = {}
        self._readers_of = AreaIndex()

    def __len__(self) -> int:
        return len(self._reads)

    def __contains__(self, place: Place) -> bool:
        return place in self._reads

    def put(self, place: Place, reads: Reads) -> None:
        """Take in the formula of a cell, in place of the one that was there."""
        self.drop(place)
        self._reads[place] = reads
        for area in reads.areas:
            self._readers_of.add(area, place)

    def drop(self, place: Place) -> None:
        """Forget the formula of a cell, if there is one."""
        reads = self._reads.pop(place, None)
        for area in reads.areas if reads else ():
            self._readers_of.discard(area, place)

    def affected(self, changed: Iterable[Rectangle], *, volatile: bool = True) -> "Order":
        """The formulas to evaluate again after these cells changed (the formulas among them too), in order.

        ``volatile`` adds those that are evaluated after every change.
        """
        dirty: set[Place] = set()
        waiting: list[Place] = []
        for area in changed:
            waiting.extend(self._readers_of.meeting(area))
            waiting.extend(self._within(area))
        if volatile:
            waiting.extend(place for place, reads in self._reads.items() if reads.is_volatile)
        while waiting:
            place = waiting.pop()
            if place not in dirty:
                dirty.add(place)
                waiting.extend(self._readers_of.meeting(place.rectangle()))
        return self._order(dirty)

    def everything(self) -> "Order":
        """All formulas in the order of their evaluation."""
        return self._order(set(self._reads))

    def _within(self, area: Rectangle) -> list[Place]:
        size = (area.row1 - area.row0) * (area.col1 - area.col0)
        if size == 1:
            place = Place(area.title, area.row0, area.col0)
            return [place] if place in self._reads else []
        return [place for place in self._reads if place.rectangle().meets(area)]

    def _order(self, dirty: set[Place]) -> "Order":
        """Topological order (Kahn); what remains reads itself, directly or through others."""
        readers = {place: self._readers_of.meeting(place.rectangle()) & dirty for place in dirty}
        waits_for = dict.fromkeys(dirty, 0)
        for listed in readers.values():
            for reader in listed:
                waits_for[reader] += 1
        ready = [place for place, count in waits_for.items() if not count]
        ordered: list[Place] = []
        while ready:
            place = ready.pop()
            ordered.append(place)
            for reader in readers[place]:
                waits_for[reader] -= 1
                if not waits_for[reader]:
                    ready.append(reader)
        done = set(ordered)
        return Order(tuple(ordered), frozenset(place for place in dirty if place not in done))


@dataclass(frozen=True, slots=True)
class Order:
    """``ordered`` is to be evaluated one after the other; ``circular`` and its readers show the circular error."""

    ordered: tuple[Place, ...]
    circular: frozenset[Place]
