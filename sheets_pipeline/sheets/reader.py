"""Reading a tab: its cells or only its keys, and what its marks say, by one request where nobody has moved anything."""

import time

from sheets_pipeline.errors import RequestRejected
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.marks import Sight, TabMarks
from sheets_pipeline.sheets.memory import TabFacts
from sheets_pipeline.sync.headers import locate_columns
from sheets_pipeline.sync.snapshot import TabSnapshot
from sheets_pipeline.sync.tab import Tab

#: What an answer told of rows' places is relied on for so long; then they are asked for once more.
TRUSTED_SECONDS = 1.0


class NeedsFullSync(Exception):
    """The tab, its columns or its rows are not where they were; only a full sync can find, create or mend them."""


#: Header and keys, where our columns are, and what the marks say.
KeysRead = tuple[TabSnapshot, dict[str, int], Sight]


class TabReader:
    """Reads one tab."""

    def __init__(self, tab: Tab, client: SheetsClient, marks: TabMarks) -> None:
        self.tab, self.client, self._marks = tab, client, marks
        #: When (monotonic) an answer last told where rows stand.
        self.seen_at = float("-inf")
        self._ahead: tuple[TabFacts, KeysRead] | None = None

    def read_tab(
        self, facts: TabFacts, *, takes_over: bool = False, was_refused: bool = False
    ) -> tuple[TabSnapshot, Sight]:
        """All cells; the last two arguments are those of ``TabMarks.of_tab``."""
        lookups = self._marks.lookups(facts)
        with self.client.span("read") as span:
            snapshot, matched = access.read_tab(self.client, facts.sheet_id, lookups, cells=facts.cells)
            span.note(rows=snapshot.last_row)
        self.seen_at, self._ahead = time.monotonic(), None
        return snapshot, self._marks.of_tab(facts, matched, takes_over=takes_over, was_refused=was_refused)

    def read_keys_ahead(self, facts: TabFacts) -> None:
        """``read_keys`` for whoever asks next, while rows are still being computed."""
        if self._ahead is None:
            self._ahead = facts, self.read_keys(facts)

    def read_keys(self, facts: TabFacts, *, was_refused: bool = False) -> KeysRead:
        """Header and key columns, and where our columns are; read twice where people moved a key column.

        Raises:
            NeedsFullSync: A column is not there, or key columns do not stay where they are.
        """
        ahead, self._ahead = self._ahead, None
        is_fresh = time.monotonic() - self.seen_at <= TRUSTED_SECONDS
        if ahead is not None and is_fresh and ahead[0] == facts and not was_refused:
            return ahead[1]
        if set(facts.layout) != {column.name for column in self.tab.columns}:
            raise NeedsFullSync(self.tab.title)
        places = [facts.layout[name] for name in self.tab.key]
        known_from = facts.rows_end if 0 < facts.rows_end < facts.row_count else None
        for _ in range(2):
            lookups = self._marks.lookups(facts)
            with self.client.span("read") as span:
                try:
                    snapshot, matched = access.read_keys(self.client, facts.sheet_id, places, known_from, lookups)
                except RequestRejected:
                    if known_from is None:
                        raise
                    known_from = None  # people took rows out, and the grid ends above it
                    snapshot, matched = access.read_keys(self.client, facts.sheet_id, places, None, lookups)
                span.note(rows=snapshot.last_row)
            self.seen_at = time.monotonic()
            layout = locate_columns(self.tab, snapshot, facts)
            if set(layout) != set(facts.layout):
                raise NeedsFullSync(self.tab.title)
            if (now := [layout[name] for name in self.tab.key]) == places:
                return snapshot, layout, self._marks.of_tab(facts, matched, was_refused=was_refused)
            places = now
        raise NeedsFullSync(self.tab.title)
