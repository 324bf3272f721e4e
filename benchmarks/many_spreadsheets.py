"""``python -m benchmarks.many_spreadsheets``: full syncs of a list of spreadsheets, four tabs in each.

Local Sheets holds the spreadsheets, five credentials of one Google project reach them, and the pipeline keeps Google's limits
(60 requests a minute and credential, 300 a project). The first round fills everything, without those limits; after a minute
in which nothing is sent, the second finds nothing changed. Each size runs in a process of its own.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.environment import MEASURED, output_folder
from benchmarks.machine import machine
from benchmarks.own_postgres import own_postgres

CREDENTIALS, ROWS, TABS = 5, 100, 4
PROJECT_PER_MINUTE = 300

LISTS = """\
type: sheets_pipeline.Spreadsheets
attributes: {name: courses, sql: "select id, sheet as url, credential from course order by id"}
"""
_CREDENTIAL = """\
type: sheets_pipeline.Credential
attributes: {{name: robot{number}, key_file: {path}}}
"""
TAB = """\
type: sheets_pipeline.Tab
attributes:
  title: Tab {number}
  key: id
  sql: select id, course, name, score + {number} as score, at from learner
  watches: [{{table: learner, key: id}}]
  spreadsheet: {{each: courses, by: course}}
"""


def measure(number: int) -> dict[str, Any]:
    """One size, in this process: seconds and requests of both rounds, memory, seconds until definitions are loaded."""
    from local_sheets.testing import LocalSheetsServer

    with own_postgres("many-spreadsheets") as (folder, server), LocalSheetsServer(auth="service-account") as sheets:
        keys = [sheets.add_account(f"robot{i}") for i in range(CREDENTIALS)]
        (folder / "tabs").mkdir()
        documents = [LISTS, *(_CREDENTIAL.format(number=i, path=path) for i, path in enumerate(keys))]
        documents += [TAB.format(number=i) for i in range(1, TABS + 1)]
        (folder / "tabs" / "school.yaml").write_text("---\n".join(documents))
        url = server.url("postgres")
        os.chdir(folder)
        os.environ |= {
            "DATABASE_URL": url,
            "DAGSTER_POSTGRES_URL": url,
            "SPREADSHEET_ID": sheets.create_spreadsheet("Default"),
            "SHEETS_API_ENDPOINT": sheets.endpoint,
            "GOOGLE_APPLICATION_CREDENTIALS": str(sheets.credentials_file),
        }
        _fill_database(url, sheets, keys, number)
        return _rounds(sheets, number) | {"load_seconds": _seconds_to_load()}


def _fill_database(url: str, sheets: Any, keys: list[Path], number: int) -> None:
    import sqlalchemy as sa

    from sheets_pipeline.database.engine import connect

    engine = connect(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table course (id int primary key, sheet text, credential text)")
        connection.exec_driver_sql(
            "create table learner (id int primary key, course int, name text, score int, at timestamptz)"
        )
        for i in range(number):
            spreadsheet = sheets.create_spreadsheet(f"Course {i}")
            credential = i % CREDENTIALS
            sheets.share(spreadsheet, json.loads(keys[credential].read_text())["client_email"])
            insert = sa.text("insert into course values (:id, :sheet, :credential)")
            connection.execute(insert, {"id": i, "sheet": spreadsheet, "credential": f"robot{credential}"})
        connection.exec_driver_sql(
            f"insert into learner select i, mod(i, {number}), 'Learner ' || i, mod(i, 100), now() "
            f"from generate_series(1, {number * ROWS}) i"
        )
    engine.dispose()


def _rounds(sheets: Any, number: int) -> dict[str, Any]:
    from sheets_pipeline.cli.run_sync import run_sync

    result: dict[str, Any] = {"spreadsheets": number}
    for name, limits in (("fill", "1000000"), ("quiet", None)):
        for setting in (
            "SHEETS_READS_PER_MINUTE",
            "SHEETS_WRITES_PER_MINUTE",
            "SHEETS_PROJECT_READS_PER_MINUTE",
            "SHEETS_PROJECT_WRITES_PER_MINUTE",
        ):
            os.environ.pop(setting, None)
            if limits:
                os.environ[setting] = "100000" if "PROJECT" not in setting else limits
        if name == "quiet":
            time.sleep(61)  # requests of the first round no longer count
        sheets.reset_stats()
        began = time.monotonic()
        done = run_sync([], None)
        totals = sheets.stats()["totals"]
        result |= {
            f"{name}_status": done["status"],
            f"{name}_seconds": round(time.monotonic() - began, 1),
            f"{name}_reads": totals["reads"],
            f"{name}_writes": totals["writes"],
            f"{name}_refused": totals.get("refused", 0),
        }
    return result | {"megabytes": round(psutil.Process().memory_info().rss / 2**20)}


def _seconds_to_load() -> float:
    code = "import time; t = time.monotonic(); from sheets_pipeline.definitions import defs; defs(); print(time.monotonic() - t)"
    return round(float(subprocess.check_output([sys.executable, "-W", "ignore", "-c", code], text=True).split()[-1]), 1)


def render(about: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The page."""
    lines = [
        "# Many spreadsheets",
        "",
        f"Made by `python -m benchmarks.many_spreadsheets` on {about['date']}: {about['cores']} cores ({about['processor']}), Python "
        f"{about['python']}, load {about['load']} at the start. Local Sheets, PostgreSQL and the pipeline share these cores.",
        "",
        f"{TABS} tabs of {ROWS} rows in each spreadsheet, {CREDENTIALS} credentials of one project. *Quota allows* is what Google's "
        "300 reads a minute and project, and 60 a credential, leave for one read per spreadsheet: a window of a minute is full at "
        "once, so up to 300 it is no limit at all, and a minute for each 300 beyond.",
        "",
        "| spreadsheets | filled in | nothing changed: seconds | quota allows | reads | writes | memory | definitions load in |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        allowed = (math.ceil(row["spreadsheets"] / PROJECT_PER_MINUTE) - 1) * 60
        lines.append(
            f"| {row['spreadsheets']:,} | {row['fill_seconds']} s ({row['fill_reads']:,} reads, {row['fill_writes']:,} writes) "
            f"| {row['quiet_seconds']} | {allowed} s | {row['quiet_reads']:,} | {row['quiet_writes']:,} | {row['megabytes']} MB "
            f"| {row['load_seconds']} s |"
        )
    statuses = {row[f"{name}_status"] for row in rows for name in ("fill", "quiet")}
    lines += ["", f"Status of all rounds: {', '.join(sorted(statuses))}.", ""]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_spreadsheets", description=__doc__)
    parser.add_argument("--spreadsheets", type=int, nargs="+", default=[10, 100, 300])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one)))
        return
    about, rows = machine(), []
    for number in arguments.spreadsheets:
        with tempfile.TemporaryFile("w+") as log:
            command = [sys.executable, "-m", "benchmarks.many_spreadsheets", "--one", str(number)]
            environment = {
                name: value for name, value in os.environ.items() if not name.startswith(("SYNC_", "DAGSTER_"))
            }
            text = subprocess.check_output(
                command, text=True, stderr=log, env=environment | {"PYTHONPATH": str(Path.cwd())}
            )
        rows.append(json.loads(text.splitlines()[-1]))
        print(rows[-1], flush=True)
    (arguments.output / "many-spreadsheets.md").write_text(render(about, rows))


if __name__ == "__main__":
    main()
