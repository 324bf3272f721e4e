"""A spreadsheet in an engine, without HTTP."""

from local_sheets.engine import Engine
from local_sheets.model.cell import effective
from local_sheets.spreadsheets_api.defaults import spreadsheet_properties
from local_sheets.spreadsheets_api.methods import add_given_tab
from local_sheets.values_api.writing import write_rows


class Book:
    """One spreadsheet in an engine, written to as by the values API."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        made = engine.create(spreadsheet_properties({}), lambda tx: add_given_tab(tx, {}, 0))
        self.id = made.spreadsheet_id

    @property
    def tab(self):
        return self.engine.open(self.id).tabs[0]

    def write(self, **cells) -> None:
        def work(tx):
            for name, value in cells.items():
                row, col = int(name[1:]) - 1, ord(name[0]) - 65
                write_rows(tx, tx.spreadsheet.tabs[0].rect(row, row + 1, col, col + 1), [[value]], as_typed=True)

        self.engine.change(self.id, work)

    def read(self, names: str):
        found = []
        for name in names.split():
            value = effective(self.tab.cell(int(name[1:]) - 1, ord(name[0]) - 65))
            found.append(getattr(value, "text", value))
        return found
