"""A spreadsheet as formulas see it: values of areas, named ranges, tables, the time."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from local_sheets.a1 import Area
from local_sheets.cell_values.model import CellError, Formula
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.operands import Formatted, Rows, Scalar, TableArea
from local_sheets.model.cell import AnyCell, Cell, effective, entered, number_format_of
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.time_zones import zone_of

#: Yields the values of another spreadsheet's range: of its id or address, and the range's text.
Importer = Callable[[str, str], Rows]


class SpreadsheetWorkbook:
    """Serves one evaluation or one round of them; titles are looked up without regard to case."""

    def __init__(self, sheet: Spreadsheet, importer: Importer | None = None) -> None:
        self._sheet, self._importer = sheet, importer
        self._tabs = {tab.title.casefold(): tab for tab in sheet.tabs}
        self._now: datetime | None = None

    @cached_property
    def locale(self) -> str:
        return self._sheet.locale

    def tab(self, title: str) -> str | None:
        """The tab's own spelling of its title, None when there is no such tab."""
        found = self._tabs.get(title.casefold())
        return None if found is None else found.title

    def find(self, title: str) -> Tab:
        return self._tabs[title.casefold()]

    def size(self, title: str) -> tuple[int, int]:
        """Rows and columns of the grid."""
        tab = self.find(title)
        return tab.row_count, tab.column_count

    def values(self, title: str, row0: int, row1: int, col0: int, col1: int) -> Rows:
        """Effective values; rows may be shorter than the area, and rows at its end may be missing."""
        tab = self.find(title)
        if row1 == row0 + 1:
            return values_of([tab.row_cells(row0)[col0:col1]])
        return values_of(tab.read(Rect(tab, row0, row1, col0, col1)))

    def titles(self) -> list[str]:
        """The titles of all tabs, in their order."""
        return [tab.title for tab in self._sheet.tabs]

    def formula(self, title: str, row: int, col: int) -> str | None:
        """The formula that stands in a cell, None when there is none."""
        value = entered(self.find(title).cell(row, col))
        return value.text if isinstance(value, Formula) else None

    def hidden_rows(self, title: str, row0: int, row1: int, also_by_hand: bool) -> set[int]:
        """Which of these rows a filter hides, or ``also_by_hand`` a person."""
        marks = {"hiddenByFilter", "hiddenByUser"} if also_by_hand else {"hiddenByFilter"}
        return {
            index
            for index, row in enumerate(self.find(title).rows.between(row0, row1), row0)
            if row is not None and row.properties and any(row.properties.get(mark) for mark in marks)
        }

    def subtotals(self, title: str, row0: int, row1: int, col0: int, col1: int) -> set[tuple[int, int]]:
        """Which cells of an area hold a formula with SUBTOTAL."""
        tab = self.find(title)
        if not tab.rows.may_calculate:
            return set()
        return {
            (index, col)
            for index, row in enumerate(tab.rows.between(row0, row1), row0)
            if row is not None and row.calculates
            for col, cell in enumerate(row.cells[col0:col1], col0)
            if isinstance(value := entered(cell), Formula) and "SUBTOTAL(" in value.text.upper()
        }

    def named_range(self, name: str) -> Area | None:
        """The area of a named range, or of a table's rows, whatever the case of its name."""
        found = self._named.get(name.casefold())
        if found is None and (table := self.table(name)) is not None:
            return Area(table.title, table.row0 + 1, table.row1, table.col0, table.col1)
        return found

    def table(self, name: str) -> TableArea | None:
        """The table of this name, whatever its case."""
        return self._tables.get(name.casefold())

    def imported(self, spreadsheet: str, cells: str) -> Rows:
        """The values of another spreadsheet's range.

        Raises:
            Fault: There is none, or this spreadsheet may not see it.
        """
        if self._importer is None:
            raise Fault(CellError("REF", "Other spreadsheets cannot be read here."))
        return self._importer(spreadsheet, cells)

    @cached_property
    def _named(self) -> dict[str, Area]:
        return {name.casefold(): area for name, area in self._sheet.named_areas().items()}

    @cached_property
    def _tables(self) -> dict[str, TableArea]:
        return {
            table["name"].casefold(): _table_area(tab, table)
            for tab in self._sheet.tabs
            for table in tab.sheet.get("tables", ())
        }

    def now(self) -> datetime:
        """The present moment in the spreadsheet's time zone, the same for all formulas of a round."""
        if self._now is None:
            self._now = datetime.now(zone_of(self._sheet.properties.get("timeZone"))).replace(tzinfo=None)
        return self._now


def values_of(rows: Iterable[Sequence[AnyCell]]) -> list[list[Scalar]]:
    """The effective values of cells; numbers carry the format that they are shown in."""
    return [[_carried(cell) if type(cell) is Cell else cell for cell in cells] for cells in rows]  # type: ignore[misc]


def _carried(cell: Cell) -> Scalar:
    value = effective(cell)
    if type(value) is int or type(value) is float:
        found = number_format_of(cell)
        if found is not None and found.get("type") != "TEXT":
            return Formatted(value, found)  # type: ignore[arg-type]
    return value  # type: ignore[return-value]


def _table_area(tab: Tab, table: dict[str, Any]) -> TableArea:
    place = table["range"]
    names = [str(column.get("columnName", "")) for column in table.get("columnProperties", ())]
    return TableArea(
        tab.title,
        place.get("startRowIndex", 0),
        place.get("endRowIndex", tab.row_count),
        place.get("startColumnIndex", 0),
        place.get("endColumnIndex", tab.column_count),
        tuple(names),
    )
