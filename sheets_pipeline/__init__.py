"""Keeps Google Sheets tabs in step with a SQL database, as a Dagster project."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sheets_pipeline.components.tab import Credential, Spreadsheets, Tab

#: What YAML names: ``type: sheets_pipeline.Tab``.
__all__ = ["Credential", "Spreadsheets", "Tab"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: applications import the middleware, which must bring no Dagster along."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    import_module("sheets_pipeline.defs.checks")  # the checks of tabs' assets
    return getattr(import_module("sheets_pipeline.components.tab"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
