"""``python -m benchmarks.source_typing``: how many awkward sheets each tool reads right, and how long a large one takes.

``--peers PYTHON`` is an interpreter with gspread, pandas, dlt and google-api-python-client, ``--dlt FOLDER`` the folder that
holds dlt's verified source ``google_sheets``. Writes docs/measured/source-typing.md.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials

from benchmarks.environment import MEASURED, ROOT, output_folder
from benchmarks.machine import machine
from benchmarks.source_sheets import SHEETS, Sheet, requests_for
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.components.source_declaration import SourceDeclaration
from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.postgres import EmbeddedPostgres
from sheets_pipeline.sheets.client import NoQuota, SheetsClient
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sources.content import Content
from sheets_pipeline.sources.postgresql import PostgresqlStore
from sheets_pipeline.sources.reading import Reading, read_sources
from sheets_pipeline.sources.seen import Seen
from sheets_pipeline.sync.source import Source, SourceRange

TOOLS = {
    "gspread-pandas": "gspread `get_all_records` + pandas",
    "gspread-unformatted": "gspread `UNFORMATTED_VALUE` + pandas",
    "dlt": "dlt, verified source google_sheets",
}
ROWS = 100_000

#: Cells as type and value, as ``peers/source_readers.py`` has them.
Cells = list[list[list[str] | None]]


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.source_typing", description=__doc__)
    parser.add_argument("--peers", help="interpreter with the other tools; ours alone where left out")
    parser.add_argument("--dlt", default="", help="folder that holds dlt's google_sheets")
    parser.add_argument("--output", type=output_folder, default=MEASURED)
    parser.add_argument("--read-ours", nargs=3, metavar=("ENDPOINT", "SPREADSHEET", "DATABASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read_ours:
        print(json.dumps(_time_ours(*arguments.read_ours)))
        return
    tools = list(TOOLS) if arguments.peers else []
    with LocalSheetsServer() as server:
        spreadsheet = server.create_spreadsheet("Awkward")
        _post(server, spreadsheet, ":batchUpdate", {"requests": requests_for(SHEETS)})
        verdicts = {"ours": _ours(server, spreadsheet)}
        for tool in tools:
            verdicts[tool] = _theirs(server, spreadsheet, tool, arguments)
        large = _large(server)
        with TemporaryDirectory(prefix="source-typing-") as folder:
            postgres = EmbeddedPostgres(Path(folder))
            url = postgres.ensure().url("postgres")
            try:
                command = [sys.executable, "-m", "benchmarks.source_typing", "--read-ours", server.endpoint, large, url]
                times = {"ours": _json(command)}
            finally:
                postgres.stop()
        for tool in tools:
            times[tool] = _ask(server, large, tool, arguments, ["--time", "Sheet1"])
    page = render(verdicts, times)
    (arguments.output / "source-typing.md").write_text(page)
    print(page)


# Awkward sheets ----------------------------------------------------------------------------------------------------------


def _ours(server: LocalSheetsServer, spreadsheet: str) -> dict[str, str]:
    sources = [
        SourceDeclaration.model_validate({"id": one.name, "url": spreadsheet, "tab": one.name, **one.declared}).source
        for one in SHEETS
    ]
    found = read_sources(_client(server.endpoint, spreadsheet), sources, {})
    verdicts = {}
    for sheet in SHEETS:
        reading = found[sheet.name]
        if not isinstance(reading, Reading) or reading.content is None:
            verdicts[sheet.name] = str(reading)
            continue
        columns = [(column.name, str(column.type)) for column in reading.content.columns]
        is_right = columns == list(sheet.columns) and list(reading.content.rows) == list(sheet.rows)
        verdicts[sheet.name] = "" if is_right else "wrong"
    return verdicts


def _theirs(server: LocalSheetsServer, spreadsheet: str, tool: str, arguments: argparse.Namespace) -> dict[str, str]:
    answers = _ask(server, spreadsheet, tool, arguments, [one.name for one in SHEETS])
    return {sheet.name: _verdict(sheet, answer) for sheet, answer in zip(SHEETS, answers, strict=True)}


def _verdict(sheet: Sheet, answer: dict[str, Any]) -> str:
    """Blank where the values and their types are right; names of columns count only in so far as none is lost."""
    if "error" in answer:
        return str(answer["error"]).partition("\n")[0][:80]
    rows: Cells = [row for row in answer["rows"] if any(cell is not None for cell in row)]
    used = [i for i in range(len(answer["columns"])) if any(i < len(row) and row[i] for row in rows)]
    expected = [[_expected(cell) for cell in row] for row in sheet.rows]
    filled = [i for i in range(len(sheet.columns)) if any(row[i] for row in expected)]
    found = [[_normal(row[i]) for i in used] for row in rows]
    return "" if found == [[row[i] for i in filled] for row in expected] else "wrong"


def _expected(cell: Any) -> tuple[str, str] | None:
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "boolean", str(cell)
    if isinstance(cell, int | float | Decimal):
        return "number", f"{Decimal(str(cell)).normalize():f}"
    if isinstance(cell, datetime):
        return "datetime", cell.isoformat()
    if isinstance(cell, date):
        return "datetime", f"{cell.isoformat()}T00:00:00"
    return ("text", cell) if isinstance(cell, str) else ("time", cell.isoformat())


def _normal(cell: list[str] | None) -> tuple[str, str] | None:
    """A day and its midnight are one, and so are 1 and 1.0."""
    if cell is None:
        return None
    kind, value = cell
    if kind == "number":
        return kind, f"{Decimal(value).normalize():f}"
    return ("datetime", f"{value}T00:00:00") if kind == "date" else (kind, value)


# A large one -------------------------------------------------------------------------------------------------------------


def _large(server: LocalSheetsServer) -> str:
    """A spreadsheet whose first tab has 100,000 rows and 10 columns, two of them days and moments."""
    spreadsheet = server.create_spreadsheet("Large")
    dice = random.Random(1)
    size = {"sheetId": 0, "gridProperties": {"rowCount": ROWS + 1, "columnCount": 10}}
    made: list[dict[str, Any]] = [{"updateSheetProperties": {"properties": size, "fields": "gridProperties"}}]
    for column, kind, pattern in ((3, "DATE", "yyyy-mm-dd"), (4, "DATE_TIME", "yyyy-mm-dd hh:mm:ss")):
        area = {"sheetId": 0, "startRowIndex": 1, "startColumnIndex": column, "endColumnIndex": column + 1}
        form = {"userEnteredFormat": {"numberFormat": {"type": kind, "pattern": pattern}}}
        made.append({"repeatCell": {"range": area, "cell": form, "fields": "userEnteredFormat.numberFormat"}})
    _post(server, spreadsheet, ":batchUpdate", {"requests": made})
    rows: list[list[Any]] = [["id", "name", "score", "born", "at", "ok", "city", "price", "note", "number"]]
    for i in range(ROWS):
        born, at = 30_000 + dice.randint(0, 15_000), 45_000 + dice.randint(0, 300 * 86_400) / 86_400
        city = dice.choice(("Berlin", "Paris", "Rome"))
        score, price = dice.randint(0, 100), round(dice.random() * 100, 2)
        rows.append([i, f"Person {i}", score, born, at, i % 3 > 0, city, price, f"note {i % 97}", i * 7])
    for start in range(0, len(rows), 20_000):
        data = [{"range": f"Sheet1!A{start + 1}", "values": rows[start : start + 20_000]}]
        _post(server, spreadsheet, "/values:batchUpdate", {"valueInputOption": "RAW", "data": data})
    return spreadsheet


def _time_ours(endpoint: str, spreadsheet: str, database: str) -> dict[str, Any]:
    """Reading, typing, hashing and storing the large one, looking at it again, and after one cell has changed."""
    client, source = _client(endpoint, spreadsheet), Source("large", "large", spreadsheet, (SourceRange(),))
    store = PostgresqlStore(connect(database))
    began = time.perf_counter()
    found = _reading(client, source, {})
    read = time.perf_counter() - began
    rows = len(found.content.rows) if found.content else 0
    whole = store.put("large", found.content or Content((), ()))
    seconds = time.perf_counter() - began
    seen = {"large": found.seen}
    del found
    began = time.perf_counter()
    if not _reading(client, source, seen).is_unchanged:
        raise SystemExit("It was unchanged, and was taken for changed.")
    unchanged = time.perf_counter() - began
    body = {"valueInputOption": "RAW", "data": [{"range": "Sheet1!C500", "values": [[777]]}]}
    requests.post(
        f"{endpoint}/v4/spreadsheets/{spreadsheet}/values:batchUpdate", json=body, timeout=300
    ).raise_for_status()
    began = time.perf_counter()
    changed = store.put("large", _reading(client, source, seen).content or Content((), ()))
    one_cell = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": read, "stored_seconds": seconds, "unchanged_seconds": unchanged, "one_cell_seconds": one_cell, "rows": rows,
        "peak_memory_mb": peak, "stored_share": changed.new_bytes / whole.new_bytes,
    }  # fmt: skip


def _reading(client: SheetsClient, source: Source, seen: dict[str, Seen]) -> Reading:
    found = read_sources(client, [source], seen)[source.id]
    if not isinstance(found, Reading):
        raise SystemExit(str(found))
    return found


# What is asked -----------------------------------------------------------------------------------------------------------


def _client(endpoint: str, spreadsheet: str) -> SheetsClient:
    identity = Identity(AnonymousCredentials(), "reader@example.org")
    return SheetsClient(identity, spreadsheet, budget=NoQuota(), endpoint=endpoint)


def _post(server: LocalSheetsServer, spreadsheet: str, path: str, body: dict[str, Any]) -> None:
    url = f"{server.endpoint}/v4/spreadsheets/{spreadsheet}{path}"
    requests.post(url, json=body, timeout=300).raise_for_status()


def _ask(
    server: LocalSheetsServer, spreadsheet: str, tool: str, arguments: argparse.Namespace, titles: list[str]
) -> Any:
    rest = [server.endpoint, spreadsheet, str(server.credentials_file), arguments.dlt]
    return _json([arguments.peers, "-m", "benchmarks.peers.source_readers", tool, *rest], json.dumps(titles))


def _json(command: Sequence[str], given: str = "") -> Any:
    """What a program prints last, as JSON; what it cannot do is shown."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=ROOT, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


