"""What a project folder (PROJECT_DIR) declares: ``tabs/*.yaml`` with their ``.sql``, ``sources/*.yaml``, one per document.

Plain Python: Dagster's definitions, the command line and the control API all load them here. What is wrong with one
declaration is said of it, with file and line, and the others load.
"""

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel

from sheets_pipeline.components.declared import (
    Declared,
    DeclaredCredential,
    DeclaredSource,
    DeclaredSpreadsheets,
    DeclaredTab,
    tab_of,
)
from sheets_pipeline.components.judged import judged
from sheets_pipeline.components.source_declaration import SOURCE_TYPE, SourceDeclaration
from sheets_pipeline.components.source_documents import (
    MOST_FAULTS,
    is_list,
    is_of_source,
    listed_sources,
    source_of,
    unusable_source,
    without_nulls,
)
from sheets_pipeline.components.spreadsheet_declaration import (
    CREDENTIAL_TYPE,
    SPREADSHEETS_TYPE,
    CredentialDeclaration,
    SpreadsheetsDeclaration,
)
from sheets_pipeline.components.tab_declaration import (
    TAB_TYPE,
    TabDeclaration,
    nearest,
)
from sheets_pipeline.components.yaml_nodes import Document, Fault, Place, read_documents
from sheets_pipeline.database.own_query import OwnQuery
from sheets_pipeline.database.query_text import Query, UnusableQuery, parse
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each

#: More than people write, and as much as is read within seconds.
_LARGEST_FILE = 1_000_000

#: What a document may declare.
MODELS: dict[str, type[BaseModel]] = {
    TAB_TYPE: TabDeclaration,
    SPREADSHEETS_TYPE: SpreadsheetsDeclaration,
    CREDENTIAL_TYPE: CredentialDeclaration,
    SOURCE_TYPE: SourceDeclaration,
}
#: What a document has to say, shown where it says nothing.
_NEEDS = {TAB_TYPE: "title, key and sql", SOURCE_TYPE: "id and url"}
#: What the declaration calls itself.
_NAMES = {TAB_TYPE: "title", SOURCE_TYPE: "id"}
_TITLE = re.compile(r"""^\s+title:\s*(["']?)([^"'#\n{}]+?)\1\s*(?:#.*)?$""", re.MULTILINE)


@dataclass(slots=True)
class Project:
    """All that a project declares; spreadsheets and credentials by name, those that cannot be used among the tabs."""

    tabs: list[DeclaredTab] = field(default_factory=list)
    spreadsheets: dict[str, DeclaredSpreadsheets] = field(default_factory=dict)
    credentials: dict[str, DeclaredCredential] = field(default_factory=dict)
    sources: list[DeclaredSource] = field(default_factory=list)


# Files -----------------------------------------------------------------------------------------------------------------


def declaration_files(folder: Path, kind: str = "tabs") -> list[Path]:
    """The files of a project's ``tabs/``, or ``sources/``, that hold declarations, by name."""
    found = [*(folder / kind).glob("*.yaml"), *(folder / kind).glob("*.yml")]
    return sorted(path for path in found if not path.name.startswith("."))


def tab_digests(folder: Path) -> dict[str, str]:
    """Name of each declaration, query and module of ``tabs/`` → digest of its text as it is on disk now."""
    beside = (path for kind in ("*.sql", "*.py") for path in sorted((folder / "tabs").rglob(kind)))
    return _digests(folder, [*declaration_files(folder), *beside])


def source_digests(folder: Path) -> dict[str, str]:
    """Name of each declaration of ``sources/``, with that folder → digest of its text as it is on disk now."""
    return _digests(folder, declaration_files(folder, "sources"))


