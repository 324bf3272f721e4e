"""Sources as documents declare them: one of its own each, or many in a file, which are judged one by one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sheets_pipeline.components.declared import DeclaredCredential, DeclaredSource
from sheets_pipeline.components.judged import judged
from sheets_pipeline.components.source_declaration import (
    OTHER_TYPES,
    SOURCE_TYPE,
    ListedSource,
    SourceDeclaration,
    unknown_list_key,
)
from sheets_pipeline.components.spreadsheet_declaration import CredentialDeclaration
from sheets_pipeline.components.yaml_nodes import Document, Fault, Place

#: More are not told at once.
MOST_FAULTS = 6


def is_of_source(path: Path, document: Document) -> bool:
    """Whether what is wrong in a document is wrong of a source."""
    value = document.value
    kind = value.get("type") if isinstance(value, dict) else None
    return kind == SOURCE_TYPE or (path.parent.name == "sources" and not str(kind).startswith("sheets_pipeline."))


def without_nulls(document: Document, place: Place, value: Any) -> Any:
    """The mapping without keys that say nothing (``range: null``), so that what is usual counts; none that are faults."""
    if isinstance(value, list):
        return [without_nulls(document, (*place, i), one) for i, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {
        name: without_nulls(document, (*place, name), one)
        for name, one in value.items()
        if one is not None or (*place, name) in document.failed
    }


def source_of(path: Path, document: Document, said: SourceDeclaration, faults: list[Fault]) -> DeclaredSource:
    """The source of a document of its own."""
    faults += _open_secrets(document, ("attributes",), said)
    return DeclaredSource(said.id, path.name, str(path), document.line, (), said.source, document.line, document.lines)


def unusable_source(path: Path, document: Document, name: str, line: int) -> DeclaredSource:
    """One that says why it cannot be used."""
    faults = sorted(document.faults, key=lambda fault: fault.line)[:MOST_FAULTS]
    first = faults[0].line if faults else line
    return DeclaredSource(name, path.name, str(path), first, tuple(faults), begins=document.line)


def is_list(document: Document) -> bool:
    """Whether it holds many sources, or one in their form."""
    value = document.value
    return isinstance(value, dict) and "attributes" not in value and ("sources" in value or _is_listed(value))


def _is_listed(value: Any) -> bool:
    return isinstance(value, dict) and (
        value.get("type") in ("spreadsheet", *OTHER_TYPES) or "spreadsheet_config" in value
    )


def listed_sources(path: Path, document: Document) -> Iterator[DeclaredSource]:
    """Each of many, and the file itself where something is wrong beside them."""
    value = document.value
    if "sources" not in value:
        yield from _listed(path, document, (), value, path.name)
        return
    wrong = [
        Fault(document.line_of((name,)), text)
        for name in value
        if name != "sources" and (text := unknown_list_key(name))
    ]
    sources = value["sources"]
    if not isinstance(sources, list):
        wrong.append(Fault(document.line_of(("sources",)), "sources: expected a list of sources"))
        sources = []
    starts = [document.line_of(("sources", i)) for i in range(len(sources))]
    ends = [*starts[1:], float("inf")][: len(starts)]
    beside = [
        fault
        for fault in document.faults
        if not any(start <= fault.line < end for start, end in zip(starts, ends, strict=True))
    ]
    if wrong or beside:
        yield _wrong(path, document, path.name, 1, [*wrong, *beside])
    for i, (one, start, end) in enumerate(zip(sources, starts, ends, strict=True)):
        own = [fault for fault in document.faults if start <= fault.line < end]
        yield from _listed(path, document, ("sources", i), one, f"{path.name}, source {i + 1}", own)


def _listed(
    path: Path, document: Document, place: Place, value: Any, otherwise: str, faults: list[Fault] | None = None
) -> Iterator[DeclaredSource]:
    faults = list(document.faults) if faults is None else faults
    line = document.line_of(place)
    if not isinstance(value, dict):
        faults = faults or [Fault(line, "expected a mapping with id, name, type and spreadsheet_config")]
        yield _wrong(path, document, otherwise, line, faults)
        return
    if value.get("type") in OTHER_TYPES:
        return
    name = value.get("id")
    name = name if isinstance(name, str) and name.strip() else otherwise
    said = judged(document, place, without_nulls(document, place, value), faults, ListedSource)
    if said is not None:
        faults += _open_secrets(document, place, said)
    if said is None or faults:
        yield _wrong(path, document, name, line, faults)
        return
    key_file = said.spreadsheet_config.credentials_path
    yield DeclaredSource(
        said.id, path.name, str(path), line, (), said.source, document.line, document.lines,
        _credential(path, document, key_file) if key_file else None,
    )  # fmt: skip


def _wrong(path: Path, document: Document, name: str, line: int, faults: list[Fault]) -> DeclaredSource:
    told = sorted(faults, key=lambda fault: fault.line)[:MOST_FAULTS]
    return DeclaredSource(name, path.name, str(path), told[0].line if told else line, tuple(told), begins=document.line)


def _credential(path: Path, document: Document, key_file: str) -> DeclaredCredential:
    """A key file of its own, from the working directory."""
    found = str(Path(key_file).expanduser().absolute())
    made = CredentialDeclaration.model_construct(name=key_file, key_file=found, key=None)
    return DeclaredCredential(made, document, path)


def _open_secrets(document: Document, place: Place, said: SourceDeclaration | ListedSource) -> Iterator[Fault]:
    for i, told in enumerate(said.on_change):
        where = (*place, "on_change", i, "secret")
        if told.secret is not None and where in document.lines.keys() - document.hidden:
            text = (
                "secret stands in the file itself, where whoever reads the project sees it. Write secret: {env: NAME}"
            )
            yield Fault(document.line_of(where), text)
