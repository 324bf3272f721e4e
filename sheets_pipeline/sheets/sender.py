"""Sends a round's plan, batch by batch: what is about to be sent is noted first, and what is known to stand afterwards."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace

from sheets_pipeline import tracing
from sheets_pipeline.errors import OutcomeUnknown, RequestRejected
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.copies import CellCopies
from sheets_pipeline.sheets.memory import TabFacts, TabMemory
from sheets_pipeline.sheets.reader import TRUSTED_SECONDS, TabReader
from sheets_pipeline.sheets.rounds import Round
from sheets_pipeline.sync.batches import Batch
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Tab

logger = logging.getLogger(__name__)


def is_rekeyed(tab: Tab, facts: TabFacts) -> bool:
    """Whether the declaration's key is another than that by which rows are remembered."""
    return bool(facts.key) and tuple(facts.key) != tab.key


class Sender:
    """Writes to one tab; ``still_ours`` raises once the tab's lock is lost, and is called before each write."""

    def __init__(self, tab: Tab, client: SheetsClient, memory: TabMemory, reader: TabReader) -> None:
        self.tab, self.client, self.memory, self._reader = tab, client, memory, reader
        self.still_ours: Callable[[], None] | None = None
        #: Whether a write of this sync met rows elsewhere than they were read, and whether Google refused one.
        self.rows_moved = self.is_refused = False
        #: Whether it is not known of a write of this sync whether it was applied.
        self.is_unknown = False
        #: What Google refused of the plan that is being sent.
        self._refused: Batch | None = None
        #: What our writes write over, where people edit the tab.
        self.copies: CellCopies | None = None

    def send(self, planned: Round, report: SyncReport) -> bool:
        """Send the plan; False when the tab must be read again.

        Raises:
            RequestRejected: For cells that are protected from us, and for the second time.
        """
        plan, deletes, self._refused = planned.plan, planned.plan.deletes, None
        # The last answer that can carry key cells tells whether the rows to delete still stand where we read them.
        checking = plan.writes[-1] if plan.writes else None
        # Before their version is known, or the next sync would take them for people's.
        if planned.changes.returned_keys:
            self.memory.intend(planned.changes.returned_keys)
        self.remember(planned.facts, is_as_known=planned.sight.is_as_known)
        # What is about to be sent and what is known to stand is noted while another request is under way.
        with ThreadPoolExecutor(1) as beside:
            intended = [beside.submit(copy_context().run, self._intend, planned, batch) for batch in plan.batches[:1]]
            noted: list[Future[None]] = []
            try:
                for number, batch in enumerate(plan.batches, start=1):
                    logger.info(
                        "Tab %r: request %d of %d, %d cells", self.tab.title, number, len(plan.batches), batch.cells
                    )
                    check = dict(batch.expected_keys) if batch is not deletes else {}
                    if deletes and batch is checking:
                        check |= deletes.expected_keys
                    intended[-1].result()
                    intended += [
                        beside.submit(copy_context().run, self._intend, planned, after)
                        for after in plan.batches[number : number + 1]
                    ]
                    if not self._apply_batch(planned, batch, check, report):
                        return False
                    for earlier in noted[-1:]:
                        earlier.result()
                    noted.append(beside.submit(copy_context().run, self._note, planned, batch))
                for last in noted[-1:]:
                    last.result()
                self._settle(planned)
            except OutcomeUnknown as error:
                self.is_unknown = True
                logger.warning("Tab %r: %s Reading what it holds now.", self.tab.title, error)
                return False
            except access.RowsMoved as error:
                logger.warning("Tab %r: %s Nothing was deleted; looking again.", self.tab.title, error)
                return False
            except RequestRejected as error:
                if self.is_refused or ("protected" in str(error) and not planned.changes.inserts):
                    self._restore()
                    raise  # where new rows cannot be put in, they may go below everything
                self.is_refused = True
                # People took out rows or columns that it was about, or the tab, or made one of its title; or another
                # writer was quicker, and its version stands in the way of ours.
                logger.warning("Tab %r: %s Nothing of it was applied; reading what is there.", self.tab.title, error)
                return False
        return True

    def _settle(self, planned: Round) -> None:
        """All is sent: columns, rules and declaration are as planned."""
        done = planned.settled
        settled = replace(
            planned.facts, layout=done.layout, declared=done.declared, rules=done.rules, unsettled_since=0.0
        )
        if settled != planned.facts:
            self.remember(settled)

    @tracing.step("note", of="what is about to be sent")
    def _intend(self, planned: Round, batch: Batch) -> None:
        """The batch is about to be sent: what its rows hold is not known until its answer is there."""
        if self.copies is not None:
            self.memory.send(self.copies.sent(planned, batch))
        elif batch is not planned.plan.deletes:
            self.memory.intend(batch.keys)

    @tracing.step("note", of="what is known to stand")
    def _note(self, planned: Round, batch: Batch) -> None:
        """The batch is known to be applied."""
        if batch is planned.plan.deletes:
            self.memory.forget(batch.keys)
            return
        position = planned.wanted.position  # marked rows are not in it
        self.memory.confirm({key: planned.wanted.row(position[key]) for key in batch.keys if key in position})

    def remember(self, facts: TabFacts, *, is_as_known: bool = True) -> None:
        """Note what was found, before anything is sent, so that a crash leaves no tab that we do not know."""
        known = self.memory.facts()
        if facts != known:
            if known is not None and is_rekeyed(self.tab, known):
                self.memory.save_facts(None)
            elif not is_as_known or (known is not None and known.layout.keys() != facts.layout.keys()):
                self.memory.distrust()  # of a column that was away the base knows nothing, and what it knows may be old
            self.memory.save_facts(facts)

    def _apply_batch(self, planned: Round, batch: Batch, check: dict[int, str], report: SyncReport) -> bool:
        if self.still_ours is not None:
            self.still_ours()
        report.cells += batch.cells
        key_columns = [planned.settled.layout[name] for name in self.tab.key]
        right_before = self._check_deletes(planned, key_columns) if batch is planned.plan.deletes else None
        block = self.copies.block(planned, batch) if self.copies is not None else None
        with self.client.span("write") as span:
            try:
                moved, copies, is_sure = access.apply_batch(
                    self.client, batch, planned.title, key_columns, check, right_before, block
                )
            except RequestRejected:
                self._refused = batch
                raise
            span.note(rows=len(batch.keys), cells=batch.cells)
        are_moved = bool(moved)
        if planned.plan.writes and batch is planned.plan.writes[-1]:
            self._reader.seen_at = time.monotonic()
        if self.copies is not None:
            are_moved |= self.copies.compare(planned, batch, copies, are_moved=are_moved, is_sure=is_sure)
        if are_moved:
            self.rows_moved = True
            logger.warning("Tab %r: rows or columns moved while they were written; looking again", self.tab.title)
        return not are_moved

    def _restore(self) -> None:
        """Google refused a batch as a whole, and it is given up: its rows hold what they held, and edits of them need not wait."""
        batch, self._refused = self._refused, None
        if self.copies is None or batch is None:
            return
        names = {column.name for column in self.tab.columns}
        stood = self.memory.stood(batch.keys)
        self.memory.confirm({key: row for key, row in stood.items() if row is not None and row.keys() >= names})

    def _check_deletes(self, planned: Round, key_columns: list[int]) -> Callable[[], None]:
        """For the moment before rows are deleted by number: see docs/decisions/0017."""
        expected = planned.plan.deletes.expected_keys if planned.plan.deletes else {}

        def check() -> None:
            if time.monotonic() - self._reader.seen_at <= TRUSTED_SECONDS:
                return
            sheet_id, bare = planned.facts.sheet_id, planned.plan.bare_rows
            if expected:
                access.check_rows(self.client, sheet_id, key_columns, expected)
            if bare and not access.is_bare(self.client, sheet_id, planned.title, *bare):
                raise access.RowsMoved("Somebody began to use the empty rows at the end.", status=400)
            self._reader.seen_at = time.monotonic()

        return check
