"""The tabs of a project folder (PROJECT_DIR): ``tabs/*.yaml`` with their ``.sql``, one declaration per document.

Plain Python: Dagster's definitions, the command line and the control API all load them here. What is wrong with one
declaration is said of it, with file and line, and the others load.
"""

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from dotenv import dotenv_values
from pydantic import ValidationError

from sheets_pipeline.components.names import dagster_name
from sheets_pipeline.components.tab_declaration import (
    TAB_TYPE,
    TYPES_NOT_YET,
    TabColumn,
    TabDeclaration,
    TabWatch,
    column_type,
    faults_of,
    nearest,
)
from sheets_pipeline.components.yaml_nodes import Document, Fault, Place, read_documents
from sheets_pipeline.database.own_query import OwnQuery, result_columns
from sheets_pipeline.database.query_text import UnusableQuery, parse
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.sync.editing import Edits
from sheets_pipeline.sync.tab import Column, ColumnType, OnRemoved, Tab
from sheets_pipeline.sync.watch import Priority, Watch

_MOST_FAULTS = 6

#: What a declaration and the engine's tab have in common, by name.
_AS_WRITTEN = ("allow_values_in_event_log", "every", "max_deletes", "max_deletes_share", "position")
_TITLE = re.compile(r"""^\s+title:\s*(["']?)([^"'#\n{}]+?)\1\s*(?:#.*)?$""", re.MULTILINE)


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


# Files -----------------------------------------------------------------------------------------------------------------


def declaration_files(folder: Path) -> list[Path]:
    """The files of a project's ``tabs/`` that hold declarations, by name."""
    found = [*(folder / "tabs").glob("*.yaml"), *(folder / "tabs").glob("*.yml")]
    return sorted(path for path in found if not path.name.startswith("."))


def project_digests(folder: Path) -> dict[str, str]:
    """Name of each declaration, query and module → digest of its text as it is on disk now."""
    found = {}
    beside = (path for kind in ("*.sql", "*.py") for path in sorted((folder / "tabs").rglob(kind)))
    for path in (*declaration_files(folder), *beside):
        try:
            facts = path.stat()
            found[path.relative_to(folder / "tabs").as_posix()] = _digest(str(path), facts.st_mtime_ns, facts.st_size)
        except OSError:  # deleted meanwhile, or not ours to read: loading it tells
            continue
    return found


