"""Where a tab and its columns are: as remembered, else as Google says, by sheet id, title, header and metadata."""

from dataclasses import replace

from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.memory import TabFacts, TabMemory
from sheets_pipeline.sync.snapshot import TabSnapshot, header_texts, locate_columns, require_columns
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
        if facts is None or self.memory.now() - facts.seen_at > FACTS_GOOD_FOR_SECONDS:
            facts = self.find()
            if facts is not None:
                self.memory.save_facts(facts)
        return facts

    def find(self) -> TabFacts | None:
        """Ask Google where the tab is: the one we wrote, under whatever title, else the one with the declared title."""
        known = self.memory.facts()
        spreadsheet = self.spreadsheet = access.read_spreadsheet(self.client)
        for sheet in spreadsheet.sheets:
            if known is not None and sheet.sheet_id == known.sheet_id:
                known = replace(known, spreadsheet_cells=spreadsheet.cells, spreadsheet_tabs=len(spreadsheet.sheets))
                return replace(known, time_zone=spreadsheet.time_zone, seen_at=self.memory.now())
        for sheet in spreadsheet.sheets:
            if sheet.title == self.tab.title:
                return TabFacts(sheet.sheet_id, spreadsheet.time_zone, {}, self.memory.now())
        return None

    def columns(self, facts: TabFacts, snapshot: TabSnapshot) -> tuple[TabFacts, dict[str, int], list[str]]:
        """Where our columns are, with renamed ones recognised, and which of them are to be added at the right end.

        Costs a read request where a declared column is not in the header.

        Raises:
            HeaderMismatch: A declared column is not there, under whatever name, and none to be added.
        """
        layout = locate_columns(self.tab, snapshot, facts.renamed)
        missing = [column.name for column in self.tab.columns if column.name not in layout]
        if not missing:
            return facts, layout, []
        marked = access.read_column_metadata(self.client, facts.sheet_id)
        texts = header_texts(snapshot)
        renamed = {name: texts[marked[name]] for name in missing if name in marked and marked[name] < len(texts)}
        renamed = {name: text for name, text in renamed.items() if text and texts.count(text) == 1}
        facts = replace(facts, renamed={**facts.renamed, **renamed})
        layout |= {name: marked[name] for name in renamed}
        is_new = [name for name in missing if name not in renamed and facts.layout and name not in facts.layout]
        lost = [name for name in missing if name not in renamed and name not in is_new]
        added = is_new + (lost if self.tab.restores_columns and facts.layout else [])
        layout |= {name: len(snapshot.columns) + i for i, name in enumerate(added)}
        require_columns(self.tab, snapshot, layout)
        return facts, layout, added
