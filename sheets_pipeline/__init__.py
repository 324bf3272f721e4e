"""Keeps Google Sheets tabs in step with a SQL database, as a Dagster project."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sheets_pipeline.components.tab import Tab

#: What YAML names: ``type: sheets_pipeline.Tab``.
__all__ = ["Tab"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: applications import the middleware, which must bring no Dagster along."""
    if name != "Tab":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from sheets_pipeline.components.tab import Tab

    import_module("sheets_pipeline.defs.checks")  # the checks of its assets

    return Tab


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
