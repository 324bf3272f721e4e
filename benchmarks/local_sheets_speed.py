"""``python -m benchmarks.local_sheets_speed``: how quick Local Sheets is, and whether many at once get torn answers.

A spreadsheet of a million cells is written, read, changed, and read from disk again; then 50 clients write rows and read blocks
at once, and each row that is read must be one that somebody wrote; then one of 100,000 cells that 100,000 formulas read is changed.
"Computing" is processor time of the server, which other programs on the machine do not add to. Writes docs/measured/local-sheets.md.
"""

import argparse
import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.environment import MEASURED, output_folder
from benchmarks.machine import machine
from local_sheets.testing import LocalSheetsServer

ROWS, COLUMNS, ROWS_AT_ONCE = 100_000, 10, 10_000
CHANGES, CLIENTS, SECONDS = 200, 50, 10.0
_BLOCK_ROWS = 20


@dataclass(slots=True)
class Figures:
    """What was measured: name, figure, and what the docs promise."""

    lines: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, name: str, figure: str, promise: str = "") -> None:
        self.lines.append((name, figure, promise))
        print(f"{name}: {figure}", flush=True)


class Measured:
    """A server and one spreadsheet of it."""

    def __init__(self, server: LocalSheetsServer, title: str) -> None:
        self.server = server
        body = {
            "properties": {"title": title},
            "sheets": [{"properties": {"gridProperties": {"rowCount": ROWS, "columnCount": COLUMNS}}}],
        }
        made = server.call("POST", "/v4/spreadsheets", body)
        self.id, self.sheet_id = made["spreadsheetId"], made["sheets"][0]["properties"].get("sheetId", 0)

    def computing(self, work: Callable[[], Any]) -> float:
        """Seconds of processor time that the server takes for some work."""
        process = psutil.Process(self.server.pid)
        before = process.cpu_times()
        work()
        after = process.cpu_times()
        return after.user + after.system - before.user - before.system

    def read(self, a1_range: str) -> bytes:
        """values.get, as it comes."""
        with urllib.request.urlopen(f"{self.server.endpoint}/v4/spreadsheets/{self.id}/values/{a1_range}") as answer:
            return bytes(answer.read())

    def write(self, a1_range: str, values: list[list[Any]], option: str = "RAW") -> None:
        path = f"/v4/spreadsheets/{self.id}/values/{a1_range}?valueInputOption={option}"
        self.server.call("PUT", path, {"values": values})

    def batch(self, request: dict[str, Any]) -> None:
        self.server.call("POST", f"/v4/spreadsheets/{self.id}:batchUpdate", {"requests": [request]})

    def milliseconds(self, work: Callable[[int], None], count: int) -> float:
        """Median of the milliseconds that an answer takes, by the server's own log."""
        self.server.reset_stats()
        for number in range(count):
            work(number)
        return statistics.median(request["milliseconds"] for request in self.server.requests()[-count:])


def _row(number: int) -> list[Any]:
    """As a business has them: numbers, texts, amounts, a share, a truth value."""
    amounts = [round(number * 1.07, 2), round(number / 3, 2), round(number % 977 * 19.99, 2)]
    return [
        number,
        f"text {number}",
        f"{number % 40} Main St",
        *amounts,
        number % 12,
        number * 31,
        number / 7,
        number % 2 == 0,
    ]


def _fractions(number: int) -> list[Any]:
    return [number, *[(number + column) / 7 for column in range(1, COLUMNS)]]


