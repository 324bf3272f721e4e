"""The writer: read, compare, write only what differs, and look again whenever it is unsure.

    frame ──► rows of cells ──┐
    tab   ──► snapshot ───────┴─► change set ──► plan ──► batches ──► base snapshot

One round reads the tab once and sends its plan. A lost answer, or rows that people moved meanwhile, starts another
round: an unknown outcome is settled by reading, never by sending the same thing twice.
"""

import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import pandas as pd

from sheets_pipeline import tracing
from sheets_pipeline.errors import RequestRejected, SheetsUnavailable
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.computing import Computing, computing
from sheets_pipeline.sheets.copies import CellCopies, LookAgain
from sheets_pipeline.sheets.finder import TabFinder
from sheets_pipeline.sheets.marks import Ownership, Sight, TabMarks
from sheets_pipeline.sheets.memory import BaseRows, EditInbox, TabFacts, TabMemory, stood_at
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sheets.reader import TRUSTED_SECONDS, NeedsFullSync, TabReader
from sheets_pipeline.sheets.rounds import Round, RowInbox, TabLook, new_layout, round_of_changes, round_of_creation
from sheets_pipeline.sheets.sender import Sender, is_rekeyed
from sheets_pipeline.sheets.showing import TabShowing
from sheets_pipeline.sheets.time_zones import zone_for
from sheets_pipeline.sync.archive import Part
from sheets_pipeline.sync.diff import compare, compare_touched, digest_after, digest_of_ours, rows_of_ours
from sheets_pipeline.sync.drift import find_drift
from sheets_pipeline.sync.forgotten import once_owned_by_digest, split_off_others
from sheets_pipeline.sync.guards import MAX_SPREADSHEET_CELLS, check_deletes, check_inserts, check_size, find_strays
from sheets_pipeline.sync.headers import Columns, require_columns
from sheets_pipeline.sync.inserts import AT_THE_END, last_keys, place_after, row_after_ours
from sheets_pipeline.sync.plan import rows_to_keep
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.rows import Rows, rows_from_frame
from sheets_pipeline.sync.snapshot import TabSnapshot, index_rows
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.tab_order import index_of_new_tab

logger = logging.getLogger(__name__)

#: A spreadsheet that was counted to have fewer cells grows without being counted again.
_CELLS_OF_NO_CONCERN = MAX_SPREADSHEET_CELLS // 2

#: Rounds before a tab that never settles is left to the next sync.
MAX_ROUNDS = 6


Looked = TypeVar("Looked")

KeysOfOurs = Callable[[Collection[str]], set[str]]


def _nothing_owned(keys: Collection[str]) -> set[str]:
    return set()


def _nothing_known(keys: Collection[str]) -> BaseRows:
    return {}


