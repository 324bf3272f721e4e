"""The writer of a tab that grows for ever: the main tab holds the newest rows, archive tabs hold a month each.

It is used like ``TabWriter``. A sync costs by the rows of the main tab, however many there are in all: archive tabs are
read and written only when events concern their rows, when rows move there, and once when they are first filled.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import pandas as pd

from sheets_pipeline.errors import LimitExceeded, RequestRejected
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.archive import RowMover
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.computing import Computing, computing
from sheets_pipeline.sheets.marks import Ownership
from sheets_pipeline.sheets.memory import EditInbox, TabMemory
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sheets.rounds import RowInbox, TabLook
from sheets_pipeline.sheets.showing import TabShowing
from sheets_pipeline.sheets.writer import TabWriter
from sheets_pipeline.sync.archive import (
    Boundary,
    Part,
    archive_cells,
    archive_tab,
    first_kept_month,
    home,
    month_of,
    next_boundary,
    next_month,
)
from sheets_pipeline.sync.numbers import Traffic
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Tab

logger = logging.getLogger(__name__)

StillOurs = Callable[[], None] | None


class Source(Protocol):
    """The rows in the database. A key is the text of the tab's one key column."""

    def between(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Rows from ``start`` on, before ``end``."""

    def moments(self, keys: Collection[str]) -> dict[str, datetime]:
        """The moment of each of these rows that exists; keys that are none of the database's are left out."""

    def newest(self, count: int) -> list[datetime]:
        """The moments of the newest rows."""

    def months(self, before: datetime) -> list[Part]:
        """Rows of each month, as far as they lie before a moment."""


class Store(Protocol):
    """What is remembered of the family of tabs; the database room keeps it."""

    def boundary(self) -> Boundary: ...
    def save(self, boundary: Boundary) -> None: ...
    def recheck(self) -> None: ...
    def owned(self) -> set[str]: ...
    def owners(self, keys: Collection[str]) -> dict[str, str]: ...
    def archived_rows(self) -> dict[str, int]: ...
    def hand_over(self, source: str, target: str, keys: Collection[str]) -> None: ...


class ArchivedWriter:
    """Keeps one tab and its archive tabs.

    Args:
        moment: The column that decides where a row lives; moments with time zone, never blank.
        max_rows: Rows of the main tab before older ones move.
        memory_of: Facts and base snapshot of a tab of the family, by title.
        lock: The lock of the main tab; it stands for the whole family.
        ownership: Which installation we are.
    """

    def __init__(
        self,
        tab: Tab,
        moment: str,
        max_rows: int,
        client: SheetsClient,
        source: Source,
        store: Store,
        memory_of: Callable[[str], TabMemory],
        lock: Callable[[], AbstractContextManager[StillOurs]],
        ownership: Ownership,
        spreadsheet_url: str = "",
    ) -> None:
        if len(tab.key) != 1:
            raise ValueError(f"Tab {tab.title!r}: expected one key column to keep archives by, found {tab.key}.")
        self.tab, self.moment, self.max_rows, self.client = tab, moment, max_rows, client
        self.source, self.store, self.lock, self.spreadsheet_url = source, store, lock, spreadsheet_url
        self._memory_of, self.ownership = memory_of, ownership
        #: Gives what takes edits of a tab of the family; shows what became of those of the main tab.
        self.inbox_of: Callable[[Tab], EditInbox | None] = lambda _tab: None
        self.rows: RowInbox | None = None
        self.showing: TabShowing | None = None
        self._still_ours: StillOurs = None
        self._moved = 0

    @property
    def memory(self) -> TabMemory:
        """What is remembered of the main tab."""
        return self._memory_of(self.tab.title)

    def since(self) -> datetime | None:
        """The moment from which on rows belong to the main tab, None for all rows."""
        boundary = self.store.boundary()
        if boundary.since is None and self.memory.facts() is None:
            return next_boundary(self.source.newest(self.max_rows + 1), self.max_rows)
        return boundary.since

    def planned_archives(self, spreadsheet: access.SpreadsheetProperties) -> list[Part]:
        """Months whose archive tabs a first fill is about to make: the newest ones, as far as there is room."""
        since = self.since()
        if since is None or self.store.boundary() != Boundary():
            return []
        months = self.source.months(since)
        kept = self._first_kept(months, spreadsheet)
        return [part for part in months if kept is not None and part.month >= kept]

    def _first_kept(self, months: list[Part], spreadsheet: access.SpreadsheetProperties) -> datetime | None:
        cells = spreadsheet.cells + archive_cells(self.tab, self.max_rows)
        return first_kept_month(self.tab, months, cells, len(spreadsheet.sheets) + 1)

    def recheck_archives(self) -> None:
        """Have the next full sync compare all archive tabs with the database, too: events on their rows were passed by."""
        self.store.recheck()

    def full_sync(
        self,
        frame: pd.DataFrame,
        *,
        computed_at: float,
        allowance: Allowance | None = None,
        leave: Collection[str] = (),
    ) -> SyncReport:
        """Make the main tab as the frame says, move what is too much, fill archive tabs that are not complete.

        Args:
            frame: Rows from ``since()`` on, with the tab's columns.
            computed_at: As for ``TabWriter.full_sync``.
            allowance: As for ``TabWriter.full_sync``; a dry run looks at the main tab alone.
            leave: None: a tab with archives stands in one spreadsheet.
        """
        if leave:
            raise ValueError("A tab with archives stands in one spreadsheet; it can leave no rows to another.")
        allowance, before = allowance or Allowance(), self.client.traffic.copy()
        if allowance.dry_run:
            return self._writer(self.tab).full_sync(frame, computed_at=computed_at, allowance=allowance)
        with self._locked():
            boundary = self._parted()
            if boundary.since is not None:  # it may have gone on since the frame was computed
                frame = frame[frame[self.moment] >= boundary.since]
            keys = set(self._keys(frame))
            self._bring_home(self.store.owned() ^ keys, boundary)
            report = self._writer(self.tab).full_sync(frame, computed_at=computed_at, allowance=allowance)
            self._bring_home(report.foreign_keys, boundary)
            if to := next_boundary(frame[self.moment].tolist(), self.max_rows):
                self.store.save(replace(boundary, moving_to=to))
                self._finish_move()
                kept = int((frame[self.moment] >= to).sum())
                report.rows = report.rows_in_database = report.rows_in_tab = kept
        self._fill()
        for title, rows in self.store.archived_rows().items():
            if (facts := self._memory_of(title).facts()) is not None:
                report.archives[title] = (rows, f"{self.spreadsheet_url}#gid={facts.sheet_id}")
        return self._completed(report, before)

    def event_sync(self, compute: Callable[[], pd.DataFrame], keys: Collection[str]) -> SyncReport:
        """Write the rows that events touched, in whichever tab they live.

        Args:
            compute: Gives the rows of ``keys`` as they are now; it is called while no other writer is at work.
            keys: Keys of touched rows; those that ``compute`` no longer gives have left the database.

        Raises:
            NeedsFullSync: As for ``TabWriter.event_sync``, of the main tab.
        """
        before = self.client.traffic.copy()
        with self._locked(), computing(compute) as computed:
            if (facts := self.memory.facts()) is None:
                raise NeedsFullSync(self.tab.title)
            boundary, main = self._parted(), self._writer(self.tab)
            owners = self.store.owners(keys)
            if any(owners.get(key, self.tab.title) == self.tab.title for key in keys):
                with suppress(RequestRejected, NeedsFullSync):  # met again, and mended, where it is to be written
                    main.read_ahead(facts, computed)
            frame = computed.rows()
            frame_keys = self._keys(frame)
            moved = self._moved
            self._bring_home(frame_keys, boundary)
            if self._moved != moved:
                main = self._writer(self.tab)  # what was read ahead shows rows where they stand no more
            homes = {
                key: home(moment, boundary.since)
                for key, moment in zip(frame_keys, frame[self.moment].tolist(), strict=True)
            }
            report = SyncReport(self.tab.title, kind="events")
            for month, some in sorted(
                self._by_home(keys, owners, homes, boundary).items(), key=lambda item: str(item[0])
            ):
                rows = computed.only(frame[frame[self.tab.key[0]].astype(str).isin(some)])
                written = (
                    main.write_touched(rows, some)
                    if month is None
                    else self._write_archived(month, rows, some, boundary)
                )
                _add(report, written)
            if not report.url:
                facts = self.memory.facts()
                report.url = f"{self.spreadsheet_url}#gid={facts.sheet_id}" if facts else ""
        return self._completed(report, before)

    @contextmanager
    def looking(self) -> Iterator[TabLook | None]:
        """As for ``TabWriter``: the main tab."""
        with self._locked():
            yield self._writer(self.tab).look()

    # Who lives where -------------------------------------------------------------------------------------------------

    def _by_home(
        self,
        keys: Collection[str],
        owners: dict[str, str],
        homes: dict[str, datetime | None],
        boundary: Boundary,
    ) -> dict[datetime | None, set[str]]:
        """Touched keys by the tab that they concern; those of months without a (complete) archive are left out."""
        by_month: dict[datetime | None, set[str]] = {}
        months = {self._title(month): month for month in homes.values()}
        for key in keys:
            if key in homes:
                month = homes[key]
                if month is not None and key not in owners and not _is_complete(month, boundary):
                    continue  # filling that month writes it, or it is kept in no tab
            elif key not in owners:
                continue  # neither in the database nor in a tab
            else:
                month = months.get(owners[key]) or self._month(owners[key])
            by_month.setdefault(month, set()).add(key)
        return by_month

    def _bring_home(self, keys: Collection[str], boundary: Boundary) -> None:
        """Rows whose moment was changed, or that a stopped move left behind, go to the tab where they belong."""
        moments = self.source.moments(keys) if keys else {}
        owners = self.store.owners(moments)
        moves: dict[tuple[str, str], set[str]] = {}
        for key, moment in moments.items():
            month, stands = home(moment, boundary.since), owners.get(key, self.tab.title)
            is_kept = month is None or boundary.kept_from is None or month >= boundary.kept_from
            if is_kept and stands != (title := self._title(month)):
                moves.setdefault((stands, title), set()).add(key)
        for (stands, title), some in moves.items():
            if self._memory_of(stands).facts() is not None:
                self._move(stands, title, some)

    def _move(self, source: str, target: str, keys: Collection[str]) -> set[str]:
        def hand_over(arrived: Collection[str]) -> None:
            if arrived:
                self.store.hand_over(source, target, arrived)

        from_tab, to_tab = (self._writer(replace(self.tab, title=title)) for title in (source, target))
        mover = RowMover(from_tab, to_tab, hand_over, self._still_ours)
        arrived_keys = mover.move(keys)
        self._moved += mover.moved
        return arrived_keys

    # Parting and moving ----------------------------------------------------------------------------------------------

    def _parted(self) -> Boundary:
        """The boundary, with a move that was stopped half-way finished, or chosen before the first row is written."""
        boundary = self.store.boundary()
        if boundary.moving_to is not None:
            return self._finish_move()
        if boundary == Boundary() and (since := self.since()) is not None:
            kept = self._first_kept(self.source.months(since), access.read_spreadsheet(self.client))
            boundary = Boundary(since, None, since, kept or month_of(since))
            self.store.save(boundary)
        return boundary

    def _finish_move(self) -> Boundary:
        """Move all rows before ``moving_to`` to their archive tabs, oldest month first."""
        boundary = self.store.boundary()
        to = boundary.moving_to
        if to is None:
            return boundary
        moments = self.source.moments(self.store.owned())
        months: dict[datetime, set[str]] = {}
        for key, moment in moments.items():
            if moment < to:
                months.setdefault(month_of(moment), set()).add(key)
        for month, keys in sorted(months.items()):
            title = self._title(month)
            in_archive = self._move(self.tab.title, title, keys)
            # People may have sorted while rows moved, and the process may have died before those were sent back.
            lost = {key for key, moment in self.source.moments(in_archive).items() if moment >= to}
            if lost:
                self._move(title, self.tab.title, lost)
            self._make_whole(month, replace(boundary, since=to))
        settled = replace(boundary, since=to, moving_to=None)
        self.store.save(settled)
        logger.info("Tab %r: rows before %s are in archive tabs", self.tab.title, to)
        return settled

    def _fill(self) -> None:
        """Complete archive tabs, newest month first; others may write between two of them."""
        while self.store.boundary().filled_from is not None:
            with self._locked():
                boundary = self.store.boundary()
                since, done = boundary.since, boundary.filled_from
                if since is None or done is None:  # another writer was quicker
                    return
                months = [part.month for part in self.source.months(since) if part.month < done]
                months = [month for month in months if boundary.kept_from is None or month >= boundary.kept_from]
                if not months:
                    self.store.save(replace(boundary, filled_from=None))
                    return
                try:
                    self._make_whole(max(months), boundary)
                except LimitExceeded as error:
                    logger.warning("Archives end with %s: %s", done, error)
                    self.store.save(replace(boundary, filled_from=None, kept_from=month_of(done)))
                    return
                self.store.save(replace(boundary, filled_from=max(months)))

    def _make_whole(self, month: datetime, boundary: Boundary) -> SyncReport:
        """Make the archive tab of a month as the database says."""
        writer = self._writer(archive_tab(self.tab, month))
        computed_at = writer.memory.now()
        frame = self.source.between(month, min(next_month(month), boundary.since or next_month(month)))
        return writer.full_sync(frame, computed_at=computed_at)

    def _write_archived(
        self, month: datetime, rows: Computing, keys: Collection[str], boundary: Boundary
    ) -> SyncReport:
        try:
            return self._writer(archive_tab(self.tab, month)).write_touched(rows, keys)
        except NeedsFullSync:
            return self._make_whole(month, boundary)

    # Small things ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self.lock() as self._still_ours:
            yield

    def _writer(self, tab: Tab) -> TabWriter:
        """A writer of one tab of the family, for use while the lock is held."""
        memory, still_ours = self._memory_of(tab.title), self._still_ours
        writer = TabWriter(
            tab, self.client, memory, lambda: nullcontext(still_ours), self.ownership, self.spreadsheet_url
        )
        writer.keep_edits(self.inbox_of(tab))
        writer.rows = self.rows if tab is self.tab else None
        if self.showing is not None:
            writer.showing = self.showing if tab is self.tab else self.showing.of_archive(tab)
        writer.elsewhere = lambda keys: set(self.source.moments(keys)) if keys else set()
        return writer

    def _keys(self, frame: pd.DataFrame) -> list[str]:
        return [str(key) for key in frame[self.tab.key[0]].tolist()]

    def _title(self, month: datetime | None) -> str:
        return self.tab.title if month is None else archive_tab(self.tab, month).title

    def _month(self, title: str) -> datetime | None:
        if title == self.tab.title:
            return None
        return datetime.strptime(title[-7:], "%Y-%m").replace(tzinfo=UTC)

    def _completed(self, report: SyncReport, before: Traffic) -> SyncReport:
        """Add all requests of this sync."""
        report.traffic = self.client.traffic.since(before)
        report.moved_rows = self._moved
        return report


def _is_complete(month: datetime, boundary: Boundary) -> bool:
    filled = boundary.filled_from is None or month >= boundary.filled_from
    return filled and (boundary.kept_from is None or month >= boundary.kept_from)


def _add(report: SyncReport, part: SyncReport) -> None:
    """One report for the whole family; the main tab's comes first."""
    report.url = report.url or part.url
    if part.tab == report.tab:
        report.rows = part.rows
    for name in ("inserts", "updates", "deletes", "cells", "planned_cells", "planned_requests", "planned_bytes"):
        setattr(report, name, getattr(report, name) + getattr(part, name))
    report.seconds += part.seconds
    report.rounds = max(report.rounds, part.rounds)
    report.set_aside += part.set_aside
    report.foreign_keys += part.foreign_keys
    report.doubled_keys |= part.doubled_keys
    report.sample += part.sample