# The page ----------------------------------------------------------------------------------------------------------------


def render(verdicts: dict[str, dict[str, str]], times: dict[str, dict[str, Any]]) -> str:
    """The page, as Markdown."""
    here = machine()
    plain = [one for one in SHEETS if not one.declared]
    names = {"ours": "Sheets Pipeline", **TOOLS}
    head = " | ".join(names[tool] for tool in verdicts)
    lines = [
        "# How sources are read, beside other tools",
        "",
        f"{len(SHEETS)} awkward sheets, made of what people complain of when spreadsheets are read (`benchmarks/source_sheets.py`), and one of",
        f"{ROWS:,} rows with 10 columns, on Local Sheets. Right is a table whose cells all have the right value *and* type; of other tools the names of",
        f"columns do not count. {len(SHEETS) - len(plain)} sheets need a declaration, such as `columns` with types; other tools are not judged by those.",
        "",
        f"| | {head} |",
        f"|---|{'---:|' * len(verdicts)}",
        f"| of {len(plain)} sheets without a declaration, right | "
        + " | ".join(str(sum(not found[one.name] for one in plain)) for found in verdicts.values())
        + " |",
        f"| of all {len(SHEETS)} | "
        + " | ".join(
            str(sum(not v for v in found.values())) if tool == "ours" else "" for tool, found in verdicts.items()
        )
        + " |",
        f"| {ROWS:,} × 10 cells, s | " + " | ".join(f"{times[tool]['seconds']:.1f}" for tool in verdicts) + " |",
        "| peak memory, MB | " + " | ".join(f"{times[tool]['peak_memory_mb']:.0f}" for tool in verdicts) + " |",
        "| the same, nothing changed, s | "
        + " | ".join(f"{times[tool].get('unchanged_seconds', times[tool]['seconds']):.1f}" for tool in verdicts)
        + " |",
        "",
        f"| Sheet | {head} |",
        f"|---|{'---|' * len(verdicts)}",
    ]
    for sheet in SHEETS:
        marks = [
            "" if sheet.declared and tool != "ours" else "right" if not found[sheet.name] else _told(found[sheet.name])
            for tool, found in verdicts.items()
        ]
        lines.append(f"| {sheet.name}{' (declared)' if sheet.declared else ''} | {' | '.join(marks)} |")
    lines += [
        "",
        "Seconds are those of reading and typing; of the other tools they end with rows of Python or a frame. Ours, with the hash and a version in",
        f"PostgreSQL: {times['ours']['stored_seconds']:.1f} s; after one cell has changed {times['ours']['one_cell_seconds']:.1f} s, and {times['ours']['stored_share']:.2%} of the bytes are stored anew;",
        "the peak of memory is that of all this. A tool that remembers nothing reads all again when nothing has changed. duckdb's extension gsheets",
        "could not be had on the machine.",
        "",
        f"{here['date']}, {here['cores']} cores ({here['processor']}), {here['memory_gib']} GiB, Python {here['python']}, load {here['load']} at the end. Made",
        "by `python -m benchmarks.source_typing --peers PYTHON --dlt FOLDER`.",
        "",
    ]
    return "\n".join(lines)


def _told(verdict: str) -> str:
    return "wrong" if verdict == "wrong" else f"fails ({verdict.partition(':')[0]})"


if __name__ == "__main__":
    main()
