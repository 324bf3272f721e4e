"""Rectangles of cells, and finding quickly which of many rectangles a cell lies in."""

from collections.abc import Iterator
from dataclasses import dataclass

_BUCKET_ROWS, _BUCKET_COLUMNS = 64, 8
#: An area over more buckets than this is kept in the list of large ones, which is searched as a whole.
_MOST_BUCKETS = 64


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Cells of a tab, 0-based and half-open. ``title`` in the tab's own spelling."""

    title: str
    row0: int
    row1: int
    col0: int
    col1: int

    def meets(self, other: "Rectangle") -> bool:
        """Whether they have a cell in common."""
        return (
            self.title == other.title
            and self.row0 < other.row1
            and other.row0 < self.row1
            and self.col0 < other.col1
            and other.col0 < self.col1
        )


@dataclass(frozen=True, slots=True)
class Place:
    """One cell, 0-based."""

    title: str
    row: int
    col: int

    def rectangle(self) -> Rectangle:
        return Rectangle(self.title, self.row, self.row + 1, self.col, self.col + 1)


_Bucket = tuple[str, int, int]


class AreaIndex:
    """Which places are interested in which areas. Equal areas are kept once, small ones in buckets of the grid."""

    def __init__(self) -> None:
        self._places: dict[Rectangle, set[Place]] = {}
        self._buckets: dict[_Bucket, set[Rectangle]] = {}
        self._large: dict[str, set[Rectangle]] = {}

    def add(self, area: Rectangle, place: Place) -> None:
        known = self._places.get(area)
        if known is not None:
            known.add(place)
            return
        self._places[area] = {place}
        if _bucket_count(area) > _MOST_BUCKETS:
            self._large.setdefault(area.title, set()).add(area)
            return
        for bucket in _buckets(area):
            self._buckets.setdefault(bucket, set()).add(area)

    def discard(self, area: Rectangle, place: Place) -> None:
        known = self._places.get(area, set())
        known.discard(place)
        if known or area not in self._places:
            return
        del self._places[area]
        if _bucket_count(area) > _MOST_BUCKETS:
            self._large[area.title].discard(area)
            return
        for bucket in _buckets(area):
            self._buckets[bucket].discard(area)

    def meeting(self, area: Rectangle) -> set[Place]:
        """The places interested in any cell of the area."""
        if _bucket_count(area) > len(self._places):
            near = {known for known in self._places if known.meets(area)}
        else:
            near = set(self._large.get(area.title, ()))
            for bucket in _buckets(area):
                near |= self._buckets.get(bucket, set())
        found: set[Place] = set()
        for known in near:
            if known.meets(area):
                found |= self._places[known]
        return found


def _bucket_count(area: Rectangle) -> int:
    rows = (area.row1 - 1) // _BUCKET_ROWS - area.row0 // _BUCKET_ROWS + 1
    return rows * ((area.col1 - 1) // _BUCKET_COLUMNS - area.col0 // _BUCKET_COLUMNS + 1)


def _buckets(area: Rectangle) -> Iterator[_Bucket]:
    for row in range(area.row0 // _BUCKET_ROWS, (area.row1 - 1) // _BUCKET_ROWS + 1):
        for col in range(area.col0 // _BUCKET_COLUMNS, (area.col1 - 1) // _BUCKET_COLUMNS + 1):
            yield area.title, row, col
