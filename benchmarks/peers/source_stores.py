"""Other ways of keeping a tab in a table. As JSON: seconds and memory of each time, and how the columns came out.

    PYTHON -m benchmarks.peers.source_stores TOOL ENDPOINT KEY_FILE DATABASE_URL FOLDER TIMES TAB ... < SPREADSHEET_IDS

TOOL is ``gspread-pandas`` (the usual script: gspread reads, pandas types, ``to_sql`` writes) or ``dlt`` (its verified source
``google_sheets``, which stands in FOLDER, and its destination ``postgres``). Reads TIMES times all the tabs of each spreadsheet, and
writes each into a table, as neither can know what changed.
"""

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.addresses import lead_google_to

#: Takes a spreadsheet's id and titles of tabs.
Copy = Callable[[str, list[str]], None]


def _gspread_pandas(key_file: str, database_url: str, _folder: str) -> Copy:
    gspread, pandas, sqlalchemy = map(importlib.import_module, ("gspread", "pandas", "sqlalchemy"))
    option = importlib.import_module("gspread.utils").ValueRenderOption.unformatted
    engine, account = sqlalchemy.create_engine(database_url), gspread.service_account(key_file)

    def copy(spreadsheet_id: str, tabs: list[str]) -> None:
        spreadsheet = account.open_by_key(spreadsheet_id)
        for tab in tabs:
            values = spreadsheet.worksheet(tab).get(value_render_option=option, pad_values=True)
            frame = pandas.DataFrame(values[1:], columns=values[0]).infer_objects()
            name = f"peer_{spreadsheet_id[:20]}_{tab}".lower()
            frame.to_sql(name, engine, schema="public", if_exists="replace", index=False, chunksize=10_000)

    return copy


def _dlt(key_file: str, database_url: str, folder: str) -> Copy:
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
    sys.path.insert(0, folder)
    dlt, google_sheets = map(importlib.import_module, ("dlt", "google_sheets"))
    credentials = importlib.import_module("dlt.sources.credentials").GcpServiceAccountCredentials()
    credentials.parse_native_representation(Path(key_file).read_text())
    destination = dlt.destinations.postgres(database_url.replace("postgresql+psycopg", "postgresql"))

    def copy(spreadsheet_id: str, tabs: list[str]) -> None:
        pipeline = dlt.pipeline(
            "peer", pipelines_dir=str(Path(folder, ".pipelines")), destination=destination, dataset_name="dlt_peer"
        )
        source = google_sheets.google_spreadsheet(
            spreadsheet_id, tabs, credentials=credentials, get_sheets=False, get_named_ranges=False
        )
        pipeline.run(source, write_disposition="replace").raise_on_failed_jobs()

    return copy


TOOLS = {"gspread-pandas": _gspread_pandas, "dlt": _dlt}
#: Where a tool puts its tables.
SCHEMAS = {"gspread-pandas": "public", "dlt": "dlt_peer"}


def main(tool: str, endpoint: str, key_file: str, database_url: str, folder: str, times: str, *tabs: str) -> None:
    """Read and write what stdin names."""
    spreadsheet_ids = json.loads(sys.stdin.read())
    lead_google_to(endpoint)
    copy, seconds = TOOLS[tool](key_file, database_url, folder), []
    for _ in range(int(times)):
        began = time.perf_counter()
        for spreadsheet_id in spreadsheet_ids:
            copy(spreadsheet_id, list(tabs))
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_memory_mb": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
