"""Which changes of the database refresh a tab's rows: declared with the tab, turned into triggers and into keys elsewhere."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

from sheets_pipeline.sync.parameters import parameters

#: What happens to a row; the kind of an event that a trigger records.
OPERATIONS = ("insert", "update", "delete")

#: All rows went at once, and nobody knows which: the kind of an event that means the whole tab (PostgreSQL).
TRUNCATE = "truncate"


class Priority(IntEnum):
    """Who goes first when not everything can be taken at once."""

    URGENT = 0
    NORMAL = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class Watch:
    """A table, the columns whose change matters, and how a changed row names the keys of the tab's rows.

    Args:
        table: Its name, with its schema where the search path does not lead to it.
        key: For each key column of the tab, in order, the column of the changed row that holds it.
        keys_sql: Or a query for the keys, evaluated when the event is read; ``:name`` or
            ``:"Any Name"`` stands for a column of the changed row.
        columns: An update that changes none of these (nor of ``key`` and of what ``keys_sql`` names) is passed by; all
            columns where it is empty.
        operations: Which of ``OPERATIONS`` matter.
        priority: Of its events; that of its tab where it is None.
        entity: What events of this table are called, the table's name where it is empty; it holds for all watches of the table.
    """

    table: str
    key: tuple[str, ...] = ()
    keys_sql: str = ""
    columns: tuple[str, ...] = ()
    operations: tuple[str, ...] = OPERATIONS
    priority: Priority | None = None
    entity: str = ""

    def __post_init__(self) -> None:
        if bool(self.key) == bool(self.keys_sql):
            raise ValueError(f"Watch of table {self.table!r}: expected either key or keys_sql.")
        if not self.operations or set(self.operations) - set(OPERATIONS):
            raise ValueError(
                f"Watch of table {self.table!r}: operations={self.operations!r}; expected some of {OPERATIONS}."
            )
        if not self.entity:
            object.__setattr__(self, "entity", self.table)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of the changed row that tell the keys."""
        return self.key or parameters(self.keys_sql)

    def of_columns(self, known: Collection[str]) -> "Watch | None":
        """The watch without what a table of these columns cannot tell it; None where nothing is left."""
        if not set(self.needs) <= set(known):
            return None
        columns = tuple(column for column in self.columns if column in known)
        if columns or not self.columns:
            return replace(self, columns=columns)
        operations = tuple(operation for operation in self.operations if operation != "update")
        return replace(self, operations=operations) if operations else None

    def is_hit(self, operation: str, changed: Iterable[str] | None) -> bool:
        """Whether an event matters.

        Args:
            operation: Of ``OPERATIONS``, or ``TRUNCATE``; anything else (what an application recorded by hand) matters always.
            changed: Columns that an update changed; None where that is not known.
        """
        if operation == TRUNCATE:
            return "delete" in self.operations
        if operation not in OPERATIONS:
            return True
        if operation not in self.operations:
            return False
        if operation != "update" or changed is None or not self.columns:
            return True
        return not {*self.columns, *self.needs}.isdisjoint(changed)


@dataclass(frozen=True)
class WatchedTable:
    """All watches of one table: what its triggers record, whatever order they are declared in."""

    name: str
    watches: tuple[Watch, ...]

    @property
    def entity(self) -> str:
        """What its events are called: the table's name, unless a watch says otherwise."""
        return min((watch.entity for watch in self.watches if watch.entity != self.name), default=self.name)

    @property
    def priority(self) -> Priority:
        """Of its most urgent watch."""
        return min(Priority.NORMAL if watch.priority is None else watch.priority for watch in self.watches)

    @property
    def operations(self) -> list[str]:
        """Those that matter to any of them."""
        return [operation for operation in OPERATIONS if any(operation in watch.operations for watch in self.watches)]

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The columns that an event must carry, as the row may be gone when it is read."""
        return tuple(sorted({column for watch in self.watches for column in watch.needs}))

    def of_columns(self, known: Collection[str]) -> "WatchedTable":
        """What of it works while the table has these columns: a column that one watch lacks is no matter of the others."""
        watches = tuple(filter(None, (watch.of_columns(known) for watch in self.watches)))
        return WatchedTable(self.name, watches) if watches else self

    @property
    def columns(self) -> tuple[str, ...]:
        """Those whose change matters; empty for all."""
        updated = self._updated()
        if any(not watch.columns for watch in updated):
            return ()
        return tuple(sorted({column for watch in updated for column in (*watch.columns, *watch.needs)}))

    @property
    def told_apart(self) -> tuple[str, ...]:
        """Columns of which an update's event says whether they changed, as they matter to some of the watches only."""
        sets = {frozenset((*watch.columns, *watch.needs)) if watch.columns else None for watch in self._updated()}
        return tuple(sorted({column for some in sets if some for column in some})) if len(sets) > 1 else ()

    def _updated(self) -> list[Watch]:
        return [watch for watch in self.watches if "update" in watch.operations]


def watched_tables(by_tab: Mapping[str, Iterable[Watch]]) -> list[WatchedTable]:
    """The tables that these tabs watch, by name."""
    tables: dict[str, list[Watch]] = {}
    for watches in by_tab.values():
        for watch in watches:
            tables.setdefault(watch.table, []).append(watch)
    return [WatchedTable(name, tuple(watches)) for name, watches in sorted(tables.items())]
