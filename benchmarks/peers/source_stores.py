"""The usual script: gspread reads a tab, pandas types it and writes it into a table. As JSON: seconds and memory of each time.

    PYTHON -m benchmarks.peers.source_stores ENDPOINT KEY_FILE DATABASE_URL TIMES TAB ... < SPREADSHEET_IDS

Reads TIMES times all the tabs of each spreadsheet, and writes each into a table with ``to_sql``, as it cannot know what changed.
"""

import json
import resource
import sys
import time

import gspread
import pandas
import sqlalchemy
from gspread.utils import ValueRenderOption

from benchmarks.peers.addresses import lead_google_to


def main(endpoint: str, key_file: str, database_url: str, times: str, *tabs: str) -> None:
    """Read and write what stdin names."""
    spreadsheet_ids = json.loads(sys.stdin.read())
    lead_google_to(endpoint)
    engine = sqlalchemy.create_engine(database_url)
    account = gspread.service_account(key_file)
    seconds = []
    for _ in range(int(times)):
        began = time.perf_counter()
        for spreadsheet_id in spreadsheet_ids:
            spreadsheet = account.open_by_key(spreadsheet_id)
            for tab in tabs:
                values = spreadsheet.worksheet(tab).get(
                    value_render_option=ValueRenderOption.unformatted, pad_values=True
                )
                frame = pandas.DataFrame(values[1:], columns=values[0]).infer_objects()
                name = f"peer_{spreadsheet_id[:20]}_{tab}"
                frame.to_sql(name, engine, if_exists="replace", index=False, chunksize=10_000)
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_memory_mb": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
