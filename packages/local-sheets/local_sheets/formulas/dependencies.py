"""Which cells a formula reads, and which formulas are to be evaluated again after a change, in which order."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from local_sheets.budget import spend
from local_sheets.cell_values.locales import get_locale
from local_sheets.formulas.areas import AreaIndex, Place, Rectangle
from local_sheets.formulas.evaluator import spans
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.formula_shapes import Rows, Shape
from local_sheets.formulas.operands import Workbook
from local_sheets.formulas.parser import parse_shape
from local_sheets.formulas.syntax import (
    Apply,
    ArrayLiteral,
    Binary,
    Call,
    Name,
    Node,
    Reference,
    TableReference,
    Unary,
)
from local_sheets.formulas.table_references import table_area

_VOLATILE = {"NOW", "TODAY", "RAND", "RANDBETWEEN", "RANDARRAY"}
#: These look at where their argument is, not at what stands there.
_OF_PLACES = {"ROW", "COLUMN", "ROWS", "COLUMNS"}


@dataclass(frozen=True, slots=True)
class Reads:
    """What a formula reads. ``is_volatile``: its result changes with time.

    ``found`` are areas that only its evaluation told, such as those of OFFSET and INDIRECT. ``sees_size``: it asks how
    far an open range reaches, as ``ROWS(A2:A)`` does, without reading it.
    """

    areas: tuple[Rectangle, ...]
    is_volatile: bool
    found: frozenset[Rectangle] = frozenset()
    sees_size: bool = False


def reads_of(text: str, title: str, workbook: Workbook) -> Reads:
    """The areas that a formula in the tab ``title`` reads, and whether it is to be evaluated after each change."""
    try:
        shape, rows = parse_shape(text, decimal_comma=get_locale(workbook.locale).decimal == ",")
    except Fault:
        return Reads((), is_volatile=False)
    sketch = _shared_sketch(shape) if shape.is_shared else _sketch(shape.node)
    areas = [_area(one, rows, title, workbook) for one in sketch.reads]
    return Reads(tuple([area for area in areas if area is not None]), sketch.is_volatile, sees_size=sketch.sees_size)


@dataclass(frozen=True, slots=True)
class _Sketch:
    """What in a tree reads cells, and the rest of what ``Reads`` says."""

    reads: tuple[Reference | Name | TableReference, ...]
    is_volatile: bool
    sees_size: bool


@lru_cache(maxsize=4096)
def _shared_sketch(shape: Shape) -> _Sketch:
    return _sketch(shape.node)


def _sketch(node: Node) -> _Sketch:
    nodes = list(walk(node))
    calls = [below for below in nodes if isinstance(below, Call)]
    return _Sketch(
        tuple(below for below in nodes if isinstance(below, Reference | Name | TableReference)),
        any(call.name in _VOLATILE for call in calls),
        any(_is_open(argument) for call in calls if call.name in _OF_PLACES for argument in call.arguments),
    )


def _area(node: Reference | Name | TableReference, rows: Rows, title: str, workbook: Workbook) -> Rectangle | None:
    match node:
        case Reference():
            return _reference_area(node, rows, title, workbook)
        case Name(text):
            return _named_area(text, title, workbook)
    return _table_area(node, workbook)


def _is_open(node: Node) -> bool:
    if not isinstance(node, Reference):
        return False
    return any(point is not None and None in (point.row, point.col) for point in (node.start, node.end))


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes below it; long formulas lean to one side, so without recursion."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case Unary(_, operand):
                waiting.append(operand)
            case Binary(_, left, right):
                waiting += [right, left]
            case Call(name, arguments) if name in _OF_PLACES:
                waiting += [argument for argument in reversed(arguments) if not isinstance(argument, Reference)]
            case Call(_, arguments):
                waiting += reversed(arguments)
            case Apply(function, arguments):
                waiting += [*reversed(arguments), function]
            case ArrayLiteral(rows):
                waiting += [item for row in reversed(rows) for item in reversed(row)]


#: Open ends reach further than any grid, so that growth of a grid changes nothing here.
_ENDLESS = 2**31


def _reference_area(node: Reference, rows: Rows, title: str, workbook: Workbook) -> Rectangle | None:
    found = title if node.title is None else workbook.tab(node.title)
    return None if found is None else Rectangle(found, *spans(node, rows, _ENDLESS, _ENDLESS))


def _named_area(name: str, title: str, workbook: Workbook) -> Rectangle | None:
    area = workbook.named_range(name)
    if area is None:
        return None
    row1 = _ENDLESS if area.row1 is None else area.row1
    col1 = _ENDLESS if area.col1 is None else area.col1
    return Rectangle(area.title or title, area.row0 or 0, row1, area.col0 or 0, col1)


def _table_area(node: TableReference, workbook: Workbook) -> Rectangle | None:
    table = workbook.table(node.table)
    try:
        area = None if table is None else table_area(table, node, workbook)
    except Fault:
        return None
    return None if area is None else Rectangle(area.title, area.row0, area.row1, area.col0, area.col1)


class Dependencies:
    """The formulas of a spreadsheet with what they read. Empty, it costs nothing.

    Places are those of now: after rows or columns were inserted, deleted or moved it is built anew.
    """

    def __init__(self) -> None:
        self._reads: dict[Place, Reads] = {}
        self._volatile: set[Place] = set()
        #: Formulas that ask how far open ranges reach.
        self.sized: set[Place] = set()
        self._readers_of = AreaIndex()
        #: The cells that results of more than one cell stand in.
        self.spills: dict[Place, Rectangle] = {}

    def __len__(self) -> int:
        return len(self._reads)

    def __contains__(self, place: Place) -> bool:
        return place in self._reads

    def put(self, place: Place, reads: Reads) -> None:
        """Take in the formula of a cell, in place of the one that was there."""
        self.drop(place)
        self._reads[place] = reads
        if reads.is_volatile:
            self._volatile.add(place)
        if reads.sees_size:
            self.sized.add(place)
        for area in (*reads.areas, *reads.found):
            self._readers_of.add(area, place)

    def drop(self, place: Place) -> None:
        """Forget the formula of a cell, if there is one."""
        reads = self._reads.pop(place, None)
        self._volatile.discard(place)
        self.sized.discard(place)
        for area in (*reads.areas, *reads.found) if reads else ():
            self._readers_of.discard(area, place)

    def has_found(self, place: Place) -> bool:
        """Whether a formula's evaluation told of areas."""
        return bool(self._reads[place].found)

    def found(self, place: Place, areas: Collection[Rectangle]) -> frozenset[Rectangle]:
        """Take in the areas that a formula's evaluation told; returns those that it did not tell the last time."""
        reads = self._reads.get(place)
        if reads is None or (not areas and not reads.found):
            return frozenset()
        told = frozenset(areas) - frozenset(reads.areas)
        fresh = told - reads.found
        if told != reads.found:
            self.put(place, replace(reads, found=told))
        return fresh

    def affected(
        self,
        changed: Iterable[Rectangle],
        *,
        volatile: bool = True,
        formulas: bool = True,
        places: Iterable[Place] = (),
    ) -> "Order":
        """The formulas to evaluate again after these cells changed, in order.

        Args:
            volatile: Also those that are evaluated after every change.
            formulas: Also those that stand in the changed cells.
            places: Formulas that are to be evaluated in any case.

        Raises:
            LimitReached: They read each other in too many ways.
        """
        readers: dict[Place, set[Place]] = {}
        waiting: list[Place] = [place for place in places if place in self._reads]
        for area in changed:
            waiting.extend(self._readers_of.meeting(area))
            if formulas:
                waiting.extend(self._within(area))
        if volatile:
            waiting.extend(self._volatile)
        while waiting:
            place = waiting.pop()
            if place not in readers:
                readers[place] = self._readers(place)
                waiting.extend(readers[place])
        return _ordered(readers)

    def _readers(self, place: Place) -> set[Place]:
        """The formulas that read any cell of a formula's result."""
        return self._readers_of.meeting(self.spills.get(place) or place.rectangle())

    def everything(self) -> "Order":
        """All formulas in the order of their evaluation.

        Raises:
            LimitReached: They read each other in too many ways.
        """
        return _ordered({place: self._readers(place) for place in self._reads})

    def _within(self, area: Rectangle) -> list[Place]:
        return places_within(area, self._reads)


def places_within(area: Rectangle, places: Collection[Place]) -> list[Place]:
    """Those of the places (a set, or the keys of a dict) that lie in an area."""
    size = (area.row1 - area.row0) * (area.col1 - area.col0)
    spend(1 + min(size, len(places)))
    if size > len(places):
        return [place for place in places if place.rectangle().meets(area)]
    cells = (Place(area.title, r, c) for r in range(area.row0, area.row1) for c in range(area.col0, area.col1))
    return [place for place in cells if place in places]


@dataclass(frozen=True, slots=True)
class Order:
    """``ordered`` is to be evaluated one after the other; ``circular`` and its readers show the circular error."""

    ordered: tuple[Place, ...]
    circular: frozenset[Place]


def _ordered(readers: Mapping[Place, Collection[Place]]) -> Order:
    """Topological order (Kahn) of places with those that read them; what remains reads itself, in whatever way."""
    waits_for = dict.fromkeys(readers, 0)
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
    return Order(tuple(ordered), frozenset(place for place in readers if place not in done))