def million(figures: Figures) -> None:
    """Write, read, change, and read from disk again."""
    with LocalSheetsServer() as server:
        sheet = Measured(server, "A million")
        spent = 0.0
        for start in range(0, ROWS, ROWS_AT_ONCE):
            rows = [_row(number) for number in range(start, start + ROWS_AT_ONCE)]
            spent += sheet.computing(lambda start=start, rows=rows: sheet.write(f"A{start + 1}", rows))  # type: ignore[misc]
        figures.add("1 million cells: write all (10 requests), computing", f"{spent:.2f} s", "1 s")
        read = min(sheet.computing(lambda: sheet.read("A:J")) for _ in range(3))
        figures.add("1 million cells: read all, computing", f"{read:.2f} s", "0.6 s")
        dates = {"sheetId": sheet.sheet_id, "startColumnIndex": 6, "endColumnIndex": 7}
        pattern = {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm-dd"}}
        format_request = {"range": dates, "cell": {"userEnteredFormat": pattern}, "fields": "userEnteredFormat"}
        milliseconds = sheet.milliseconds(lambda n: sheet.write(f"B{1 + n * 487}", [[f"changed {n}"]]), CHANGES)
        figures.add("1 million cells: one cell changed", f"{milliseconds:.1f} ms", "5 ms")
        middle = {"sheetId": sheet.sheet_id, "dimension": "ROWS", "startIndex": ROWS // 2, "endIndex": ROWS // 2 + 1}
        insert = sheet.milliseconds(lambda _: sheet.batch({"insertDimension": {"range": middle}}), 20)
        figures.add("1 million cells: a row inserted in the middle", f"{insert:.1f} ms", "10 ms")
        memory = psutil.Process(server.pid).memory_info().rss / 1e6
        figures.add("1 million cells: memory of the process", f"{memory:.0f} MB", "250 MB")
        server.restart()
        disk = sheet.computing(lambda: sheet.read("A1:A1"))
        figures.add("1 million cells: read from disk after a start, computing", f"{disk:.2f} s", "0.6 s")
        sheet.batch({"repeatCell": format_request})
        read = min(sheet.computing(lambda: sheet.read("A:J")) for _ in range(3))
        figures.add("1 million cells, a tenth of them formatted dates: read all, computing", f"{read:.2f} s", "1.4 s")
        for start in range(0, ROWS, ROWS_AT_ONCE):
            sheet.write(f"A{start + 1}", [_fractions(number) for number in range(start, start + ROWS_AT_ONCE)])
        read = min(sheet.computing(lambda: sheet.read("A:J")) for _ in range(3))
        figures.add("1 million cells, nine tenths of them endless fractions: read all, computing", f"{read:.2f} s")


class Crowd:
    """Clients that each write a row again and again, all its cells the same, and read a block of rows."""

    def __init__(self, sheet: Measured) -> None:
        self.sheet = sheet
        self.requests, self.torn = 0, list[str]()
        self._lock = threading.Lock()

    def client(self, number: int, end: float) -> None:
        turn = 0
        while time.monotonic() < end:
            turn += 1
            self.sheet.write(f"A{number + 1}", [[f"{number}-{turn}"] * COLUMNS])
            first = number - number % _BLOCK_ROWS + 1
            found = json.loads(self.sheet.read(f"A{first}:J{first + _BLOCK_ROWS - 1}")).get("values", [])
            torn = [str(row) for row in found if len(set(row)) > 1]
            mine = found[number + 1 - first] if len(found) > number + 1 - first else []
            if mine != [f"{number}-{turn}"] * COLUMNS:
                torn.append(f"own row: {mine}")
            with self._lock:
                self.requests += 2
                self.torn += torn


def crowd(figures: Figures) -> None:
    """50 clients at once."""
    with LocalSheetsServer() as server:
        people = Crowd(Measured(server, "A crowd"))
        started = time.monotonic()
        threads = [threading.Thread(target=people.client, args=(n, started + SECONDS)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        per_second = people.requests / (time.monotonic() - started)
        figures.add(f"{CLIENTS} clients at once: requests answered a second", f"{per_second:.0f}")
        figures.add(f"{CLIENTS} clients at once: torn answers of {people.requests}", str(len(people.torn)), "0")


def formulas(figures: Figures) -> None:
    """100,000 formulas, of which one reads the cell that changes."""
    with LocalSheetsServer() as server:
        sheet = Measured(server, "Formulas")
        spent = 0.0
        for start in range(0, ROWS, ROWS_AT_ONCE):
            rows = [[number, f"=A{number + 1}*2"] for number in range(start, start + ROWS_AT_ONCE)]
            work = lambda start=start, rows=rows: sheet.write(f"A{start + 1}", rows, "USER_ENTERED")  # noqa: E731
            spent += sheet.computing(work)
        figures.add("100,000 formulas: written and calculated, computing", f"{spent:.2f} s")
        milliseconds = sheet.milliseconds(lambda n: sheet.write(f"A{1 + n * 487}", [[n]]), CHANGES)
        figures.add("100,000 formulas: a cell changed that one of them reads", f"{milliseconds:.1f} ms")


def render(figures: Figures, about: dict[str, Any]) -> str:
    """The page."""
    lines = [
        "# How quick Local Sheets is",
        "",
        "Made by `python -m benchmarks.local_sheets_speed`. A million cells are 100,000 rows of numbers, texts, amounts, a",
        "share and a truth value. Computing is processor time of the server; milliseconds are those of the server's log, the median of 200",
        "requests (20 for rows). The clients at once each write a row, all cells the same, and read a block of 20 rows that others",
        "write to: an answer is torn where the cells of a row differ, or one's own row is not the one just written.",
        "",
        "| What | Measured | To be held |",
        "|---|--:|--:|",
        *(f"| {name} | {figure} | {promise} |" for name, figure, promise in figures.lines),
        "",
        f"{about['date']}, {about['cores']} cores of {about['processor']}, {about['memory_gib']} GiB, {about['system']}, "
        f"Python {about['python']}, load at the start {about['load']}.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.local_sheets_speed", description=__doc__)
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the page")
    given = parser.parse_args()
    about, figures = machine(), Figures()
    million(figures)
    crowd(figures)
    formulas(figures)
    (given.output / "local-sheets.md").write_text(render(figures, about))


if __name__ == "__main__":
    main()