def _digests(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    found = {}
    for path in paths:
        try:
            facts = path.stat()
            if stat.S_ISREG(facts.st_mode):
                name = path.relative_to(folder).as_posix().removeprefix("tabs/")
                found[name] = _digest(str(path), facts.st_mtime_ns, facts.st_size)
        except OSError:  # deleted meanwhile, or not ours to read: loading it tells
            continue
    return found


@lru_cache(maxsize=5000)
def _digest(path: str, _changed_at: int, _size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def project_of(folder: Path | None, others: Collection[Declared] = (), sources: Path | None = None) -> Project:
    """Every document of every file, in order; what refers to something that is not there cannot be used.

    Args:
        folder: Of the project; None where there is none.
        others: What Python code declares.
        sources: The folder whose ``sources/`` counts; that of the project where left out.
    """
    environment, found = _environment(), Project()
    for other in others:
        add(found, other)
    files = [] if folder is None else declaration_files(folder)
    in_sources = sources or folder
    files += [] if in_sources is None else declaration_files(in_sources, "sources")
    for path in files:
        for one in declared_in(path, environment):
            add(found, one)
    found.sources[:] = _ids_once([with_credential(one, found.credentials) for one in found.sources])
    for name, spreadsheets in list(found.spreadsheets.items()):
        if faults := list(_wrong_credentials(spreadsheets, found.credentials)):
            del found.spreadsheets[name]
            add(found, _faulty(spreadsheets, faults))
    found.tabs[:] = [
        one if (fault := _wrong_place(one, found)) is None else _with_fault(one, fault) for one in found.tabs
    ]
    return found


def add(project: Project, one: Declared) -> None:
    """Put a declaration where it belongs; of two with one name the second cannot be used."""
    if isinstance(one, DeclaredTab):
        project.tabs.append(one)
        return
    if isinstance(one, DeclaredSource):
        project.sources.append(one)
        return
    known: dict[str, Any] = project.spreadsheets if isinstance(one, DeclaredSpreadsheets) else project.credentials
    name = one.declaration.name
    if name in known and known[name] != one:
        line, where = (
            one.document.line_of(("attributes", "name")),
            f"{known[name].path.name}, line {known[name].document.line}",
        )
        add(project, _faulty(one, [Fault(line, f"the name {name!r} is declared in {where} already. Give it another")]))
    else:
        known[name] = one


def _ids_once(sources: list[DeclaredSource]) -> Iterator[DeclaredSource]:
    """Of two sources with one id the second cannot be used."""
    first: dict[str, DeclaredSource] = {}
    for one in sources:
        if (there := first.setdefault(one.id, one)) is one:
            yield one
            continue
        fault = Fault(
            one.line, f"the id {one.id!r} is declared in {there.file}, line {there.line} already. Give it another"
        )
        faults = one.faults or (fault,)
        yield replace(one, id=f"{one.id} ({one.file}, line {one.line})", faults=faults, source=None)


def with_credential(one: DeclaredSource, credentials: Mapping[str, DeclaredCredential]) -> DeclaredSource:
    """The source; one that cannot be used where it names a credential that there is not."""
    if one.source is None or one.credential is not None or one.source.credential in (DEFAULT, *credentials):
        return one
    name = one.source.credential
    text = f"there is no credential {name!r}{nearest(name, [DEFAULT, *credentials])}"
    return replace(one, faults=(Fault(one.line, text),), source=None)


def _wrong_credentials(
    spreadsheets: DeclaredSpreadsheets, credentials: Mapping[str, DeclaredCredential]
) -> Iterator[Fault]:
    said = spreadsheets.declaration
    named: list[tuple[Place, str | None]] = [(("credential",), said.credential)]
    named += [(("list", i, "credential"), one.credential) for i, one in enumerate(said.list or ())]
    for place, name in named:
        if name is not None and name not in (DEFAULT, *credentials):
            text = f"there is no credential {name!r}{nearest(name, [DEFAULT, *credentials])}"
            yield Fault(spreadsheets.document.line_of(("attributes", *place)), text)


def _wrong_place(declared: DeclaredTab, project: Project) -> Fault | None:
    """Why the spreadsheet that a tab names cannot be where it stands."""
    if declared.tab is None or (place := declared.tab.spreadsheet) == DEFAULT:
        return None
    name = place.spreadsheets if isinstance(place, Each) else place
    if (found := project.spreadsheets.get(name)) is None:
        what = "list of spreadsheets" if isinstance(place, Each) else "spreadsheet"
        text = f"spreadsheet: there is no {what} {name!r}{nearest(name, [DEFAULT, *project.spreadsheets])}"
        if "/d/" in name:
            text = (
                "spreadsheet is an address; expected a name. Give the address one: type: sheets_pipeline.Spreadsheets"
            )
    elif found.declaration.is_single and isinstance(place, Each):
        text = f"spreadsheet: {name!r} is a single spreadsheet. Write spreadsheet: {name}"
    elif not found.declaration.is_single and not isinstance(place, Each):
        text = f"spreadsheet: {name!r} is a list. Write spreadsheet: {{each: {name}, by: COLUMN}}"
    else:
        return None
    return Fault(declared.line_of(("spreadsheet",)), text)


def _with_fault(declared: DeclaredTab, fault: Fault) -> DeclaredTab:
    return replace(declared, faults=(fault,), tab=None, query=None, declaration=None, line=fault.line)


def _faulty(one: DeclaredSpreadsheets | DeclaredCredential, faults: list[Fault]) -> DeclaredTab | DeclaredSource:
    one.document.faults = faults
    return _unusable(one.path, one.document, one.declaration.name, one.document.line)


def _environment() -> dict[str, str]:
    """Variables of the environment, and of ``.env`` where the environment has none."""
    return {name: value for name, value in dotenv_values(".env").items() if value is not None} | dict(os.environ)


def declared_in(
    path: Path, environment: Mapping[str, str] | None = None, others: Collection[str] = ()
) -> Iterator[Declared]:
    """The declarations of one file.

    Args:
        path: Of the file.
        environment: What variables stand for; this process's, with ``.env``, where left out.
        others: Keys that may stand beside ``type`` and ``attributes``, as somebody else reads them.
    """
    try:
        text = _read(path)
    except (OSError, UnicodeDecodeError) as error:
        yield _unusable(path, Document(1, faults=[Fault(1, f"it {_why_unread(error)}")]), path.name, 1)
        return
    documents = list(read_documents(text, _environment() if environment is None else environment))
    documents = [one for one in documents if one.value is not None or one.faults]
    if not documents:
        yield _unusable(
            path, Document(1, faults=[Fault(1, "the file is empty. Declare a tab, or delete it")]), path.name, 1
        )
    titles = _TITLE.findall(text)
    for number, document in enumerate(documents, 1):
        if is_list(document):
            yield from listed_sources(path, document)
            continue
        name = path.name if len(documents) == 1 else f"{path.name}, document {number}"
        title = titles[0][1] if len(titles) == len(documents) == 1 else name
        yield _declared(path, document, title, others)


def _declared(path: Path, document: Document, otherwise: str, others: Collection[str]) -> Declared:
    faults = list(document.faults)
    title = otherwise
    declaration: BaseModel | None = None
    attributes = _attributes(document, faults, others)
    if attributes is not None:
        kind = document.value["type"]
        found = attributes.get(_NAMES.get(kind, "name"))
        title = found if isinstance(found, str) and len(found.strip()) > 0 else otherwise
        attributes = without_nulls(document, ("attributes",), attributes) if kind == SOURCE_TYPE else attributes
        declaration = judged(document, ("attributes",), attributes, faults, MODELS[kind])
    declared: Declared | None = None
    if declaration is not None and not faults:
        declared = _made(path, document, declaration, faults)
    if declared is None or faults:
        document.faults = faults
        return _unusable(path, document, title, document.line)
    return declared


def _made(path: Path, document: Document, said: BaseModel, faults: list[Fault]) -> Declared | None:
    if isinstance(said, CredentialDeclaration):
        if said.key is not None and ("attributes", "key") in document.lines.keys() - document.hidden:
            text = "key stands in the file itself, where whoever reads the project sees it. Write key: {env: NAME}"
            faults.append(Fault(document.line_of(("attributes", "key")), text))
        return DeclaredCredential(said, document, path)
    if isinstance(said, SpreadsheetsDeclaration):
        parsed = _query_text(path, document, said, 1, faults) if said.sql or said.sql_file else None
        return DeclaredSpreadsheets(said, document, path, parsed.all_rows if parsed else None)
    if isinstance(said, SourceDeclaration):
        return source_of(path, document, said, faults)
    if not isinstance(said, TabDeclaration):
        raise TypeError(type(said).__name__)
    query, line = _query(path, document, said, faults), document.line
    if query is None:
        return None
    return DeclaredTab(said.title, path.name, str(path), line, (), tab_of(said), query, said, line, document.lines)


def from_declaration(path: Path, said: BaseModel, line: int = 1) -> Declared:
    """The same of a declaration that Python code in this file has made."""
    document, faults = Document(line), list[Fault]()
    declared = _made(path, document, said, faults)
    if declared is None or faults:
        document.faults = faults
        name = next((name for name in ("title", "id", "name") if hasattr(said, name)), "")
        return _unusable(path, document, str(getattr(said, name, path.name)), line)
    return declared


def declared_by(module: ModuleType, path: Path) -> Iterator[Declared]:
    """What a module holds under names of its own: ``COURSES = Spreadsheets(name="courses", ...)``; tabs and credentials, too."""
    text = path.read_text(encoding="utf-8", errors="replace")
    for name, value in vars(module).items():
        made_here = re.search(
            rf"^{re.escape(name)}\b[^=\n]*=", text, re.MULTILINE
        )  # and not imported from another module
        if made_here and isinstance(value, BaseModel) and isinstance(value, tuple(MODELS.values())):
            yield from_declaration(path, value, text.count("\n", 0, made_here.start()) + 1)


def _attributes(document: Document, faults: list[Fault], others: Collection[str]) -> dict[str, Any] | None:
    """What stands under ``attributes`` of a document."""
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
    if not _is_known(document, value.get("type"), faults):
        return None
    attributes = value.get("attributes")
    if not isinstance(attributes, dict):
        line = document.line_of(("attributes",))
        found = "nothing" if attributes is None else "a list" if isinstance(attributes, list) else "a text or a number"
        expected = _NEEDS.get(value["type"], "name")
        faults.append(Fault(line, f"attributes: expected a mapping with {expected}, found {found}"))
        return None
    return attributes


def _is_known(document: Document, kind: object, faults: list[Fault]) -> bool:
    line = document.line_of(("type",))
    if isinstance(kind, str) and kind in MODELS:
        return True
    if kind is None:
        faults.append(Fault(line, f"type is missing. Write type: {TAB_TYPE}"))
    else:
        shown = repr(kind) if isinstance(kind, str) and ("type",) not in document.hidden else "something else"
        faults.append(Fault(line, f"type is {shown}; expected {', '.join(MODELS)}"))
    return False


def _query(path: Path, document: Document, declaration: TabDeclaration, faults: list[Fault]) -> OwnQuery | None:
    query = _query_text(path, document, declaration, len(declaration.key), faults)
    return None if query is None else OwnQuery(declaration.title, query, tuple(declaration.key))


def _query_text(
    path: Path,
    document: Document,
    declaration: TabDeclaration | SpreadsheetsDeclaration,
    key_columns: int,
    faults: list[Fault],
) -> Query | None:
    name = "sql" if declaration.sql is not None else "sql_file"
    line = document.line_of(("attributes", name))
    try:
        text = declaration.sql if declaration.sql is not None else _text_of(path, str(declaration.sql_file))
        return parse(text, key_columns)
    except UnusableQuery as error:
        where = f"{declaration.sql_file}, line {error.line + 1}: " if name == "sql_file" else ""
        faults.append(Fault(line, f"{name}: {where}{error}"))
    except FileNotFoundError:
        faults.append(Fault(line, f"sql_file: there is no file {declaration.sql_file!r} beside {path.name}"))
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(line, f"sql_file: {declaration.sql_file!r} {_why_unread(error)}"))
    return None


def _text_of(path: Path, name: str) -> str:
    """The query of a file, which stays within the project's folder."""
    wanted = (path.parent / name).resolve()
    if not wanted.is_relative_to(path.parent.resolve()):
        raise UnusableQuery(f"{name!r} lies outside of {path.parent.name}/. Move it there")
    return _read(wanted)


def _read(path: Path) -> str:
    """The text of a file; of a pipe one would wait for ever."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(0, "it is no file" if not stat.S_ISDIR(facts.st_mode) else "it is a folder")
    if facts.st_size > _LARGEST_FILE:
        raise OSError(0, f"it has {facts.st_size:,} bytes, expected at most {_LARGEST_FILE:,}; split it")
    return path.read_text(encoding="utf-8-sig")


def _why_unread(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8. Save it so"
    return f"cannot be read ({error.strerror})"


def _unusable(path: Path, document: Document, title: str, line: int) -> DeclaredTab | DeclaredSource:
    if is_of_source(path, document):
        return unusable_source(path, document, title, line)
    faults = sorted(document.faults, key=lambda fault: fault.line)[:MOST_FAULTS]
    return DeclaredTab(
        title, path.name, str(path), faults[0].line if faults else line, tuple(faults), begins=document.line
    )


def sources_in(path: Path, credentials: Mapping[str, DeclaredCredential]) -> list[DeclaredSource]:
    """The sources of any file, whatever is wrong with the file among them.

    Args:
        path: Of the file.
        credentials: Those that sources may name.
    """
    found = Project(credentials=dict(credentials))
    for one in declared_in(path):
        add(found, one)
    broken = [
        DeclaredSource(one.title, one.file, one.path, one.line, one.faults, begins=one.begins)
        for one in found.tabs
        if one.faults
    ]
    return list(_ids_once([*broken, *(with_credential(one, found.credentials) for one in found.sources)]))
