"""``@tab_asset``: turns a query and a tab's declaration into an asset whose rows are kept in that tab."""

import importlib
import pkgutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.defs.covered_events import FAILED_BEFORE, failed_before
from sheets_pipeline.defs.failures import explained, wait_before_retry
from sheets_pipeline.sync.tab import ColumnType, Tab
from sheets_pipeline.wiring import pipeline

#: Gives all rows of a tab (ids is None), or the rows of the given keys.
Compute = Callable[[sa.Connection, Collection[Any] | None], pd.DataFrame]

#: Attribute of a frame: the store's time from before it was computed.
COMPUTED_AT = "sheets_pipeline.computed_at"

GROUP = "google_sheets"


@dataclass(frozen=True, slots=True)
class TabAsset:
    """A tab, its asset and the query that gives its rows."""

    tab: Tab
    asset: dg.AssetsDefinition
    compute: Compute

    @property
    def key(self) -> dg.AssetKey:
        """The asset's key."""
        return self.asset.key


_BY_KEY: dict[dg.AssetKey, TabAsset] = {}


def tab_asset(tab: Tab) -> Callable[[Compute], dg.AssetsDefinition]:
    """Make an asset of a function ``(connection, ids) -> DataFrame``; its docstring is the asset's description."""

    def decorate(compute: Compute) -> dg.AssetsDefinition:
        @dg.asset(
            name=compute.__name__,
            description=compute.__doc__,
            io_manager_key="sheets_io_manager",
            group_name=GROUP,
            kinds={"googlesheets", "sql"},
            pool=f"tab_{tab.title}",
            metadata={"tab": tab.title, "key": list(tab.key), "dagster/column_schema": _column_schema(tab)},
        )
        def asset(context: dg.AssetExecutionContext) -> pd.DataFrame:
            from sheets_pipeline.defs.preflight import take_frame  # it needs all tabs, this module makes one

            wait_before_retry(context)
            with explained(context.instance, context.run.run_id):
                return take_frame(context)

        _BY_KEY[asset.key] = TabAsset(tab, asset, compute)
        return asset

    return decorate


def compute_all(tab: Tab, compute: Compute) -> pd.DataFrame:
    """All rows of a tab, stamped with the time from before they were computed."""
    open_pipeline = pipeline()
    failed = failed_before(open_pipeline, tab)
    computed_at = open_pipeline.writer(tab).memory.now()
    with open_pipeline.source.connect() as connection:
        frame = compute(connection, None)
    frame.attrs[COMPUTED_AT] = computed_at
    frame.attrs[FAILED_BEFORE] = failed
    return frame


def tab_assets() -> dict[dg.AssetKey, TabAsset]:
    """All declared tabs, by the key of their asset: one per module in ``defs/tabs/``."""
    package = importlib.import_module("sheets_pipeline.defs.tabs")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(_BY_KEY)


_DAGSTER_TYPES = {
    ColumnType.TEXT: "string",
    ColumnType.INTEGER: "int",
    ColumnType.DECIMAL: "float",
    ColumnType.PERCENT: "float",
    ColumnType.BOOLEAN: "bool",
    ColumnType.DATE: "date",
    ColumnType.DATETIME: "timestamp",
    ColumnType.JSON: "json",
}


def _column_schema(tab: Tab) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=_DAGSTER_TYPES[column.type],
                description=None if column.header == column.name else f"Header {column.header!r}",
                constraints=dg.TableColumnConstraints(unique=tab.key == (column.name,)),
            )
            for column in tab.columns
        ]
    )
