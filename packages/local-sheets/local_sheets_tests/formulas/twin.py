"""A spreadsheet in memory that follows the protocol which formulas ask for."""

from datetime import datetime

from local_sheets.a1 import Area, parse_range
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.evaluator import Result, evaluate
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.operands import Formatted, TableArea, plain_value


class TwinWorkbook:
    """Tabs of plain rows; ``formats`` gives number formats by title, row and column."""

    def __init__(self, tabs, *, locale="en_US", formats=None, named=None, size=(1000, 26), tables=None):
        self.locale = locale
        self._tables = tables or {}
        self.hidden: set[int] = set()
        self._tabs, self._formats, self._size = tabs, formats or {}, size
        self._named = {name.casefold(): parse_range(text, tabs, {}) for name, text in (named or {}).items()}

    def tab(self, title: str) -> str | None:
        return next((known for known in self._tabs if known.casefold() == title.casefold()), None)

    def size(self, title: str) -> tuple[int, int]:
        return self._size

    def values(self, title: str, row0: int, row1: int, col0: int, col1: int):
        return [
            [self._carried(title, row, col, value) for col, value in enumerate(values[col0:col1], col0)]
            for row, values in enumerate(self._tabs[title][row0:row1], row0)
        ]

    def _carried(self, title: str, row: int, col: int, value):
        found = self._formats.get((title, row, col))
        return value if found is None else Formatted(value, found)

    def titles(self) -> list[str]:
        return list(self._tabs)

    def formula(self, title: str, row: int, col: int) -> str | None:
        return None

    def hidden_rows(self, title: str, row0: int, row1: int, also_by_hand: bool) -> set[int]:
        return self.hidden if also_by_hand else set()

    def subtotals(self, title: str, row0: int, row1: int, col0: int, col1: int) -> set[tuple[int, int]]:
        return set()

    def table(self, name: str) -> TableArea | None:
        return self._tables.get(name.casefold())

    def imported(self, spreadsheet: str, cells: str):
        raise Fault(CellError("REF", "There is no other spreadsheet."))

    def named_range(self, name: str) -> Area | None:
        return self._named.get(name.casefold())

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 18, 30)

    def evaluate(self, text: str, row: int = 20, col: int = 10, title: str | None = None) -> Result:
        """The result of a formula in a cell apart from the data."""
        return evaluate(text, title or next(iter(self._tabs)), row, col, self)

    def shown(self, text: str):
        """Its value; an error as it is shown; rows where it spills."""
        result = self.evaluate(text)
        if result.spill is not None:
            return [[plain_value(getattr(value, "text", value)) for value in row] for row in result.spill]
        return plain_value(getattr(result.value, "text", result.value))
