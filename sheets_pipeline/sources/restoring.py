"""A version of a source put back into a tab of ours, by the writer that keeps tabs: only what differs is sent, within its guards."""

from collections import Counter
from collections.abc import Callable, Sequence

import pandas as pd

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sheets.protocol import Allowance, Writer
from sheets_pipeline.sources.content import Cell
from sheets_pipeline.sources.into_columns import as_text
from sheets_pipeline.sources.store import SourceStore, Version
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.source import CellType
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

#: The column that tells rows apart where no key is declared: the number of the row in the version, from 1.
ROW_NUMBER = "row_number"

_TYPES = {
    CellType.INTEGER: ColumnType.INTEGER,
    CellType.DECIMAL: ColumnType.DECIMAL,
    CellType.BOOLEAN: ColumnType.BOOLEAN,
    CellType.DATE: ColumnType.DATE,
    CellType.DATETIME: ColumnType.DATETIME,
}


def restore(
    writer_of: Callable[[Tab], Writer],
    store: SourceStore,
    version: Version,
    title: str,
    key: Sequence[str] = (),
    allowance: Allowance | None = None,
) -> SyncReport:
    """Make a tab hold the rows of a version.

    Args:
        writer_of: Makes the writer of a tab, such as ``pipeline.at(spreadsheet).writer``.
        store: What keeps the version.
        version: The one to put back.
        title: The tab's; it is made where it is not there. No declared one, whose own sync would write over it.
        key: The columns that tell rows apart; without any the number of the row does, in a column of its own.
        allowance: Whether nothing is sent (``dry_run``), and how many rows may be deleted.

    Raises:
        SourceProblem: The tab is a declared one, or a column of the key is none of the version's.
        SheetsPipelineError: As with any sync of a tab.
    """
    if title in {asset.tab.title for asset in tab_assets().values()}:
        raise SourceProblem(
            version.source, f"the tab {title!r} is a declared one. Give the restored rows another title."
        )
    names = [column.name for column in version.columns]
    if missing := [name for name in key if name not in names]:
        raise SourceProblem(
            version.source, f"its key names {', '.join(missing)}; version {version.number} has {', '.join(names)}."
        )
    writer = writer_of(_tab(version, title, tuple(key)))
    computed_at = writer.memory.now()
    return writer.full_sync(_frame(store, version, writer.tab), computed_at=computed_at, allowance=allowance)


def _tab(version: Version, title: str, key: tuple[str, ...]) -> Tab:
    """A declaration with the version's columns; a header that is blank or stands there twice gives way to the name."""
    counts = Counter(column.header.strip() for column in version.columns)
    columns = [
        Column(
            column.name,
            _TYPES.get(column.type, ColumnType.TEXT),
            column.header if column.header.strip() and counts[column.header.strip()] == 1 else column.name,
        )
        for column in version.columns
    ]
    if not key:
        columns.insert(0, Column(ROW_NUMBER, ColumnType.INTEGER))
    return Tab(title, key or (ROW_NUMBER,), tuple(columns))


def _frame(store: SourceStore, version: Version, tab: Tab) -> pd.DataFrame:
    texts = [column.type not in _TYPES for column in version.columns]
    rows = [
        [_shown(cell, as_it_is=not is_text) for cell, is_text in zip(row, texts, strict=True)]
        for row in store.rows(version)
    ]
    if tab.key == (ROW_NUMBER,):
        rows = [[number, *row] for number, row in enumerate(rows, start=1)]
    return pd.DataFrame(rows, columns=[column.name for column in tab.columns], dtype=object)


def _shown(cell: Cell, *, as_it_is: bool) -> Cell:
    return cell if as_it_is or cell is None else as_text(cell)
