"""Which sources somebody means: those of the project, or of a file or folder; all that are on, or some by their ids."""

from collections.abc import Collection, Sequence
from pathlib import Path

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.components.project import project_of, sources_in
from sheets_pipeline.components.tab_asset import declared_credentials, declared_sources
from sheets_pipeline.components.tab_declaration import nearest
from sheets_pipeline.errors import UnknownSource


def sources_of(config: Path | str | None = None) -> list[DeclaredSource]:
    """All sources of a file, of a folder with ``sources/``, or of the project; those that cannot be used among them."""
    if config is None:
        return declared_sources()
    path = Path(config)
    if path.is_dir() and path.resolve().name == "sources" and not (path / "sources").is_dir():
        path = path.resolve().parent  # the folder of sources itself was named
    return project_of(path).sources if path.is_dir() else sources_in(path, declared_credentials())


def chosen(sources: Sequence[DeclaredSource], ids: Collection[str] = ()) -> list[DeclaredSource]:
    """Those with these ids, in their order; where none is named, all that are not switched off.

    Raises:
        UnknownSource: There is none with such an id.
    """
    if not ids:
        return [one for one in sources if one.source is None or one.source.enabled]
    by_id = {one.id: one for one in sources}
    for wanted in ids:
        if wanted not in by_id:
            raise UnknownSource(f"There is no source {wanted!r}{nearest(wanted, [*by_id])}")
    return [by_id[wanted] for wanted in dict.fromkeys(ids)]


def the_source(sources: Sequence[DeclaredSource], wanted: str) -> DeclaredSource:
    """The one with this id.

    Raises:
        UnknownSource: There is none.
    """
    return chosen(sources, [wanted])[0]