class TabWriter:
    """Keeps one tab as its frame says.

    ``lock`` lets one writer per tab in at a time, over all processes and hosts; it may give a function that raises once
    the lock is lost, which is called before each write.
    """

    def __init__(
        self,
        tab: Tab,
        client: SheetsClient,
        memory: TabMemory,
        lock: Callable[[], AbstractContextManager[Callable[[], None] | None]],
        ownership: Ownership,
        spreadsheet_url: str = "",
    ) -> None:
        self.tab, self.client, self.memory, self.lock = tab, client, memory, lock
        self.spreadsheet_url = spreadsheet_url
        #: Gives those of some keys whose rows belong to another tab.
        self.elsewhere: Callable[[Collection[str]], set[str]] = lambda _keys: set()
        #: Takes what people did to rows.
        self.rows: RowInbox | None = None
        #: Shows in the tab what became of edits.
        self.showing: TabShowing | None = None
        self._finder = TabFinder(tab, client, memory)
        self._marks = TabMarks(client, ownership, memory.now)
        self._reader = TabReader(tab, client, self._marks)
        self._sender = Sender(tab, client, memory, self._reader)
        #: Of the full sync that is under way: when its frame was computed, and when the tab was read.
        self._computed_at = self._read_at = 0.0

    def keep_edits(self, inbox: EditInbox | None) -> None:
        """Have what people type into cells that they may edit go into this inbox, before it is written over or as it is."""
        self._sender.copies = None if inbox is None else CellCopies(self.tab, self.client, self.memory, inbox)

    def since(self) -> datetime | None:
        """None: all rows belong into the tab."""
        return None

    def planned_archives(self, _spreadsheet: access.SpreadsheetProperties) -> list[Part]:
        """None: there are no archive tabs."""
        return []

    def recheck_archives(self) -> None:
        """Nothing: there are no archive tabs."""

    def full_sync(
        self,
        frame: pd.DataFrame,
        *,
        computed_at: float,
        allowance: Allowance | None = None,
        leave: Collection[str] = (),
    ) -> SyncReport:
        """Make the whole tab as the frame says; creates a missing tab, repairs drift.

        Args:
            frame: All rows, with the tab's columns.
            computed_at: ``memory.now()`` from before the frame was computed. Rows that an event sync has written since
                are newer than the frame and are left as they are.
            leave: Keys of rows that are left as they are, too.
        """
        allowance = allowance or Allowance()
        with self.lock() as self._sender.still_ours:
            self._computed_at = computed_at
            left = self.memory.written_since(computed_at).union(leave)
            report = self._rounds(allowance, lambda: self._look_at_all(frame, left, allowance))
            report.rows_in_database = len(frame)
            if not allowance.dry_run:
                self._confirm_rest(frame, report.rows)
            return report

    def event_sync(self, compute: Callable[[], pd.DataFrame], keys: Collection[str]) -> SyncReport:
        """Write the rows that events touched; header and keys are read while they are computed (docs/decisions/0023).

        Args:
            compute: Gives the rows of ``keys`` as they are now; it is called, in a thread, while no other writer is at work.
            keys: Keys of touched rows; those that ``compute`` no longer gives have left the database.

        Raises:
            NeedsFullSync: The tab or a column is not there, and a full sync finds or creates it; or people moved rows
                while we wrote, and ours may have landed beside other keys, which a full sync mends.
        """
        with self.lock() as self._sender.still_ours, computing(compute) as computed:
            return self.write_touched(computed, keys)

    def write_touched(self, computed: Computing, keys: Collection[str]) -> SyncReport:
        """``event_sync`` while the lock is held, of rows that are being computed since."""
        self._sender.rows_moved = False
        report = self._rounds(Allowance(), lambda: self._look_at_touched(computed, keys))
        report.kind = "events"
        return report

    def read_ahead(self, facts: TabFacts, computed: Computing) -> None:
        """Read header and keys for ``write_touched`` as long as rows are computed, where that is known to be quick.

        What is read is dropped where it is old by the time at which the rows are there.
        """
        if not facts.computes_slowly and not facts.unsettled_since and computed.is_under_way():
            self._reader.read_keys_ahead(facts)

    def look(self) -> TabLook | None:
        """The whole tab as it is now, None where it is not there. One read request; to be called with the lock held.

        Raises:
            HeaderMismatch: A declared column is not in the header, under whatever name.
        """
        return self._look_settled(self._look)

    def _look(self) -> TabLook | None:
        self._close()
        if (facts := self._finder.facts()) is None:
            return None
        read_at = self.memory.now()
        try:
            snapshot, sight = self._reader.read_tab(facts)
        except RequestRejected:
            self.memory.save_facts(facts := self._finder.find())
            if facts is None:
                return None
            snapshot, sight = self._reader.read_tab(facts)
        facts, known = self._recovered(facts, sight), facts.layout.keys()
        facts, columns = self._finder.columns(facts, snapshot)
        names = [column.name for column in self.tab.columns if column.name not in columns.added]
        layout = {name: columns.layout[name] for name in names}
        require_columns(self.tab, snapshot, layout)
        self._sender.remember(replace(facts, layout=layout, row_count=snapshot.row_count))
        is_as_known = sight.is_as_known and known == layout.keys()
        return TabLook(facts.sheet_id, snapshot, layout, index_rows(self.tab, snapshot, layout), read_at, is_as_known)

    @contextmanager
    def looking(self) -> Iterator[TabLook | None]:
        """``look``, and nobody else writes the tab meanwhile."""
        with self.lock() as self._still_ours:
            yield self.look()

    # Rounds ----------------------------------------------------------------------------------------------------------

    def _rounds(self, allowance: Allowance, look: Callable[[], Round]) -> SyncReport:
        started, before = time.monotonic(), self.client.traffic.copy()
        self._sender.is_refused = False
        if self.rows is not None and not allowance.dry_run:
            self.rows.recover(self.look)
        report = SyncReport(self.tab.title)
        for number in range(1, MAX_ROUNDS + 1):
            logger.info("Tab %r: reading", self.tab.title)
            if not allowance.dry_run and (number == 1 or self._sender.is_unknown):
                self._close()
            planned = self._look_where_it_is(look)
            if self.showing is not None:
                self.showing.add_to(planned, dry_run=allowance.dry_run)
            self._preflight(planned)
            if not allowance.dry_run:
                planned.facts = self._marks.sign(planned.sight, planned.facts, planned.plan, planned.rows_digest)
                if self._sender.copies is not None:
                    self._sender.copies.prepare(planned, is_refused=self._sender.is_refused)
            if number == 1:
                planned.describe(report, self.tab, self.spreadsheet_url)
            report.rounds = number
            if allowance.dry_run:
                break
            if self._sender.send(planned, report):
                if self.showing is not None:
                    self.showing.applied()
                break
            time.sleep(min(0.5 * 2.0 ** (number - 1), 8))
        else:
            raise SheetsUnavailable(
                f"Tab {self.tab.title!r} could not be brought up to date in {MAX_ROUNDS} rounds: answers were lost, or "
                "people moved rows each time. What was written is whole; the next sync goes on from there."
            )
        report.seconds = time.monotonic() - started
        report.traffic = self.client.traffic.since(before)
        return report

    def _preflight(self, planned: Round) -> None:
        """Before the first write: is there quota for it (said, not refused), and room where the tab grows?"""
        needed = len(planned.plan.batches)
        if needed > 1 and needed > (left := self.client.quota_left("write")):
            logger.info("Tab %r needs %d writes, %d are left this minute; it waits", self.tab.title, needed, left)
        facts, growth = planned.facts, planned.plan.grid_cells
        if growth <= 0:
            return
        if facts.spreadsheet_cells > 0 and facts.spreadsheet_cells + growth < _CELLS_OF_NO_CONCERN:
            planned.facts = replace(facts, spreadsheet_cells=facts.spreadsheet_cells + growth)
        else:
            spreadsheet = self._finder.spreadsheet or access.read_spreadsheet(self.client)
            is_new = planned.facts.sheet_id not in {sheet.sheet_id for sheet in spreadsheet.sheets}
            tabs = len(spreadsheet.sheets) + is_new
            check_size(self.tab.title, spreadsheet.cells, planned.plan.grid_cells, tabs)
            cells = spreadsheet.cells + planned.plan.grid_cells
            planned.facts = replace(planned.facts, spreadsheet_cells=cells, spreadsheet_tabs=tabs)

    def _look_where_it_is(self, look: Callable[[], Round]) -> Round:
        """Look; where the remembered tab is gone, find it or its successor and look again."""
        try:
            return self._look_settled(look)
        except RequestRejected as error:
            if self.memory.facts() is None:
                raise
            logger.warning("Tab %r is not where it was (%s); looking for it", self.tab.title, error)
            self.memory.save_facts(self._finder.find())
            return look()

    @staticmethod
    def _look_settled(look: Callable[[], Looked]) -> Looked:
        """Look; once more where that mended what a dead process has left."""
        try:
            return look()
        except LookAgain:
            return look()

    def _confirm_rest(self, frame: pd.DataFrame, rows_written: int) -> None:
        """Complete the base with rows that stood in the tab already."""
        facts = self.memory.facts()
        if facts is not None and self.memory.confirmed() < rows_written:
            rows = rows_from_frame(self.tab, frame, zone_for(self.tab, facts.time_zone))
            self.memory.confirm({key: rows.row(i) for i, key in enumerate(rows.keys)})

    # Looking ---------------------------------------------------------------------------------------------------------

    def _look_at_all(self, frame: pd.DataFrame, leave: set[str], allowance: Allowance) -> Round:
        facts = self._finder.facts()
        if facts is None:
            return self._plan_new_tab(frame, allowance)
        self._read_at = self.memory.now()
        snapshot, sight = self._reader.read_tab(
            facts, takes_over=allowance.take_over, was_refused=self._sender.is_refused
        )
        facts = self._recovered(facts, sight) if not allowance.dry_run else facts
        return self._plan_all(frame, leave, allowance, facts, snapshot, sight)

    @tracing.step("plan")
    def _plan_all(
        self,
        frame: pd.DataFrame,
        leave: set[str],
        allowance: Allowance,
        facts: TabFacts,
        snapshot: TabSnapshot,
        sight: Sight,
    ) -> Round:
        wanted = rows_from_frame(self.tab, frame, zone_for(self.tab, facts.time_zone))
        if snapshot.last_row == 0:
            return self._plan_empty_tab(facts, snapshot, wanted, sight)
        facts, columns = self._finder.columns(facts, snapshot, wanted.position)
        layout = columns.layout
        index = index_rows(self.tab, snapshot, layout)
        memory, tab = self.memory, self.tab
        owned: KeysOfOurs = memory.owned
        once_owned: KeysOfOurs = memory.once_owned
        base: Callable[[Collection[str]], BaseRows] = memory.base
        stood: Callable[[Collection[str]], BaseRows] = partial(stood_at, memory, self._read_at)
        if is_rekeyed(self.tab, facts):  # what is known of rows is known by another key
            owned, once_owned, base, stood, leave = (
                _nothing_owned,
                _nothing_owned,
                _nothing_known,
                _nothing_known,
                set(),
            )
        asked = once_owned_by_digest(
            tab, snapshot, layout, index, sight.forgotten, once_owned, self.elsewhere, allowance.deletes
        )
        changes = compare(tab, snapshot, layout, index, wanted, owned, leave, asked)
        split_off_others(tab, snapshot, layout, index, wanted, changes, sight.forgotten, owned)
        check_deletes(self.tab, changes, len(index.row_of), len(wanted), allowance.deletes)
        is_as_known = sight.is_as_known and facts.layout.keys() == layout.keys()
        if self._sender.copies is not None and is_as_known and not allowance.dry_run:
            self._sender.copies.inbox.take(changes, layout, stood)
            # An edit that was applied meanwhile is newer than the frame, and may have looked to `take` as what we wrote.
            changes.leave(memory.written_since(self._computed_at))
        if self.rows is not None and is_as_known and not allowance.dry_run:
            self.rows.hold(changes, TabLook(facts.sheet_id, snapshot, layout, index, self._read_at), wanted)
        strays = find_strays(self.tab, snapshot, layout, index, wanted, changes, base)
        check_inserts(self.tab, strays, len(wanted))
        bare_from = self._bare_from(facts, snapshot, snapshot.last_row + len(changes.inserts))
        end = row_after_ours(index, changes.foreign_keys)
        place = AT_THE_END if self._sender.is_refused else place_after(end, snapshot, layout)
        are_copied = self._sender.copies is not None
        planned = round_of_changes(
            tab, facts, snapshot, columns, wanted, changes, index, sight, end, place, bare_from, are_copied=are_copied
        )
        planned.strays = strays
        planned.rows_digest = lambda: digest_of_ours(index, wanted, changes)
        if sight.is_as_known and facts.layout.keys() == planned.settled.layout.keys():
            planned.drift = find_drift(changes, wanted, planned.settled.layout, base)
        planned.rows_in_tab = rows_of_ours(index, wanted, changes, leave)
        return planned

    def _close(self) -> None:
        """Before a tab is read that people edit: what was sent without an answer is applied by now, or never will be."""
        facts = self.memory.facts()
        if self._sender.copies is not None and facts is not None and facts.unsettled_since:
            self._marks.close(facts, self.memory.save_facts)

    def _recovered(self, facts: TabFacts, sight: Sight) -> TabFacts:
        """The facts, once what a write of unknown outcome wrote over is in the inbox."""
        return facts if self._sender.copies is None else self._sender.copies.recover(facts, sight)

    def _bare_from(self, facts: TabFacts, snapshot: TabSnapshot, rows: int) -> int | None:
        """The row from which on a grid that is mostly empty holds nothing at all, where it does; asked once per size."""
        keep = rows_to_keep(rows, snapshot.row_count)
        if keep == snapshot.row_count or facts.row_count == snapshot.row_count:
            return None
        is_bare = access.is_bare(self.client, facts.sheet_id, snapshot.title, keep, snapshot.row_count)
        return keep if is_bare else None

    def _look_at_touched(self, computed: Computing, keys: Collection[str]) -> Round:
        facts = self._finder.facts()
        if facts is None or self._sender.rows_moved or is_rekeyed(self.tab, facts):
            raise NeedsFullSync(self.tab.title)
        self.read_ahead(facts, computed)
        wanted = rows_from_frame(self.tab, computed.rows(), zone_for(self.tab, facts.time_zone))
        snapshot, layout, sight = self._reader.read_keys(facts, was_refused=self._sender.is_refused)
        facts = replace(self._recovered(facts, sight), computes_slowly=computed.seconds > TRUSTED_SECONDS)
        if not sight.is_as_known:
            raise NeedsFullSync(self.tab.title)
        return self._plan_touched(keys, wanted, facts, snapshot, layout, sight, computed.began)

    @tracing.step("plan")
    def _plan_touched(
        self,
        keys: Collection[str],
        wanted: Rows,
        facts: TabFacts,
        snapshot: TabSnapshot,
        layout: dict[str, int],
        sight: Sight,
        began: float,
    ) -> Round:
        index = index_rows(self.tab, snapshot, layout)
        gone = self.memory.owned([key for key in keys if key not in wanted.position])
        lowest = last_keys(index)
        base = self.memory.base([*wanted.keys, *lowest])
        changes = compare_touched(self.tab, index, layout, wanted, base, gone)
        copies = self._sender.copies
        if copies is not None and copies.keep_newer(changes, layout, wanted, base, began):
            changes = compare_touched(self.tab, index, layout, wanted, base, gone)
        check_deletes(self.tab, changes, len(index.row_of), len(index.row_of) - len(changes.deletes), None)
        foreign_keys = {key for key in lowest if key not in base}
        is_missing = any(base.get(wanted.keys[i]) is not None for i in changes.inserts)
        is_emptied = 2 * len(index.row_of) < facts.rows_end - 1 or len(foreign_keys) == len(lowest)
        if changes.inserts and is_missing and (is_emptied or self.rows is not None):
            raise NeedsFullSync(self.tab.title)  # rows are gone, or their keys are others: it sees which
        end = row_after_ours(index, foreign_keys if len(foreign_keys) < len(lowest) else ())
        columns = Columns(layout, dict(facts.renamed))
        place = AT_THE_END if self._sender.is_refused else place_after(end, snapshot, layout)
        are_copied = copies is not None
        planned = round_of_changes(
            self.tab, facts, snapshot, columns, wanted, changes, index, sight, end, place, are_copied=are_copied
        )
        planned.rows_digest = lambda: digest_after(sight.last, wanted, changes)
        planned.rows = len(index.row_of) + len(changes.inserts) - len(changes.deletes)
        return planned

    # Creating the tab ------------------------------------------------------------------------------------------------

    @tracing.step("plan")
    def _plan_new_tab(self, frame: pd.DataFrame, allowance: Allowance) -> Round:
        logger.info("Tab %r does not exist yet; creating it", self.tab.title)
        zone = spreadsheet.time_zone if (spreadsheet := self._finder.spreadsheet) else "Etc/GMT"
        wanted = rows_from_frame(self.tab, frame, zone_for(self.tab, zone))
        facts = TabFacts(
            secrets.randbelow(2**31 - 1) + 1,
            zone,
            new_layout(self.tab),
            self.memory.now(),
        )
        sight = self._marks.of_no_tab(spreadsheet.owners if spreadsheet else (), takes_over=allowance.take_over)
        positions = [sheet.position for sheet in spreadsheet.sheets] if spreadsheet else []
        index = index_of_new_tab(self.tab.position, positions)
        return round_of_creation(self.tab, facts, wanted, None, sight, index)

    def _plan_empty_tab(self, facts: TabFacts, snapshot: TabSnapshot, wanted: Rows, sight: Sight) -> Round:
        facts = TabFacts(
            facts.sheet_id,
            facts.time_zone,
            new_layout(self.tab),
            facts.seen_at,
            version=facts.version,
            intended=facts.intended,
        )
        return round_of_creation(self.tab, facts, wanted, (snapshot.row_count, snapshot.column_count), sight)
