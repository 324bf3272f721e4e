"""What every materialization carries: numbers that the UI draws over time, a link to the tab, keys of rows to look at.

Values of cells (a preview, old and new values) only where the tab's declaration lets them be stored (``log_values``).
"""

from typing import Any

import dagster as dg
import pandas as pd

from sheets_pipeline.sync.drift import Drift
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.values import shown

_PREVIEW_ROWS = 10
_PREVIEW_CHARACTERS = 80
_LISTED = 50


def report_metadata(report: SyncReport, frame: pd.DataFrame | None = None, *, values: bool = False) -> dict[str, Any]:
    """A sync's report as metadata of a materialization; with ``values`` those of cells, too."""
    numbers = report.numbers.as_dict()
    metadata: dict[str, Any] = {
        "sync": report.kind,
        "dagster/row_count": numbers.pop("rows"),
        **numbers,
        "tab": dg.MetadataValue.url(report.url) if report.url else report.tab,
    }
    if report.kind == "full":
        metadata |= _whole_tab(report, values)
    if report.archives:
        metadata |= _archives(report)
    if report.set_aside:
        metadata["set_aside_rows"] = [f"{row.key}: {row.reason}" for row in report.set_aside[:_LISTED]]
    if report.doubled_keys:
        metadata["doubled_keys"] = dict(list(report.doubled_keys.items())[:_LISTED])
    if report.foreign_keys:
        metadata["rows_of_people"] = len(report.foreign_keys)
    for name in (
        "kept_as_text",
        "keyless_rows",
        "stray_rows",
        "added_columns",
        "retitled_columns",
        "released_columns",
        "renamed_columns",
    ):
        if value := getattr(report, name):
            metadata[name] = value[:_LISTED] if isinstance(value, list) else value
    if report.sample:
        metadata["changes"] = _changes(report, values)
    if values and frame is not None and len(frame):
        metadata["preview"] = _preview(frame)
    return metadata


def _whole_tab(report: SyncReport, values: bool) -> dict[str, Any]:
    """What only a sync that read the whole tab can tell; the asset checks live on it."""
    metadata: dict[str, Any] = {
        "rows_in_database": report.rows_in_database,
        "rows_in_tab": report.rows_in_tab,
        "grid_cells": report.grid_cells,
        "spreadsheet_cells": report.spreadsheet_cells,
        "spreadsheet_tabs": report.spreadsheet_tabs,
        "created": report.created,
        "returned_rows": report.returned_rows,
    }
    if report.long_texts:
        metadata["long_texts"] = report.long_texts
    if report.drift is not None:
        metadata |= {"drift_cells": report.drift.cells, "drift_rows": report.drift.rows}
        if report.drift.sample:
            metadata["drift"] = _drift(report.drift, values)
        if report.drift.missing_keys:
            metadata["drift_deleted_rows"] = report.drift.missing_keys
    return metadata


def _archives(report: SyncReport) -> dict[str, Any]:
    """Rows and links of the archive tabs, newest first."""
    links = [f"- [{title}]({url}): {rows:,} rows" for title, (rows, url) in reversed(report.archives.items())]
    return {
        "archived_rows": sum(rows for rows, _ in report.archives.values()),
        "moved_rows": report.moved_rows,
        "archive_tabs": dg.MetadataValue.md("\n".join(links)),
    }


def _drift(drift: Drift, values: bool) -> dg.TableMetadataValue:
    records = []
    for cell in drift.sample:
        place = {"row": str(cell.row_number), "key": cell.key, "column": cell.column}
        seen = {"written": _short(cell.written), "found": _short(cell.found)} if values else {}
        records.append(dg.TableRecord(place | seen))
    return dg.MetadataValue.table(records)


def _preview(frame: pd.DataFrame) -> dg.TableMetadataValue:
    names = [str(name) for name in frame.columns]
    records = [
        dg.TableRecord({name: _short(value) for name, value in zip(names, row, strict=True)})
        for row in frame.head(_PREVIEW_ROWS).itertuples(index=False, name=None)
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, type="string") for name in names])
    return dg.MetadataValue.table(records, schema)


def _changes(report: SyncReport, values: bool) -> dg.TableMetadataValue:
    """The first changes of each kind: which rows and columns, and with ``values`` what stood and stands there."""
    records = []
    for kind, row, key, column, old, new in report.sample:
        place = {"change": kind, "row": "" if row is None else str(row), "key": key, "column": column}
        seen = {"old": _short(old), "new": _short(new) if kind == "update" else ""} if values else {}
        records.append(dg.TableRecord(place | seen))
    return dg.MetadataValue.table(records)


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= _PREVIEW_CHARACTERS else text[: _PREVIEW_CHARACTERS - 1] + "…"
