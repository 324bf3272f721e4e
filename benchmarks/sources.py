"""``python -m benchmarks.sources``: what sources cost beside the usual script of gspread, pandas and ``to_sql``, and dlt.

One of 100,000 rows and 10 columns: first, unchanged, and with one changed cell; then 100 sources in 50 spreadsheets of which
nothing has changed. All on one Local Sheets and one PostgreSQL. ``--peers PYTHON`` is an interpreter with gspread, pandas,
SQLAlchemy and psycopg, and with dlt[postgres] where ``--dlt`` names the folder that holds the package ``google_sheets`` of dlt's
verified sources; ours alone where left out. Writes the page sources.md.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import requests
import sqlalchemy as sa

from benchmarks.environment import MEASURED, ROOT, output_folder
from benchmarks.machine import machine
from benchmarks.own_postgres import own_postgres
from benchmarks.peers.source_stores import SCHEMAS, TOOLS
from benchmarks.source_typing import ROWS, _client, _large, _post
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.engine import connect
from sheets_pipeline.sources.postgresql import PostgresqlStore
from sheets_pipeline.sources.reading import Reading, read_sources
from sheets_pipeline.sources.seen import Seen
from sheets_pipeline.sync.source import Source, SourceRange

SPREADSHEETS, TABS = 50, ("First", "Second")
NAMES = {"gspread-pandas": "gspread + pandas + to_sql", "dlt": "dlt"}


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sources", description=__doc__)
    parser.add_argument("--peers", help="interpreter with gspread, pandas, SQLAlchemy and psycopg")
    parser.add_argument("--dlt", default="", help="folder of dlt's verified sources")
    parser.add_argument("--output", type=output_folder, default=MEASURED)
    parser.add_argument("--ours", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        what, *rest = arguments.ours
        print(json.dumps(_time_large(*rest) if what == "large" else _time_many(*rest)))
        return
    results: dict[str, Any] = {}
    with LocalSheetsServer() as server, own_postgres("sources") as (_, postgres):
        url, large = postgres.url("postgres"), _large(server)
        many = [_small(server, number) for number in range(SPREADSHEETS)]
        for what, ids, tabs in (("large", [large], ("Sheet1",)), ("many", many, TABS)):
            command = [sys.executable, "-m", "benchmarks.sources", "--ours", what, server.endpoint, url, *ids]
            results[what] = _json(command)
            for tool in [tool for tool in TOOLS if arguments.peers and (tool != "dlt" or arguments.dlt)]:
                peer = [arguments.peers, "-m", "benchmarks.peers.source_stores", tool, server.endpoint]
                peer += [str(server.credentials_file), url, arguments.dlt, "2", *tabs]
                results[f"{what} {tool}"] = _json(peer, json.dumps(ids)) | {"types_dates": _types_dates(url, tool)}
    page = render(results)
    (arguments.output / "sources.md").write_text(page)
    print(page)


def _types_dates(url: str, tool: str) -> bool:
    """Whether the table of the large sheet has its days and moments in columns of such types."""
    query = """select count(*) from information_schema.columns where table_schema = :schema and column_name in ('born', 'at')
        and (data_type = 'date' or data_type like 'timestamp%')"""
    with connect(url).connect() as connection:
        return connection.scalar(sa.text(query), {"schema": SCHEMAS[tool]}) == 2


def _small(server: LocalSheetsServer, number: int) -> str:
    spreadsheet = server.create_spreadsheet(f"Small {number}")
    added = [{"addSheet": {"properties": {"title": title}}} for title in TABS]
    _post(server, spreadsheet, ":batchUpdate", {"requests": added})
    rows = [["id", "name", "score"]] + [[i, f"Person {i}", i * 1.5] for i in range(100)]
    data = [{"range": f"{title}!A1", "values": rows} for title in TABS]
    _post(server, spreadsheet, "/values:batchUpdate", {"valueInputOption": "RAW", "data": data})
    return spreadsheet


def _time_large(endpoint: str, url: str, spreadsheet: str) -> dict[str, Any]:
    client, source = _client(endpoint, spreadsheet), Source("large", "large", spreadsheet, (SourceRange(),))
    store = PostgresqlStore(connect(url))
    seen: dict[str, Seen] = {}

    def once() -> tuple[float, float, int]:
        """Seconds of reading with typing, of storing, and bytes that are stored anew."""
        began = time.perf_counter()
        found = read_sources(client, [source], seen)["large"]
        assert isinstance(found, Reading), found
        read = time.perf_counter()
        stored = store.put("large", found.content) if found.content is not None else None
        seen["large"] = found.seen
        return read - began, time.perf_counter() - read, stored.new_bytes if stored else 0

    first, unchanged = once(), once()
    body = {"values": [["Somebody else"]]}
    path = f"{endpoint}/v4/spreadsheets/{spreadsheet}/values/Sheet1!B5000?valueInputOption=RAW"
    requests.put(path, json=body, timeout=60).raise_for_status()
    changed = once()
    began = time.perf_counter()
    found = len(store.search("somebody", source="large"))
    searched = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = {"first": first, "unchanged": unchanged, "changed": changed}
    return times | {"search_seconds": searched, "found": found, "peak_memory_mb": peak}


def _time_many(endpoint: str, url: str, *spreadsheets: str) -> dict[str, Any]:
    store = PostgresqlStore(connect(url))
    groups = [
        [Source(f"{number}-{tab}", tab, one, (SourceRange(tab=tab),)) for tab in TABS]
        for number, one in enumerate(spreadsheets)
    ]
    seen: dict[str, Seen] = {}
    for times in range(2):
        began, requests_sent, writes = time.perf_counter(), 0, 0
        for group in groups:
            client = _client(endpoint, group[0].spreadsheet_id)
            latest = {one.id for one in group if store.latest(one.id)}
            found = read_sources(client, group, {name: one for name, one in seen.items() if name in latest})
            for name, reading in found.items():
                assert isinstance(reading, Reading), reading
                seen[name] = reading.seen
                writes += reading.content is not None and store.put(name, reading.content).is_new
            requests_sent += client.traffic.read_requests
        assert times or writes == len(TABS) * len(groups)
    return {"seconds": time.perf_counter() - began, "reads": requests_sent, "writes": writes}


def _json(command: Sequence[str], given: str = "") -> Any:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=ROOT, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def render(results: dict[str, Any]) -> str:
    """The page, as Markdown."""
    here, large, many = machine(), results["large"], results["many"]
    peers = {tool: results[f"large {tool}"] for tool in TOOLS if f"large {tool}" in results}
    first_bytes, changed_bytes = large["first"][2], large["changed"][2]
    rows = [
        (
            text,
            sum(large[name][:2]),
            f"{large[name][1]:.2f}",
            {tool: one["seconds"][name != "first"] for tool, one in peers.items()},
        )
        for name, text in (("first", "first"), ("unchanged", "nothing changed"), ("changed", "one cell changed"))
    ]
    of_many = {tool: results[f"many {tool}"]["seconds"][1] for tool in peers}
    rows.append(
        (
            f"{len(TABS) * SPREADSHEETS} sources in {SPREADSHEETS} spreadsheets, nothing changed",
            many["seconds"],
            "",
            of_many,
        )
    )
    lines = [
        "# What sources cost, beside other ways",
        "",
        f"A sheet of {ROWS:,} rows and 10 columns on Local Sheets, two of them days and moments: read, typed, hashed and stored in PostgreSQL with its words,",
        "for search. Beside it on the same server and database the usual script (gspread, `UNFORMATTED_VALUE`, pandas, `to_sql`) and dlt with its verified",
        "source `google_sheets`. Neither keeps versions, searches, or can know that nothing has changed. In brackets: how often the time of ours is theirs.",
        "",
        "| Seconds | Sheets Pipeline | of them storing | " + " | ".join(NAMES[tool] for tool in peers) + " |",
        "|---|---:|---:|" + "---:|" * len(peers),
    ]
    for text, ours, stored, theirs in rows:
        others = " | ".join(f"{one:.1f} ({ours / one:.2f})" for one in theirs.values())
        lines.append(f"| {text} | {ours:.1f} | {stored} | {others} |")
    lines += [
        "| days and moments are days and moments in the table | yes |  | "
        + " | ".join("yes" if one["types_dates"] else "no: numbers" for one in peers.values())
        + " |",
        f"| peak memory | {large['peak_memory_mb']:.0f} MB |  | "
        + " | ".join(f"{one['peak_memory_mb']:.0f} MB" for one in peers.values())
        + " |",
        "",
        f"- One changed cell stored {changed_bytes:,} of {first_bytes:,} bytes anew: {changed_bytes / first_bytes:.2%}.",
        f"- {len(TABS) * SPREADSHEETS} sources, nothing changed: {many['reads']} reads, {many['writes']} writes to the store.",
        f"- A search among the {ROWS:,} rows took {large['search_seconds'] * 1000:.0f} ms.",
        "",
        "Ours reads a sheet that has changed three times: with dates as numbers, with dates as text, which tells what is a date, and with formulas, which",
        "tells what changes by itself. The script reads it once. Which tools type which awkward sheets rightly is [a table of its own](source-typing.md).",
        "",
        f"{here['date']}, {here['cores']} cores ({here['processor']}), {here['memory_gib']} GiB, Python {here['python']}, load {here['load']} at the end. Made",
        "by `python -m benchmarks.sources --peers PYTHON --dlt FOLDER`.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
