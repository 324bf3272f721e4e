"""What changed from one version of a source to another: columns, and rows by key or by content.

Rows are told apart by their ids, so only those that differ are read, and a row that moved is no change.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sources.canonical import encoded, row_id
from sheets_pipeline.sources.content import Cell, Row, SourceColumn
from sheets_pipeline.sources.store import SourceStore, Version

T = TypeVar("T")

#: Rows that are read at once.
_AT_ONCE = 1000


class ChangeKind(StrEnum):
    """What became of a row."""

    INSERTED = "inserted"
    DELETED = "deleted"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that came (``before`` is None), went (``after`` is None), or has another header or type."""

    name: str
    before: SourceColumn | None
    after: SourceColumn | None


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell of a row that was found again by its key."""

    column: str
    before: Cell
    after: Cell


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that differs. ``number`` counts from 0 in the version that holds it, the later one where both do.

    ``row`` is as in that version, by the columns of that version; ``cells`` are those that changed.
    """

    kind: ChangeKind
    number: int
    row: Row
    cells: tuple[CellChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed. ``changed`` pairs row numbers of both versions; it is empty without a key."""

    store: SourceStore
    before: Version
    after: Version
    columns: list[ColumnChange]
    inserted: list[int]
    deleted: list[int]
    changed: list[tuple[int, int]]

    @property
    def unchanged(self) -> int:
        """How many rows stand in both."""
        return self.after.rows - len(self.inserted) - len(self.changed)

    def changes(self) -> Iterator[RowChange]:
        """The rows that differ, read a few at a time: changed and inserted ones in the later version's order, then deleted."""
        ids_before, ids_after = self.store.row_ids(self.before), self.store.row_ids(self.after)
        later = sorted([*((new, old) for old, new in self.changed), *((new, -1) for new in self.inserted)])
        for part in _parts(later):
            rows = self.store.rows_of(self.after, [ids_after[new] for new, _ in part])
            olds = self.store.rows_of(self.before, [ids_before[old] for _, old in part if old >= 0])
            earlier = iter(olds)
            for (number, old), row in zip(part, rows, strict=True):
                if old < 0:
                    yield RowChange(ChangeKind.INSERTED, number, row)
                else:
                    yield RowChange(ChangeKind.CHANGED, number, row, self._cells(next(earlier), row))
        for part in _parts([(number, -1) for number in self.deleted]):
            rows = self.store.rows_of(self.before, [ids_before[number] for number, _ in part])
            for (number, _), row in zip(part, rows, strict=True):
                yield RowChange(ChangeKind.DELETED, number, row)

    def _cells(self, before: Row, after: Row) -> tuple[CellChange, ...]:
        places = {column.name: i for i, column in enumerate(self.before.columns)}
        pairs = (
            (column.name, before[places[column.name]], after[i])
            for i, column in enumerate(self.after.columns)
            if column.name in places
        )
        return tuple(CellChange(name, old, new) for name, old, new in pairs if encoded((old,)) != encoded((new,)))


def diff(store: SourceStore, before: Version, after: Version, key: Sequence[str] = ()) -> Difference:
    """What changed between two versions of one source.

    Args:
        store: What keeps them.
        before: The earlier one, as a rule.
        after: The later one.
        key: Columns that tell rows apart; without any, rows only come and go. Rows of one key are paired in their order.

    Raises:
        SourceProblem: A column of the key is not in both versions.
    """
    shared = [column.name for column in after.columns if column.name in {each.name for each in before.columns}]
    if missing := [name for name in key if name not in shared]:
        raise SourceProblem(
            after.source,
            f"its key names {', '.join(missing)}, which is not in both versions; these are: {', '.join(shared)}. "
            "Compare them without a key.",
        )
    old, new = (_ids(store, version, shared) for version in (before, after))
    deleted, inserted = _without(old, Counter(new)), _without(new, Counter(old))
    changed: list[tuple[int, int]] = []
    if key and deleted and inserted:
        changed = _pairs(_keys(store, before, deleted, key), _keys(store, after, inserted, key))
        paired_old, paired_new = {a for a, _ in changed}, {b for _, b in changed}
        deleted = [number for number in deleted if number not in paired_old]
        inserted = [number for number in inserted if number not in paired_new]
    return Difference(store, before, after, column_changes(before.columns, after.columns), inserted, deleted, changed)


def column_changes(before: Sequence[SourceColumn], after: Sequence[SourceColumn]) -> list[ColumnChange]:
    """Columns that came, went, or are another's in header or type, found by their names."""
    old, new = {column.name: column for column in before}, {column.name: column for column in after}
    pairs = [(name, old.get(name), new.get(name)) for name in {**old, **new}]
    return [ColumnChange(name, one, other) for name, one, other in pairs if one != other]


def _ids(store: SourceStore, version: Version, shared: Sequence[str]) -> list[bytes]:
    """Ids of rows, by what both versions have of them."""
    places = _places(version, shared)
    if places == [*range(len(version.columns))]:
        return store.row_ids(version)
    return [row_id(tuple(row[i] for i in places)) for row in store.rows(version)]


def _places(version: Version, names: Sequence[str]) -> list[int]:
    places = {column.name: i for i, column in enumerate(version.columns)}
    return [places[name] for name in names]


def _without(ids: Sequence[bytes], others: Counter[bytes]) -> list[int]:
    """Numbers of rows that the others have not, or not so often."""
    numbers = []
    for number, each in enumerate(ids):
        if others[each]:
            others[each] -= 1
        else:
            numbers.append(number)
    return numbers


def _keys(store: SourceStore, version: Version, numbers: Sequence[int], key: Sequence[str]) -> list[tuple[bytes, int]]:
    ids, places = store.row_ids(version), _places(version, key)
    return [
        (encoded(tuple(row[i] for i in places)), number)
        for part in _parts(numbers)
        for number, row in zip(part, store.rows_of(version, [ids[number] for number in part]), strict=True)
    ]


def _pairs(before: list[tuple[bytes, int]], after: list[tuple[bytes, int]]) -> list[tuple[int, int]]:
    waiting: dict[bytes, deque[int]] = defaultdict(deque)
    for key, number in before:
        waiting[key].append(number)
    return [(waiting[key].popleft(), number) for key, number in after if waiting.get(key)]


def _parts(items: Sequence[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := [*islice(iterator, _AT_ONCE)]:
        yield part
