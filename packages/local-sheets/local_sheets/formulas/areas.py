"""Rectangles of cells, and finding quickly which of many rectangles a cell lies in."""

from collections.abc import Iterator
from typing import NamedTuple

from local_sheets.budget import spend

_BUCKET_ROWS, _BUCKET_COLUMNS = 64, 8
#: An area over more buckets than this is kept among the large ones, which are sorted by their columns alone.
_MOST_BUCKETS = 64
#: Among them those over more columns than this are searched as a whole.
_MOST_COLUMNS = 128
_NONE: frozenset["Rectangle"] = frozenset()


class Rectangle(NamedTuple):
    """Cells of a tab, 0-based and half-open. ``title`` in the tab's own spelling."""

    title: str
    row0: int
    row1: int
    col0: int
    col1: int

    @property
    def is_single(self) -> bool:
        """Whether it is one cell."""
        return self.row1 - self.row0 == 1 and self.col1 - self.col0 == 1

    def meets(self, other: "Rectangle") -> bool:
        """Whether they have a cell in common."""
        return (
            self.title == other.title
            and self.row0 < other.row1
            and other.row0 < self.row1
            and self.col0 < other.col1
            and other.col0 < self.col1
        )


class Place(NamedTuple):
    """One cell, 0-based."""

    title: str
    row: int
    col: int

    def rectangle(self) -> Rectangle:
        return Rectangle(self.title, self.row, self.row + 1, self.col, self.col + 1)


#: Areas of one cell have buckets of their own.
_Bucket = tuple[str, bool, int, int]
_Columns = tuple[str, int | None]


class AreaIndex:
    """Which places are interested in which areas. Equal areas are kept once, small ones in buckets of the grid."""

    def __init__(self) -> None:
        self._places: dict[Rectangle, set[Place]] = {}
        self._buckets: dict[_Bucket, set[Rectangle]] = {}
        self._large: dict[_Columns, set[Rectangle]] = {}

    def add(self, area: Rectangle, place: Place) -> None:
        known = self._places.get(area)
        if known is not None:
            known.add(place)
            return
        self._places[area] = {place}
        if _bucket_count(area) > _MOST_BUCKETS:
            for columns in _large_keys(area):
                self._large.setdefault(columns, set()).add(area)
            return
        for bucket in _buckets(area, single=area.is_single):
            self._buckets.setdefault(bucket, set()).add(area)

    def discard(self, area: Rectangle, place: Place) -> None:
        known = self._places.get(area, set())
        known.discard(place)
        if known or area not in self._places:
            return
        del self._places[area]
        if _bucket_count(area) > _MOST_BUCKETS:
            for columns in _large_keys(area):
                self._large[columns].discard(area)
            return
        for bucket in _buckets(area, single=area.is_single):
            self._buckets[bucket].discard(area)

    def meeting(self, area: Rectangle) -> set[Place]:
        """The places interested in any cell of the area.

        Raises:
            LimitReached: Too many areas and places are searched.
        """
        near = self._near(area)
        spend(1 + len(near) // 8)
        found: set[Place] = set()
        for known in near:
            if known.meets(area):
                places = self._places[known]
                spend(len(places))
                found |= places
        return found

    def _near(self, area: Rectangle) -> set[Rectangle]:
        """Areas among which are all that have a cell in common with this one."""
        if _bucket_count(area) > min(len(self._places), _MOST_BUCKETS):
            return set(self._places)
        near = set[Rectangle]()
        if self._large:
            near |= self._large.get((area.title, None), _NONE)
            for columns in _column_buckets(area):
                near |= self._large.get((area.title, columns), _NONE)
        for bucket in _buckets(area, single=False):
            near |= self._buckets.get(bucket, _NONE)
        if area.is_single:
            if area in self._places:
                near.add(area)
            return near
        for bucket in _buckets(area, single=True):
            near |= self._buckets.get(bucket, _NONE)
        return near


def _column_buckets(area: Rectangle) -> range:
    return range(area.col0 // _BUCKET_COLUMNS, (area.col1 - 1) // _BUCKET_COLUMNS + 1)


def _large_keys(area: Rectangle) -> list[_Columns]:
    """Under which keys a large area is kept."""
    if area.col1 - area.col0 > _MOST_COLUMNS:
        return [(area.title, None)]
    return [(area.title, columns) for columns in _column_buckets(area)]


def _bucket_count(area: Rectangle) -> int:
    rows = (area.row1 - 1) // _BUCKET_ROWS - area.row0 // _BUCKET_ROWS + 1
    return rows * ((area.col1 - 1) // _BUCKET_COLUMNS - area.col0 // _BUCKET_COLUMNS + 1)


def _buckets(area: Rectangle, *, single: bool) -> Iterator[_Bucket]:
    for row in range(area.row0 // _BUCKET_ROWS, (area.row1 - 1) // _BUCKET_ROWS + 1):
        for col in range(area.col0 // _BUCKET_COLUMNS, (area.col1 - 1) // _BUCKET_COLUMNS + 1):
            yield area.title, single, row, col
