"""What people may edit in a tab and where it goes: declared per column and per tab, and what can be wrong with that."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

#: Where in a declaration something stands: ("columns", 2, "writes_to").
Place = tuple[str | int, ...]

#: Who wins where a cell was changed on both sides.
WINNERS = ("database", "sheet")

_EDITOR = re.compile(r"[^@\s]*@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Target:
    """A column of the database, ``table.column``; the table with its schema where the search path does not lead to it."""

    table: str
    column: str

    @staticmethod
    def read(text: str) -> "Target | None":
        """The target of this text; None where it is none."""
        table, _, column = text.rpartition(".")
        return Target(table, column) if column and all(table.split(".")) and table.count(".") <= 1 else None

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Editing:
    """What happens to edits of one column.

    Args:
        writes_to: The column of the database that takes them.
        one_of: The values that are taken; all where it is empty.
        on_conflict: Whose value wins where the database changed the cell, too.
        editors: Mail addresses, or ``@example.org`` for all of a domain, whose edits are taken; everybody's where it is empty.
    """

    writes_to: str
    one_of: tuple[Any, ...] = ()
    on_conflict: str = "database"
    editors: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        """The column of the database."""
        if (target := Target.read(self.writes_to)) is None:
            raise ValueError(f"writes_to={self.writes_to!r}; expected table.column")
        return target

    def takes_edits_of(self, editor: str) -> bool:
        """Whether this person may edit the column; nobody who is unknown may where editors are named."""
        if not self.editors:
            return True
        person = editor.strip().casefold()
        return any(person and (person == one or (one[0] == "@" and person.endswith(one))) for one in self._folded)

    @property
    def _folded(self) -> list[str]:
        return [one.casefold() for one in self.editors]


@dataclass(frozen=True, slots=True)
class RowTarget:
    """Which row of which table a row of the tab is: column of the table → column of the tab."""

    table: str
    key: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Edits:
    """The tables that edits of a tab change; a message with more cells than ``needs_approval_above`` waits for a person.

    With ``new_rows`` a row that a person types is inserted into the first table, once the cells of ``needs`` are filled. Key
    columns among ``needs`` are typed, the database fills the others. ``deleted_rows`` is ``hard``, ``soft`` (the moment is
    written into ``deleted_column``), or blank: rows that people delete come back.
    """

    rows: tuple[RowTarget, ...] = field(default=())
    needs_approval_above: int | None = None
    new_rows: bool = False
    needs: tuple[str, ...] = ()
    deleted_rows: str = ""
    deleted_column: str = "deleted_at"

    @property
    def own(self) -> RowTarget:
        """The table into which new rows go, and from which rows are deleted."""
        return self.rows[0]

    @property
    def watches_rows(self) -> bool:
        """Whether people may add or delete rows."""
        return self.new_rows or bool(self.deleted_rows)

    def row(self, table: str) -> RowTarget:
        """The row of this table."""
        return next(row for row in self.rows if row.table == table)


class EditableColumn(Protocol):
    """What is asked of a tab's column here."""

    @property
    def name(self) -> str:
        """Its name in the frame."""

    @property
    def type(self) -> str:
        """How its values are kept."""

    @property
    def editing(self) -> Editing | None:
        """What happens to edits of it."""


def faults(
    key: Collection[str], columns: Sequence[EditableColumn], edits: Edits | None, kept: Collection[str] = ()
) -> Iterator[tuple[Place, str]]:
    """What is wrong with what a tab declares about edits, and where.

    Args:
        key: The tab's key columns.
        columns: All of its columns, in order.
        edits: What the tab says of them.
        kept: Columns that the pipeline itself fills.
    """
    edited = [(i, column.name, column.editing) for i, column in enumerate(columns) if column.editing is not None]
    rows = {row.table: row for row in edits.rows} if edits else {}
    for i, name, editing in edited:
        for field_name, text in _column_faults(name, editing, key, kept, rows):
            yield ("columns", i, field_name), text
    for i, column in enumerate(columns):
        if column.editing is not None and column.type == "json":
            yield ("columns", i, "editable"), f"the column {column.name!r} is json, which is not edited in a cell"
    targets = Counter(editing.writes_to for _, _, editing in edited)
    for i, name, editing in edited:
        if targets[editing.writes_to] > 1:
            text = f"{editing.writes_to} takes the edits of several columns, {name!r} among them. Let one write to it"
            yield ("columns", i, "writes_to"), text
    if edits is not None:
        yield from _row_faults(edits, [column.name for column in columns], {name for _, name, _ in edited})
        tables = {editing.target.table for _, _, editing in edited if Target.read(editing.writes_to)}
        for i, row in enumerate(edits.rows):
            if row.table not in tables:
                yield ("edits", "row", i, "table"), f"no editable column writes to the table {row.table!r}"


def _column_faults(
    name: str, editing: Editing, key: Collection[str], kept: Collection[str], rows: Mapping[str, RowTarget]
) -> Iterator[tuple[str, str]]:
    if name in key:
        yield "editable", f"the key column {name!r} cannot be editable: its value says which row it is"
    if name in kept:
        yield "editable", f"the pipeline itself writes the column {name!r}; it cannot be editable"
    if editing.on_conflict not in WINNERS:
        yield "on_conflict", f"on_conflict is {editing.on_conflict!r}; expected one of {', '.join(WINNERS)}"
    for one in editing.editors:
        if not _EDITOR.fullmatch(one):
            yield "editors", f"expected a mail address or @domain, found {one!r}"
    if len(set(editing.one_of)) < len(editing.one_of):
        yield "one_of", f"one_of of the column {name!r} has a value twice"
    if (target := Target.read(editing.writes_to)) is None:
        yield "writes_to", f"writes_to is {editing.writes_to!r}; expected table.column, such as orders.status"
    elif (row := rows.get(target.table)) is None:
        known = f"; known: {', '.join(rows)}" if rows else ""
        yield "writes_to", f"edits.row does not say which row of the table {target.table!r} to change{known}"
    elif target.column in row.key:
        yield "writes_to", f"{target} is part of the key by which its row is found; it cannot be editable"


def _row_faults(edits: Edits, names: Collection[str], edited: Collection[str]) -> Iterator[tuple[Place, str]]:
    if not edited:
        yield ("edits",), "edits says where edits go, and no column is editable. Give one editable: true and writes_to"
    if edits.needs_approval_above is not None and edits.needs_approval_above < 0:
        yield ("edits", "needs_approval_above"), "needs_approval_above is less than 0; expected a number of cells"
    tables = Counter(row.table for row in edits.rows)
    for i, row in enumerate(edits.rows):
        place = ("edits", "row", i)
        if tables[row.table] > 1:
            yield (*place, "table"), f"the table {row.table!r} stands here twice. Give it once, with its whole key"
        if not row.key:
            yield (*place, "key"), f"the table {row.table!r} has no key: say which column of the tab holds it"
        for column in row.key.values():
            if column not in names:
                yield (*place, "key"), f"{column!r} is not among the tab's columns: {', '.join(names)}"
            elif column in edited:
                yield (
                    (*place, "key"),
                    f"{column!r} tells which row of {row.table!r} it is, and is editable. Use another",
                )
