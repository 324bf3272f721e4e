"""What every materialization carries: numbers that the UI draws over time, a link to the tab, keys of rows to look at.

Values of cells (a preview, old and new values), and keys that are texts, only where the tab's declaration lets them be stored
(``allow_values_in_event_log``).
"""

from typing import Any

import dagster as dg
import pandas as pd

from sheets_pipeline.sync.drift import Drift
from sheets_pipeline.sync.privacy import NOT_SHOWN, shown_key
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.values import shown

_PREVIEW_ROWS = 10
_PREVIEW_CHARACTERS = 80
_LISTED = 50


def report_metadata(tab: Tab, report: SyncReport, frame: pd.DataFrame | None = None) -> dict[str, Any]:
    """A sync's report as metadata of a materialization."""
    values = tab.allow_values_in_event_log
    numbers = report.numbers.as_dict()
    metadata: dict[str, Any] = {
        "sync": report.kind,
        "dagster/row_count": numbers.pop("rows"),
        **numbers,
        "tab": dg.MetadataValue.url(report.url) if report.url else report.tab,
    }
    if report.kind == "full":
        metadata |= _whole_tab(tab, report)
    if report.archives:
        metadata |= _archives(report)
    if report.set_aside:
        metadata["set_aside_rows"] = [
            f"{key_in(tab, report, row.key)}: {row.reason}" for row in report.set_aside[:_LISTED]
        ]
    if report.doubled_keys:
        listed = list(report.doubled_keys.items())[:_LISTED]
        metadata["doubled_keys"] = {key_in(tab, report, key, i): rows for i, (key, rows) in enumerate(listed, start=1)}
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
        metadata["changes"] = _changes(tab, report)
    if values and frame is not None and len(frame):
        metadata["preview"] = _preview(frame)
    return metadata


def key_in(tab: Tab, report: SyncReport, key: str, number: int | None = None) -> str:
    """A row's key as it may stand in Dagster's event log; ``number`` tells those apart that are not shown."""
    shown = shown_key(tab, key, {name: kind for name, (_, kind) in report.columns.items()})
    return shown if shown is not None else NOT_SHOWN if number is None else f"{number} {NOT_SHOWN}"


def _whole_tab(tab: Tab, report: SyncReport) -> dict[str, Any]:
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
            metadata["drift"] = _drift(tab, report, report.drift)
        if report.drift.missing_keys:
            metadata["drift_deleted_rows"] = [key_in(tab, report, key) for key in report.drift.missing_keys]
    return metadata


def _archives(report: SyncReport) -> dict[str, Any]:
    """Rows and links of the archive tabs, newest first."""
    links = [f"- [{title}]({url}): {rows:,} rows" for title, (rows, url) in reversed(report.archives.items())]
    return {
        "archived_rows": sum(rows for rows, _ in report.archives.values()),
        "moved_rows": report.moved_rows,
        "archive_tabs": dg.MetadataValue.md("\n".join(links)),
    }


def _drift(tab: Tab, report: SyncReport, drift: Drift) -> dg.TableMetadataValue:
    records = []
    for cell in drift.sample:
        place = {"row": str(cell.row_number), "key": key_in(tab, report, cell.key), "column": cell.column}
        is_allowed = tab.allow_values_in_event_log
        seen = {"written": _short(cell.written), "found": _short(cell.found)} if is_allowed else {}
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


def _changes(tab: Tab, report: SyncReport) -> dg.TableMetadataValue:
    """The first changes of each kind: which rows and columns, and where it is allowed what stood and stands there."""
    values = tab.allow_values_in_event_log
    records = []
    for kind, row, key, column, old, new in report.sample:
        place = {"change": kind, "row": "" if row is None else str(row), "column": column}
        place["key"] = key_in(tab, report, key)
        seen = {"old": _short(old), "new": _short(new) if kind == "update" else ""} if values else {}
        records.append(dg.TableRecord(place | seen))
    return dg.MetadataValue.table(records)


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= _PREVIEW_CHARACTERS else text[: _PREVIEW_CHARACTERS - 1] + "…"
