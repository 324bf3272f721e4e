"""Other tools read tabs: what each makes of a tab, as JSON with the type of every cell.

    PYTHON -m benchmarks.peers.source_readers TOOL ENDPOINT SPREADSHEET_ID KEY_FILE [FOLDER]

The titles of tabs come on stdin as a JSON list; ``--time`` before them makes it say the seconds and the memory that reading
the first one takes. ``FOLDER`` holds the package ``google_sheets`` of dlt's verified sources. PYTHON has the tool; nothing of
ours is imported.
"""

import datetime
import importlib
import json
import math
import resource
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.peers.addresses import lead_google_to

#: A table: names of columns, and rows.
Table = tuple[list[str], list[list[Any]]]


def _gspread_pandas(spreadsheet_id: str, key_file: str, *_: str) -> Callable[[str], Table]:
    gspread, pandas = importlib.import_module("gspread"), importlib.import_module("pandas")
    spreadsheet = gspread.service_account(key_file).open_by_key(spreadsheet_id)

    def read(title: str) -> Table:
        records = spreadsheet.worksheet(title).get_all_records()
        return _of_frame(pandas.DataFrame(records))

    return read


def _gspread_unformatted(spreadsheet_id: str, key_file: str, *_: str) -> Callable[[str], Table]:
    gspread, pandas = importlib.import_module("gspread"), importlib.import_module("pandas")
    spreadsheet = gspread.service_account(key_file).open_by_key(spreadsheet_id)

    def read(title: str) -> Table:
        values = spreadsheet.worksheet(title).get(value_render_option="UNFORMATTED_VALUE", pad_values=True)
        header, *rows = values or [[]]
        return _of_frame(pandas.DataFrame(rows, columns=header).infer_objects())

    return read


def _of_frame(frame: Any) -> Table:
    return [str(name) for name in frame.columns], frame.astype(object).values.tolist()


def _dlt(spreadsheet_id: str, key_file: str, folder: str = "", *_: str) -> Callable[[str], Table]:
    sys.path.insert(0, folder)
    google_sheets = importlib.import_module("google_sheets")
    credentials = importlib.import_module("dlt.sources.credentials").GcpServiceAccountCredentials()
    credentials.parse_native_representation(Path(key_file).read_text())

    def read(title: str) -> Table:
        source = google_sheets.google_spreadsheet(
            spreadsheet_id, [title], credentials=credentials, get_sheets=False, get_named_ranges=False
        )
        rows = list(source.resources[title])
        names = list(dict.fromkeys(name for row in rows for name in row))
        return names, [[row.get(name) for name in names] for row in rows]

    return read


TOOLS = {"gspread-pandas": _gspread_pandas, "gspread-unformatted": _gspread_unformatted, "dlt": _dlt}


def _cell(cell: Any) -> list[str] | None:
    """A cell as type and value; None for a blank one."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or (isinstance(cell, str) and not cell.strip()):
        return None
    if str(cell) == "NaT":
        return None
    if isinstance(cell, bool) or type(cell).__name__ == "bool_":
        return ["boolean", str(bool(cell))]
    if isinstance(cell, datetime.datetime):
        return ["datetime", cell.replace(tzinfo=None).isoformat()]
    if isinstance(cell, datetime.date | datetime.time):
        return ["date" if isinstance(cell, datetime.date) else "time", cell.isoformat()]
    if isinstance(cell, int | float | Decimal) or hasattr(cell, "dtype"):
        return ["number", str(Decimal(repr(float(cell))) if isinstance(cell, float) else Decimal(str(cell)))]
    return ["text", str(cell)]


def _answers(read: Callable[[str], Table], titles: list[str]) -> Iterator[dict[str, Any]]:
    for title in titles:
        try:
            names, rows = read(title)
            yield {"title": title, "columns": names, "rows": [[_cell(cell) for cell in row] for row in rows]}
        except Exception as error:  # what a tool raises is what is measured
            yield {"title": title, "error": f"{type(error).__name__}: {error}"[:200]}


def main(arguments: list[str]) -> None:
    """Read what stdin names."""
    tool, endpoint, *rest = arguments
    titles = json.loads(sys.stdin.read())
    lead_google_to(endpoint)
    read = TOOLS[tool](*rest)
    if titles[0] == "--time":
        began = time.perf_counter()
        _, rows = read(titles[1])
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_memory_mb": peak, "rows": len(rows)}))
        return
    print(json.dumps(list(_answers(read, titles))))


if __name__ == "__main__":
    main(sys.argv[1:])
