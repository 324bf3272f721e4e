"""A spreadsheet in memory that follows the protocol which formulas ask for."""

from datetime import datetime

from local_sheets.a1 import Area, parse_range
from local_sheets.formulas.evaluator import Result, evaluate


class TwinWorkbook:
    """Tabs of plain rows; ``formats`` gives number formats by title, row and column."""

    def __init__(self, tabs, *, locale="en_US", formats=None, named=None, size=(1000, 26)):
        self.locale = locale
        self._tabs, self._formats, self._size = tabs, formats or {}, size
        self._named = {name.casefold(): parse_range(text, tabs, {}) for name, text in (named or {}).items()}

    def tab(self, title: str) -> str | None:
        return next((known for known in self._tabs if known.casefold() == title.casefold()), None)

    def size(self, title: str) -> tuple[int, int]:
        return self._size

    def values(self, title: str, row0: int, row1: int, col0: int, col1: int):
        return [row[col0:col1] for row in self._tabs[title][row0:row1]]

    def number_format(self, title: str, row: int, col: int):
        return self._formats.get((title, row, col))

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
            return [[getattr(value, "text", value) for value in row] for row in result.spill]
        return getattr(result.value, "text", result.value)
