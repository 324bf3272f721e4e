"""Spreadsheets of other people, read into a store: typed tables, versioned by their content."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sheets_pipeline.sources.api import AsyncSources, Sources, Table

#: ``from sheets_pipeline.sources import Sources``: see docs/use/sources-in-python.md.
__all__ = ["AsyncSources", "Sources", "Table"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: modules of this room are loaded by others, which need no more than a word of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("sheets_pipeline.sources.api"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
