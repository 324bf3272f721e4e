"""Our write against a person's: each write of ours brings back what stood in the cells that it wrote over.

Copies are made by the very request that writes (``sync/copies.py``); its answer carries them. Where no answer comes, or the
process dies, they stay in the hidden tab, and the version that the tab then carries tells the next sync whether the write was
applied: it reads the copies before anything else is written. See docs/decisions/0025.
"""

import logging
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

import orjson

from sheets_pipeline.errors import RequestRejected
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.marks import Sight
from sheets_pipeline.sheets.memory import BaseRows, CopiesTab, EditInbox, Sent, TabFacts, TabMemory
from sheets_pipeline.sheets.moved_columns import Shift, When, find_shift, when_moved
from sheets_pipeline.sheets.rounds import Round
from sheets_pipeline.sync.batches import Batch
from sheets_pipeline.sync.cells import KEY_SEPARATOR, Cell
from sheets_pipeline.sync.copies import (
    Copy,
    copied_names,
    copied_rows,
    copies_title,
    copy_requests,
    creation_requests,
    found_edits,
    growth_requests,
    putting_back,
    read_copies,
)
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.marks import read_version
from sheets_pipeline.sync.plan import rows_to_have
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.tab import Tab

logger = logging.getLogger(__name__)


class LookAgain(Exception):
    """The tab has to be read again."""


