"""A grid in memory that applies the requests a plan is made of, as Google documents them."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from sheets_pipeline.sync.plan import Plan
from sheets_pipeline.sync.snapshot import TabSnapshot


@dataclass
class Grid:
    """Rows of cells; every row has ``width`` cells, None is blank."""

    rows: list[list[Any]]
    width: int = 0
    formats: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.width = max([self.width, *(len(row) for row in self.rows)])
        self.rows = [row + [None] * (self.width - len(row)) for row in self.rows]

    def snapshot(self, title: str = "T") -> TabSnapshot:
        columns = []
        for column in range(self.width):
            cells = [row[column] for row in self.rows]
            while cells and cells[-1] is None:
                cells.pop()
            columns.append(["" if cell is None else cell for cell in cells])
        return TabSnapshot(title, len(self.rows), self.width, columns)

    def apply(self, plan: Plan) -> None:
        for batch in plan.batches:
            for request in orjson.loads(batch.body):
                [(kind, body)] = request.items()
                getattr(self, f"_{kind}")(body)

    def _updateCells(self, body: dict[str, Any]) -> None:
        start = body["start"]
        for r, row in enumerate(body["rows"], start=start.get("rowIndex", 0)):
            for c, cell in enumerate(row["values"], start=start.get("columnIndex", 0)):
                self.rows[r][c] = _value(cell)

    def _appendCells(self, body: dict[str, Any]) -> None:
        last = max((i for i, row in enumerate(self.rows) if any(c is not None for c in row)), default=-1)
        for r, row in enumerate(body["rows"], start=last + 1):
            if r == len(self.rows):
                self.rows.append([None] * self.width)
            for c, cell in enumerate(row["values"]):
                self.rows[r][c] = _value(cell)

    def _appendDimension(self, body: dict[str, Any]) -> None:
        assert body["dimension"] == "ROWS"
        self.rows += [[None] * self.width for _ in range(body["length"])]

    def _insertDimension(self, body: dict[str, Any]) -> None:
        span, before = body["range"], body.get("inheritFromBefore", False)
        assert span["dimension"] == "ROWS"
        assert (0 < span["startIndex"] <= len(self.rows)) if before else span["startIndex"] < len(self.rows)
        new = [[None] * self.width for _ in range(span["endIndex"] - span["startIndex"])]
        self.rows[span["startIndex"] : span["startIndex"]] = new

    def _deleteDimension(self, body: dict[str, Any]) -> None:
        span = body["range"]
        assert span["dimension"] == "ROWS"
        del self.rows[span["startIndex"] : span["endIndex"]]

    def _repeatCell(self, body: dict[str, Any]) -> None:
        assert body["fields"] == "userEnteredFormat.numberFormat"
        self.formats.append(body["range"])


def _value(cell: dict[str, Any]) -> Any:
    entered = cell.get("userEnteredValue", {})
    assert "formulaValue" not in entered
    return next(iter(entered.values()), None)
