"""Which tab a row of an ever growing table belongs to: the main tab, or the archive tab of its month.

The home of a row follows from its moment and one stored boundary alone: rows from the boundary on live in the main tab,
earlier ones in the archive tab of their month. Months are counted in UTC, so that a home never depends on a setting.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from sheets_pipeline.sync.guards import MAX_SPREADSHEET_CELLS, MAX_TABS
from sheets_pipeline.sync.headers import header_texts
from sheets_pipeline.sync.plan import SPARE_COLUMNS, rows_to_have
from sheets_pipeline.sync.snapshot import TabSnapshot
from sheets_pipeline.sync.tab import Tab

#: Archive tabs stand behind all others, the newest first.
_AFTER_ALL_TABS = 1_000_000

#: Share of Google's limits up to which archives are filled the first time; the rest is room to grow.
FILL_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a tab is parted.

    Rows from ``since`` on live in the main tab (None: not parted yet). While rows are being moved, ``moving_to`` is
    what ``since`` will be. While archive tabs are being filled, they are complete from the month ``filled_from`` on
    (None: all are). Rows before the month ``kept_from`` have no archive tab (None: all have).
    """

    since: datetime | None = None
    moving_to: datetime | None = None
    filled_from: datetime | None = None
    kept_from: datetime | None = None


def month_of(moment: datetime) -> datetime:
    """The first moment of a moment's month, in UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """The first moment of the month after."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def archive_tab(tab: Tab, month: datetime) -> Tab:
    """The archive tab of a month: the main tab's declaration under the title ``Orders 2026-10``."""
    title = f"{tab.title} {month:%Y-%m}"
    return replace(tab, title=title, archive=None, position=_AFTER_ALL_TABS - 12 * month.year - month.month)


def title_in_family(tab: Tab, title: str) -> bool:
    """Whether a title is that of the tab or of one of its archive tabs."""
    if tab.archive is None or title == tab.title:
        return title == tab.title
    return re.fullmatch(re.escape(tab.title) + r" \d{4}-\d{2}", title) is not None


def home(moment: datetime, since: datetime | None) -> datetime | None:
    """None for the main tab, else the month whose archive tab the row belongs to."""
    return None if since is None or moment >= since else month_of(moment)


def next_boundary(moments: Collection[datetime], max_rows: int) -> datetime | None:
    """Where to part the main tab, None while it is not over ``max_rows``.

    Whole months go, as many as it takes. Where that would leave less than a quarter of ``max_rows``, the newest half of
    ``max_rows`` stays instead, so that the tab never looks nearly empty. Rows of one moment stay together.
    """
    if len(moments) <= max_rows:
        return None
    newest = sorted(moments, reverse=True)
    start = next_month(month_of(newest[max_rows]))
    if newest[max(max_rows // 4, 1) - 1] >= start:
        return start
    cut = newest[max(max_rows // 2, 1) - 1]
    return cut if cut > newest[-1] else None


class Part(NamedTuple):
    """A month of the past: its first moment, and how many rows go to its archive tab."""

    month: datetime
    rows: int


def first_kept_month(tab: Tab, months: Collection[Part], cells_now: int, tabs_now: int) -> datetime | None:
    """The oldest month whose archive still fits when they are filled from the newest on; None where none does."""
    kept: datetime | None = None
    cells, tabs = cells_now, tabs_now
    for month, rows in sorted(months, reverse=True):
        cells, tabs = cells + archive_cells(tab, rows), tabs + 1
        if cells > MAX_SPREADSHEET_CELLS * FILL_SHARE or tabs > MAX_TABS * FILL_SHARE:
            break
        kept = month
    return kept


def archive_cells(tab: Tab, rows: int) -> int:
    """Cells of the grid of an archive tab with so many rows."""
    return rows_to_have(rows + 1) * (len(tab.columns) + SPARE_COLUMNS)


class ColumnRun(NamedTuple):
    """Neighbouring columns that stay neighbours: 0-based place in the one tab, in the other, and how many."""

    source: int
    target: int
    length: int


class ColumnMap(NamedTuple):
    """Where each column of the one tab goes in the other; ``new_headers`` are to be added there (index → source)."""

    runs: list[ColumnRun]
    new_headers: dict[int, int]
    width: int


def map_columns(
    source: TabSnapshot, source_layout: Mapping[str, int], target: TabSnapshot, target_layout: Mapping[str, int]
) -> ColumnMap:
    """Our columns go to ours, people's to the ones with the same header, the others to a free place.

    Columns without header and content that have no such place in the other tab are left out.
    """
    texts, target_texts = header_texts(source), header_texts(target)
    used = set(target_layout.values())
    to = {source_layout[name]: place for name, place in target_layout.items()}
    for column, text in enumerate(texts):
        if column not in to and text and text in target_texts and (place := target_texts.index(text)) not in used:
            to[column] = place
            used.add(place)
    new_headers: dict[int, int] = {}
    width = max(target.column_count, len(target.columns))
    for column in range(source.column_count):
        if column in to:
            continue
        holds = _holds(source, column)
        place = column if column not in used and not _holds(target, column) else -1
        if place < 0 or (place >= width and not holds):
            if not holds:
                continue
            place = next(
                i for i in range(len(target_texts), len(target_texts) + source.column_count + 1) if i not in used
            )
        to[column] = place
        used.add(place)
        if column < len(texts) and texts[column]:
            new_headers[place] = column
    runs: list[ColumnRun] = []
    for column in sorted(to):
        last = runs[-1] if runs else None
        if last and column == last.source + last.length and to[column] == last.target + last.length:
            runs[-1] = last._replace(length=last.length + 1)
        else:
            runs.append(ColumnRun(column, to[column], 1))
    return ColumnMap(runs, new_headers, max([width, *(run.target + run.length for run in runs)]))


def _holds(snapshot: TabSnapshot, column: int) -> bool:
    return column < len(snapshot.columns) and any(cell not in (None, "") for cell in snapshot.columns[column])
