"""What documents declare, each with its place in the files: tabs, spreadsheets, credentials, sources."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.components.names import dagster_name
from sheets_pipeline.components.spreadsheet_declaration import CredentialDeclaration, SpreadsheetsDeclaration
from sheets_pipeline.components.tab_declaration import TabColumn, TabDeclaration, TabWatch, column_type, nearest
from sheets_pipeline.components.yaml_nodes import Document, Fault, Place
from sheets_pipeline.database.own_query import OwnQuery, result_columns
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.sync.editing import Edits
from sheets_pipeline.sync.source import Source
from sheets_pipeline.sync.spreadsheet import Credential
from sheets_pipeline.sync.tab import Column, ColumnType, OnRemoved, Tab
from sheets_pipeline.sync.watch import Priority, Watch

#: What a declaration and the engine's tab have in common, by name.
_AS_WRITTEN = ("allow_values_in_event_log", "every", "max_deletes", "max_deletes_share", "position")


@dataclass(frozen=True, slots=True)
class DeclaredTab:
    """One document: a tab with what reads its rows, or what is wrong with it."""

    title: str
    #: Name of the file, as people know it.
    file: str
    path: str
    line: int
    faults: tuple[Fault, ...] = ()
    tab: Tab | None = None
    query: OwnQuery | None = None
    declaration: TabDeclaration | None = None
    #: The first line of the document; ``line`` is that of the first fault where there are any.
    begins: int = 1
    #: Of each value that stands in it.
    lines: Mapping[Place, int] = field(default_factory=dict)

    def line_of(self, place: Place) -> int:
        """The line of one of its attributes, else of the nearest one around it."""
        while place and ("attributes", *place) not in self.lines:
            place = place[:-1]
        return self.lines.get(("attributes", *place), self.line) if place else self.line

    @property
    def asset_name(self) -> str:
        """``student_progress`` for the title ``Student progress``."""
        plain = re.sub(r"[ -]+", "_", self.title.strip()).lower()
        return dagster_name(plain if re.fullmatch(r"[a-z0-9_]+", plain) else self.title)

    @property
    def compute(self) -> Callable[[sa.Connection, Collection[Any] | None], pd.DataFrame]:
        """Gives the rows."""
        query = self.query
        if query is None:
            raise ValueError(f"The declaration of {self.title!r} cannot be used.")

        def rows(connection: sa.Connection, keys: Collection[Any] | None) -> pd.DataFrame:
            return query.read(connection, keys)

        rows.__doc__ = self.declaration.description if self.declaration else None
        return rows

    @property
    def open_columns(self) -> Collection[str] | None:
        """The columns whose type the query decides; None where it decides about all columns."""
        columns = self.declaration.columns if self.declaration else []
        return None if columns is None else {column.name for column in columns if column.type is None}

    def resolved(self, rows: pd.DataFrame) -> Tab:
        """The tab with what its declaration leaves to the query: all columns, or the types of some.

        Raises:
            TabProblem: A declared column is not in the result.
        """
        if self.tab is None or self.declaration is None:
            raise ValueError(f"The declaration of {self.title!r} cannot be used.")
        return with_result(self.tab, self.declaration.columns, dict(result_columns(rows)))


def with_result(tab: Tab, declared: list[TabColumn] | None, result: Mapping[str, ColumnType]) -> Tab:
    """The tab with columns and types as a query's result has them, where its declaration leaves them out."""
    columns = [TabColumn(name=name) for name in result] if declared is None else declared
    if missing := [column.name for column in columns if column.name not in result]:
        raise TabProblem(
            tab.title,
            f"the declared column {missing[0]!r} is not in the query's result{nearest(missing[0], list(result))}. "
            "Correct the name, or add the column to the query.",
        )
    try:
        return _tab(tab, columns, result, tab.edits)
    except ValueError as error:  # a type of the query's that does not fit what is declared of its column
        raise TabProblem(tab.title, str(error).removeprefix(f"Tab {tab.title!r}: ")) from None


