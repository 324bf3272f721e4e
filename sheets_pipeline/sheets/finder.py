"""Where a tab and its columns are: as remembered, else as Google says, by sheet id, title, header and metadata."""

from collections.abc import Collection
from dataclasses import replace

from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.memory import TabFacts, TabMemory
from sheets_pipeline.sync.headers import Columns, find_columns
from sheets_pipeline.sync.snapshot import TabSnapshot
from sheets_pipeline.sync.tab import Tab

#: Seconds for which the place and the time zone of a tab are believed without asking Google again.
FACTS_GOOD_FOR_SECONDS = 86_400


class TabFinder:
    """Finds one tab, whatever people did to it. ``spreadsheet`` is how it was when last asked for, if ever."""

    def __init__(self, tab: Tab, client: SheetsClient, memory: TabMemory) -> None:
        self.tab, self.client, self.memory = tab, client, memory
        self.spreadsheet: access.SpreadsheetProperties | None = None

    def facts(self) -> TabFacts | None:
        """Where the tab is, as remembered or, after a day, as Google says; None where it is not there."""
        facts = self.memory.facts()
        if facts is None:
            self.client.go_alone()  # tabs are made one after the other: each finds its place among those before
        if facts is None or self.memory.now() - facts.seen_at > FACTS_GOOD_FOR_SECONDS:
            facts = self.find()
            if facts is not None:
                self.memory.save_facts(facts)
        return facts

    def find(self) -> TabFacts | None:
        """Ask Google where the tab is: the one we wrote, under whatever title, else the one with the declared title."""
        known = self.memory.facts()
        with self.client.span("read"):
            spreadsheet = self.spreadsheet = access.read_spreadsheet(self.client)
        for sheet in spreadsheet.sheets:
            if known is not None and sheet.sheet_id == known.sheet_id:
                known = replace(known, spreadsheet_cells=spreadsheet.cells, spreadsheet_tabs=len(spreadsheet.sheets))
                return replace(known, time_zone=spreadsheet.time_zone, seen_at=self.memory.now())
        for sheet in spreadsheet.sheets:
            if sheet.title == self.tab.title:
                return TabFacts(sheet.sheet_id, spreadsheet.time_zone, {}, self.memory.now())
        return None

    def columns(self, facts: TabFacts, snapshot: TabSnapshot, keys: Collection[str] = ()) -> tuple[TabFacts, Columns]:
        """Where our columns are, and what is to be done to them; ``keys`` are those that the tab should hold.

        Costs a read request where a declared column is not in the header.

        Raises:
            HeaderMismatch, HeaderDoubled: A person must mend the header row.
        """
        columns = find_columns(self.tab, snapshot, facts, None, keys)
        if columns is None:
            marked = access.read_column_metadata(self.client, facts.sheet_id)
            columns = find_columns(self.tab, snapshot, facts, marked, keys)
        if columns is None:
            raise AssertionError("find_columns asks for marks that it was given")
        return replace(facts, renamed=columns.renamed), columns


def as_declared(tab: Tab, facts: TabFacts, columns: Columns) -> TabFacts:
    """The facts once everything is done to the columns that is to be done."""
    declared = {}
    for column in tab.columns:
        header = column.header
        if column.name in columns.renamed and (written := facts.declared.get(column.name)):
            header = written[0]
        declared[column.name] = [header, str(column.type)]
    layout = {column.name: columns.layout[column.name] for column in tab.columns}
    return replace(facts, layout=layout, declared=declared, released=columns.released, key=list(tab.key))