class CellCopies:
    """The copies of one tab whose cells people edit; ``inbox`` takes what they tell."""

    def __init__(self, tab: Tab, client: SheetsClient, memory: TabMemory, inbox: EditInbox) -> None:
        self.tab, self.client, self.memory, self.inbox = tab, client, memory, inbox
        self._names = copied_names(tab)
        #: Whether the hidden tab was there, as large as it must be, before what is sent.
        self._is_there = True

    # Before a write ----------------------------------------------------------------------------------------------------

    def keep_newer(
        self, changes: ChangeSet, layout: Mapping[str, int], wanted: Rows, base: BaseRows, began: float
    ) -> bool:
        """Put into ``wanted`` what people typed into rows since they were computed; whether there was any such row.

        Else the cell would show for a moment what the database held before. Asks the store only where a cell that people edit
        is about to be changed; ``began`` is when the rows were begun to be computed (``time.monotonic``).
        """
        edited = {layout[name] for name in self.tab.edited if name in layout}
        if not any(update.column in edited for update in changes.updates):
            return False
        since = self.memory.now() - (time.monotonic() - began)
        newer = [key for key in self.memory.written_since(since) if key in wanted.position]
        for key in newer:
            known = base.get(key) or {}
            for name in self.tab.edited.keys() & known.keys():
                wanted.columns[name][wanted.position[key]] = known[name]
        return bool(newer)

    def prepare(self, planned: Round, *, is_refused: bool) -> None:
        """Have the plan's batches copy what they write over, and note that something is on its way.

        Costs a read request where the hidden tab is not known, or Google refused the last write.
        """
        if not planned.plan.batches:
            return
        facts = replace(planned.facts, unsettled_since=time.time())
        if copying := [batch for batch in planned.plan.batches if batch.copied]:
            most = max(len(copied_rows(batch)) for batch in copying)
            copies, requests = self._place(facts, most, is_refused=is_refused)
            facts, self._is_there = replace(facts, copies=copies), not requests
            places = [planned.settled.layout[name] for name in self._names]
            for batch in copying:
                made = copy_requests(facts.sheet_id, copies.sheet_id, places, [*copied_rows(batch)])
                batch.requests[batch.leading : batch.leading] = [*requests, *made]
                requests = []
        planned.facts = facts

    def _place(self, facts: TabFacts, most: int, *, is_refused: bool) -> tuple[CopiesTab, list[bytes]]:
        """The hidden tab with room for so many copies, and what makes it."""
        names, rows, columns = KEY_SEPARATOR.join(self._names), rows_to_have(most + 1), len(self._names)
        known = None if is_refused else facts.copies
        copies = known or self._find(facts)
        if copies is None:
            made = CopiesTab(secrets.randbelow(2**31 - 1) + 1, copies_title(facts.sheet_id), rows, columns, names)
            requests = creation_requests(self.tab, facts.sheet_id, made.sheet_id, rows)
            return made, [*map(orjson.dumps, requests)]
        more_rows = rows - copies.row_count if copies.row_count <= most else 0
        more_columns = max(0, columns - copies.column_count)
        requests = growth_requests(copies.sheet_id, more_rows, more_columns)
        size = copies.row_count + more_rows, copies.column_count + more_columns
        return CopiesTab(copies.sheet_id, copies.title, *size, names), [*map(orjson.dumps, requests)]

    def _find(self, facts: TabFacts) -> CopiesTab | None:
        """The hidden tab, where one was made before; one read request."""
        for sheet in access.read_spreadsheet(self.client).sheets:
            if sheet.copies_of == facts.sheet_id:
                return CopiesTab(sheet.sheet_id, sheet.title, sheet.row_count, sheet.column_count, "")
        return None

    def sent(self, planned: Round, batch: Batch) -> dict[str, Sent]:
        """The rows of a batch, as they are remembered while it is on its way."""
        batches = planned.plan.batches
        version = planned.facts.intended[batches.index(batch) - len(batches)]  # before them: what may still arrive
        copied = enumerate(copied_rows(batch).items())
        places = {key: (place, row) for place, (row, key) in copied if key is not None}
        written = self._written(planned)
        sent = {}
        for key in batch.keys:
            place, row = places.get(key, (None, None))
            sent[key] = Sent(version, place, self._cells(planned, key, written), row)
        return sent

    def _written(self, planned: Round) -> dict[int, dict[str, Cell]]:
        """Row (0-based) → what is written into its editable cells, by column name."""
        name_of = {planned.settled.layout[name]: name for name in self.tab.edited}
        written: dict[int, dict[str, Cell]] = {}
        for update in planned.changes.updates:
            if update.column in name_of:
                written.setdefault(update.row, {})[name_of[update.column]] = update.new
        return written

    def _cells(self, planned: Round, key: str, written: dict[int, dict[str, Cell]]) -> dict[str, Cell]:
        """Editable cells that are written into a row of ours; none for one that is deleted."""
        if (row := planned.changes.updated_keys.get(key)) is not None:
            return written.get(row, {})
        position = planned.wanted.position.get(key)
        return {} if position is None else {name: planned.wanted.columns[name][position] for name in self.tab.edited}

    # After it ----------------------------------------------------------------------------------------------------------

    def block(self, planned: Round, batch: Batch) -> access.CopiesBlock | None:
        """Where the copies of a batch will stand, for its answer to bring them; None where there are none, or no tab yet."""
        copies = planned.facts.copies
        if copies is None or not batch.copied or not self._is_there:
            return None  # a range of a tab that the same request makes may be refused
        facts = planned.settled
        headers = {
            facts.layout[name]: facts.renamed.get(name) or facts.declared[name][0]
            for name in self._names
            if facts.declared.get(name)
        }
        return access.CopiesBlock(copies.title, len(self._names), len(copied_rows(batch)), headers)

    def compare(
        self, planned: Round, batch: Batch, answered: list[list[Cell]], *, are_moved: bool, is_sure: bool
    ) -> bool:
        """Note what a batch that was applied has written over; whether columns did not stand where they were read.

        Args:
            planned: What led to it.
            batch: The one that was sent.
            answered: The copies that its answer brought, empty where it was not asked for them.
            are_moved: Whether rows did not stand where they were read.
            is_sure: Whether columns are known to have stood there.
        """
        copied, facts, sent = copied_rows(batch), planned.facts, self.sent(planned, batch)
        if not copied or facts.copies is None:
            if are_moved:
                self._settle_moved(sent, [], {})
            return False
        block = answered or access.read_copies_block(self.client, facts.copies.sheet_id, len(self._names), len(copied))
        self._is_there = True
        shift, came = self._moved(planned, sent.values(), is_sure=is_sure, is_told=bool(answered))
        pairs = zip(copied.values(), read_copies(self.tab, block), strict=True)
        copies = [(key, _overwritten(copy, sent[key])) for key, copy in pairs if key is not None]
        if shift is not None:
            at = [(row, place, sent[key].cells) for place, (row, key) in enumerate(copied.items()) if key is not None]
            if came is When.BEFORE_THE_WRITE:
                self._put_back(planned.facts, planned.settled.layout, at, shift)
            copies = [(key, shift.copy(key, copy)) for key, copy in copies]
            sent = {key: one._replace(cells=shift.cells(one.cells)) for key, one in sent.items()}
        stood = self.memory.stood({copy.key for _, copy in copies if copy.key})
        self._note(
            copies,
            stood,
            facts.unsettled_since,
            is_sure=shift is None or (came is When.BEFORE_THE_WRITE and shift.keys_stay),
        )
        if are_moved or shift is not None:
            self._settle_moved(sent, copies, stood)
        return shift is not None

    def _moved(
        self, planned: Round, sent: Iterable[Sent], *, is_sure: bool, is_told: bool
    ) -> tuple[Shift | None, When]:
        """Columns that a write met elsewhere; ``is_told``: its answer showed the headers, else what it wrote tells when."""
        layout = planned.settled.layout
        shift = None if is_sure else find_shift(self.client, self.tab, planned.facts.sheet_id, layout)
        if shift is None or is_told:
            return shift, When.BEFORE_THE_WRITE
        came = when_moved(self.client, planned.facts, layout, shift, sent)
        return (None if came is When.AFTER_THE_WRITE else shift), came

    def _put_back(
        self,
        facts: TabFacts,
        layout: Mapping[str, int],
        written: Iterable[tuple[int, int, Mapping[str, Cell]]],
        shift: Shift,
    ) -> bool:
        """Give other columns (people's own, our key) that came to stand at a place that we wrote their values again.

        One write request, right after the one that wrote there, or when a dead process is found to have left it so; whether
        any was needed. ``written`` are rows, their places among the copies, and what was written into them.
        """
        if facts.copies is None:
            return False
        requests, rows = list[bytes](), [*written]
        for name in self.tab.edited.keys() - shift.real.keys():
            hit = [(row, place) for row, place, cells in rows if name in cells]
            copied_at = self._names.index(name)
            requests += putting_back(facts.sheet_id, facts.copies.sheet_id, copied_at, layout[name], hit)
        if requests:
            access.apply_requests(self.client, b"[" + b",".join(requests) + b"]", self.tab.title, [], [])
        return bool(requests)

    def _note(self, copies: list[tuple[str, Copy]], stood: BaseRows, sent_at: float, *, is_sure: bool = True) -> None:
        if found := found_edits((copy for _, copy in copies), stood):
            logger.warning("Tab %r: %d edits were written over; they are in the ledger", self.tab.title, len(found))
            self.inbox.note_overwritten(found, sent_at, is_sure=is_sure)

    def _settle_moved(self, sent: dict[str, Sent], copies: list[tuple[str, Copy]], stood: BaseRows) -> None:
        """Rows took each other's place before the batch came: what each of them holds now is what it held, and what it got.

        Else the next full sync would take what we wrote there for an edit.
        """
        now: BaseRows = {}
        for key, before in self.memory.stood(sent).items():
            now[key] = before if sent[key].place is not None else {**(before or {}), **sent[key].cells}
        for meant, copy in copies:
            if copy.key in stood:
                known = stood[copy.key]
                now[copy.key] = None if known is None else {**known, **sent[meant].cells}
        self.memory.settle(now)

    # After a write of which no answer came -------------------------------------------------------------------------------

    def recover(self, facts: TabFacts, sight: Sight) -> TabFacts:
        """Note what a write wrote over whose answer was lost, or whose process died; to be called before all else.

        Args:
            facts: What is remembered of the tab.
            sight: What its marks say: whether that write was applied.

        Raises:
            LookAgain: Cells were given back what they held: what was read of the tab is not so any more.
        """
        if not facts.unsettled_since:
            return facts
        settled = replace(facts, unsettled_since=0.0)
        if sight.is_as_known and (rows := self.memory.in_flight()):
            flight = _Flight(rows, facts, sight)
            copies = self._left_behind(facts, flight)
            shift = find_shift(self.client, self.tab, facts.sheet_id, facts.layout) if copies else None
            if shift is not None:
                came = when_moved(
                    self.client, facts, facts.layout, shift, [rows[key] for key in flight.key_at.values()]
                )
                if came is not When.AFTER_THE_WRITE:
                    if self._recover_moved(facts, flight, copies, shift, came):
                        self.memory.save_facts(settled)
                        raise LookAgain(self.tab.title)
                    return settled
            stood = self.memory.stood({*rows, *(copy.key for _, copy in copies if copy.key)})
            self._note(copies, stood, facts.unsettled_since)
            self.memory.settle(flight.now(stood, copies))
        return settled

    def _recover_moved(
        self, facts: TabFacts, flight: "_Flight", copies: list[tuple[str, Copy]], shift: Shift, came: When
    ) -> bool:
        """The same where columns moved before the write, or nobody knows when; whether other columns were given cells back."""
        is_known, is_mended = came is When.BEFORE_THE_WRITE, False
        moved = [(key, shift.copy(key, copy)) for key, copy in copies]
        if is_known:
            landed = [flight.rows[key] for key in flight.key_at.values()]
            at = [(one.row, one.place, one.cells) for one in landed if one.row is not None and one.place is not None]
            is_mended, copies = self._put_back(facts, facts.layout, at, shift), moved
        else:  # a person is asked about both
            copies = copies + moved
        stood = self.memory.stood({*flight.rows, *(copy.key for _, copy in copies if copy.key)})
        self._note(copies, stood, facts.unsettled_since, is_sure=is_known and shift.keys_stay)
        self.memory.settle({key: shift.certain(stood.get(key)) for key in flight.rows})
        return is_mended

    def _left_behind(self, facts: TabFacts, flight: "_Flight") -> list[tuple[str, Copy]]:
        count = max(flight.key_at, default=-1) + 1
        if not count or facts.copies is None or facts.copies.names != KEY_SEPARATOR.join(self._names):
            return []
        try:
            block = access.read_copies_block(self.client, facts.copies.sheet_id, len(self._names), count)
        except RequestRejected:
            logger.warning(
                "Tab %r: its hidden tab of copies is gone; what was written over is not known", self.tab.title
            )
            return []
        copies = read_copies(self.tab, block)
        return [(key, _overwritten(copies[place], flight.rows[key])) for place, key in flight.key_at.items()]