def _tab(tab: Tab, columns: list[TabColumn], result: Mapping[str, ColumnType], edits: Edits | None) -> Tab:
    made = (_column(column, result.get(column.name, ColumnType.TEXT)) for column in columns)
    return replace(tab, columns=tuple(made), edits=edits)


def _column(column: TabColumn, otherwise: ColumnType) -> Column:
    kind = column_type(column.type) if column.type else otherwise
    return Column(column.name, kind, column.header or "", description=column.description or "", editing=column.editing)


def tab_of(declaration: TabDeclaration) -> Tab:
    """The engine's tab of a declaration, with its key columns alone where the query decides about columns."""
    columns = declaration.columns or [TabColumn(name=name) for name in declaration.key]
    tab = Tab(
        title=declaration.title,
        key=tuple(declaration.key),
        columns=tuple(Column(name) for name in declaration.key),
        on_removed=OnRemoved(declaration.on_removed),
        **{name: getattr(declaration, name) for name in _AS_WRITTEN},
        priority=Priority[declaration.priority.upper()],
        owners=tuple(declaration.owners),
        watches=tuple(_watch(watch, declaration) for watch in declaration.watches),
        spreadsheet=declaration.place,
    )
    edits = declaration.edits.engine if declaration.edits else None
    return _tab(tab, columns, {}, edits)


def _watch(watch: TabWatch, declaration: TabDeclaration) -> Watch:
    return Watch(
        watch.table,
        watch.columns_of_key(list(declaration.key)),
        watch.keys_sql or "",
        tuple(watch.columns),
        tuple(watch.operations),
        Priority[watch.priority.upper()] if watch.priority else None,
    )


class _Usable:
    """Of a document that declares no tab; one that cannot be used is a tab with faults."""

    declaration: SpreadsheetsDeclaration | CredentialDeclaration
    document: Document
    faults: tuple[Fault, ...] = ()

    @property
    def title(self) -> str:
        """The name of what is declared."""
        return self.declaration.name

    @property
    def begins(self) -> int:
        """The first line of the document."""
        return self.document.line


@dataclass(frozen=True)
class DeclaredSpreadsheets(_Usable):
    """One document: a spreadsheet or a list of them; ``query`` is the text of the list's query."""

    declaration: SpreadsheetsDeclaration
    document: Document
    path: Path
    query: str | None = None


@dataclass(frozen=True)
class DeclaredCredential(_Usable):
    """One document: a credential."""

    declaration: CredentialDeclaration
    document: Document
    path: Path

    @property
    def credential(self) -> Credential:
        """For the engine; a path is taken from the project's folder."""
        said = self.declaration
        key_file = None if said.key_file is None else self.path.parent.parent / Path(said.key_file).expanduser()
        return Credential(said.name, key_file, said.key, said.reads_per_minute, said.writes_per_minute, said.hosts)


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """A source, as a document of its own or as one of many in a file, or what is wrong with it."""

    id: str
    #: Name of the file, as people know it.
    file: str
    path: str
    line: int
    faults: tuple[Fault, ...] = ()
    source: Source | None = None
    #: The first line of the document, and of each value that stands in it.
    begins: int = 1
    lines: Mapping[Place, int] = field(default_factory=dict)
    #: The key that one of many names by its path.
    credential: DeclaredCredential | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong, all of it, with file and lines; None where nothing is."""
        return told(self.file, self.faults) if self.faults else None


def told(file: str, faults: Sequence[Fault]) -> str:
    """Faults of one declaration with their places."""
    (first, *others) = faults
    more = "".join(f" Line {fault.line}: {_sentence(fault.text)}" for fault in others)
    return f"{file}, line {first.line}: {_sentence(first.text)}{more}"


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text.rstrip('.')}."


Declared = DeclaredTab | DeclaredSpreadsheets | DeclaredCredential | DeclaredSource