@lru_cache(maxsize=5000)
def _digest(path: str, _changed_at: int, _size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def declared_tabs(folder: Path) -> Iterator[DeclaredTab]:
    """Every document of every file, in order."""
    environment = _environment()
    for path in declaration_files(folder):
        yield from declared_in(path, environment)


def _environment() -> dict[str, str]:
    """Variables of the environment, and of ``.env`` where the environment has none."""
    return {name: value for name, value in dotenv_values(".env").items() if value is not None} | dict(os.environ)


def declared_in(
    path: Path, environment: Mapping[str, str] | None = None, others: Collection[str] = ()
) -> Iterator[DeclaredTab]:
    """The declarations of one file.

    Args:
        path: Of the file.
        environment: What variables stand for; this process's, with ``.env``, where left out.
        others: Keys that may stand beside ``type`` and ``attributes``, as somebody else reads them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = (
            "its text is not UTF-8"
            if isinstance(error, UnicodeDecodeError)
            else f"it cannot be read ({error.strerror})"
        )
        yield _unusable(path, Document(1, faults=[Fault(1, what)]), path.name, 1)
        return
    documents = list(read_documents(text, _environment() if environment is None else environment))
    documents = [one for one in documents if one.value is not None or one.faults]
    if not documents:
        yield _unusable(
            path, Document(1, faults=[Fault(1, "the file is empty. Declare a tab, or delete it")]), path.name, 1
        )
    titles = _TITLE.findall(text)
    for number, document in enumerate(documents, 1):
        name = path.name if len(documents) == 1 else f"{path.name}, document {number}"
        title = titles[0][1] if len(titles) == len(documents) == 1 else name
        yield _declared(path, document, title, others)


def _declared(path: Path, document: Document, otherwise: str, others: Collection[str]) -> DeclaredTab:
    faults = list(document.faults)
    title = otherwise
    declaration: TabDeclaration | None = None
    attributes = _attributes(document, faults, others)
    if attributes is not None:
        found = attributes.get("title")
        title = found if isinstance(found, str) and len(found.strip()) > 0 else otherwise
        declaration = _validated(document, attributes, faults)
    query = _query(path, document, declaration, faults) if declaration and not faults else None
    if faults or declaration is None or query is None:
        document.faults = faults
        return _unusable(path, document, title, document.line)
    line, tab = document.line, tab_of(declaration)
    return DeclaredTab(title, path.name, str(path), line, (), tab, query, declaration, line, document.lines)


def from_declaration(path: Path, declaration: TabDeclaration) -> DeclaredTab:
    """The same of a declaration that Python code in this file has made."""
    document, faults = Document(1), list[Fault]()
    query = _query(path, document, declaration, faults)
    if query is None:
        document.faults = faults
        return _unusable(path, document, declaration.title, 1)
    return DeclaredTab(declaration.title, path.name, str(path), 1, (), tab_of(declaration), query, declaration)


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


def _attributes(document: Document, faults: list[Fault], others: Collection[str]) -> dict[str, Any] | None:
    """What stands under ``attributes`` of a document that declares a tab."""
    value = document.value
    if not isinstance(value, dict):
        if not faults:
            what = "a list" if isinstance(value, list) else "a text or a number"
            faults.append(Fault(document.line, f"expected type and attributes, found {what}"))
        return None
    known = ["type", "attributes", *others]
    for name in value:
        if name not in known:
            where = "" if name not in TabDeclaration.model_fields else ". It belongs under attributes"
            text = f"unknown key {name!r}{where or nearest(name, known)}"
            faults.append(Fault(document.line_of((name,)), text))
    if not _is_tab(document, value.get("type"), faults):
        return None
    attributes = value.get("attributes")
    if not isinstance(attributes, dict):
        line = document.line_of(("attributes",))
        found = "nothing" if attributes is None else "a list" if isinstance(attributes, list) else "a text or a number"
        faults.append(Fault(line, f"attributes: expected a mapping with title, key and sql, found {found}"))
        return None
    return attributes


def _is_tab(document: Document, kind: object, faults: list[Fault]) -> bool:
    line = document.line_of(("type",))
    if kind == TAB_TYPE:
        return True
    if kind is None:
        faults.append(Fault(line, f"type is missing. Write type: {TAB_TYPE}"))
    elif kind in TYPES_NOT_YET:
        faults.append(Fault(line, f"{kind} is not yet supported. Remove this document"))
    else:
        shown = repr(kind) if isinstance(kind, str) and ("type",) not in document.hidden else "something else"
        faults.append(Fault(line, f"type is {shown}; expected {TAB_TYPE}"))
    return False


def _validated(document: Document, attributes: dict[str, Any], faults: list[Fault]) -> TabDeclaration | None:
    inside = {place[1:]: text for place, text in document.written.items() if place[:1] == ("attributes",)}
    hidden: set[Place] = {place[1:] for place in document.hidden if place[:1] == ("attributes",)}
    try:
        return TabDeclaration.model_validate(attributes)
    except ValidationError as error:
        for one in error.errors():
            for place, text in faults_of(one, inside, hidden):
                faults.append(Fault(document.line_of(("attributes", *place)), text))
    return None


def _query(path: Path, document: Document, declaration: TabDeclaration, faults: list[Fault]) -> OwnQuery | None:
    name = "sql" if declaration.sql is not None else "sql_file"
    line = document.line_of(("attributes", name))
    try:
        text = declaration.sql if declaration.sql is not None else _text_of(path, str(declaration.sql_file))
        return OwnQuery(declaration.title, parse(text, len(declaration.key)), tuple(declaration.key))
    except UnusableQuery as error:
        where = f"{declaration.sql_file}, line {error.line + 1}: " if name == "sql_file" else ""
        faults.append(Fault(line, f"{name}: {where}{error}"))
    except FileNotFoundError:
        faults.append(Fault(line, f"sql_file: there is no file {declaration.sql_file!r} beside {path.name}"))
    except (OSError, UnicodeDecodeError) as error:
        what = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read ({error.strerror})"
        faults.append(Fault(line, f"sql_file: {declaration.sql_file!r} {what}"))
    return None


def _text_of(path: Path, name: str) -> str:
    """The query of a file, which stays within the project's folder."""
    wanted = (path.parent / name).resolve()
    if not wanted.is_relative_to(path.parent.resolve()):
        raise UnusableQuery(f"{name!r} lies outside of {path.parent.name}/. Move it there")
    return wanted.read_text(encoding="utf-8-sig")


def _unusable(path: Path, document: Document, title: str, line: int) -> DeclaredTab:
    faults = sorted(document.faults, key=lambda fault: fault.line)[:_MOST_FAULTS]
    return DeclaredTab(
        title, path.name, str(path), faults[0].line if faults else line, tuple(faults), begins=document.line
    )