def _overwritten(copy: Copy, sent: Sent) -> Copy:
    """Those cells of a copy that were written over; all of a row that was deleted."""
    return Copy(copy.key, {name: cell for name, cell in copy.cells.items() if not sent.cells or name in sent.cells})


class _Flight:
    """Rows on their way, and which of their writes were applied."""

    def __init__(self, rows: dict[str, Sent], facts: TabFacts, sight: Sight) -> None:
        self.rows = rows
        last = sight.last.number if sight.last is not None else 0
        numbers = {text: version.number for text in facts.intended if (version := read_version(text)) is not None}
        self._applied = {text: number for text, number in numbers.items() if number <= last}
        copying = [sent.version for sent in rows.values() if sent.place is not None and sent.version in self._applied]
        latest = max(copying, key=self._applied.__getitem__, default=None)
        #: Place of each copy of the last write that was applied → the key of the row that it was to write.
        self.key_at = {s.place: key for key, s in rows.items() if s.version == latest and s.place is not None}

    def now(self, stood: BaseRows, copies: list[tuple[str, Copy]]) -> BaseRows:
        """What the rows hold now, in columns that people may edit."""
        now: BaseRows = {}
        for key, sent in self.rows.items():
            before = stood.get(key)
            now[key] = {**(before or {}), **sent.cells} if sent.version in self._applied else before
        for meant, copy in copies:
            if copy.key != meant:  # rows moved: nobody knows which got what
                now |= {key: None for key in (copy.key, meant) if key}
        return now
