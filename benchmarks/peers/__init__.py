"""The tools that are measured: what each is, and the mode in which it keeps a tab equal to a frame.

One module per tool does the sync; it is imported only by the process that runs it, in the environment that has it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """One tool.

    Args:
        module: The adapter, ``benchmarks/peers/MODULE.py``.
        package: Its name on PyPI; empty for ours.
        mode: How it is used, for the report.
        most_rows: Larger tabs are left out, for the reason given in ``limit``.
        needs_grid: The tab must be large enough before it starts.
    """

    module: str
    package: str
    mode: str
    most_rows: int | None = None
    limit: str = ""
    needs_grid: bool = False

    @property
    def name(self) -> str:
        """As the report calls it."""
        return self.package or "sheets_pipeline"


OURS = "ours"

PEERS = (
    Peer(
        OURS,
        "",
        "`TabWriter.full_sync`, with its memory, lock and quota budget in PostgreSQL, as `sheets-pipeline sync` runs it",
    ),
    Peer(
        "gspread_dataframe",
        "gspread-dataframe",
        "columns cleared with `batch_clear`, then `set_with_dataframe`; texts escaped with `string_escaping`; "
        "gspread's `BackOffHTTPClient`. (`resize=True` needs no clearing, but cuts off people's columns.)",
    ),
    Peer(
        "gspread_pandas",
        "gspread-pandas",
        "`Spread.df_to_sheet(index=False, replace=True)`; text columns in `raw_columns` up to 1,000 rows, beyond that "
        "without, because its time with them grows with the square of the rows",
    ),
    Peer(
        "pygsheets",
        "pygsheets",
        "columns cleared with `clear`, then `set_dataframe(extend=True, escape_formulae=True, nan='')`",
    ),
    Peer(
        "drt",
        "drt-core",
        "destination `google_sheets`, `mode: overwrite`, `batch_size: 10000`, in a tab made large enough beforehand "
        "(it does not grow the grid)",
        needs_grid=True,
    ),
    Peer(
        "airflow_google_sheets",
        "airflow-provider-google-sheets",
        "`GoogleSheetsWriteOperator`, `write_mode='overwrite'`, `clear_mode='range'`, `batch_size=20000` without pauses "
        "(`merge` never deletes rows)",
    ),
    Peer(
        "dagster_community",
        "dagster-community-components",
        "`GoogleSheetsRowUpsertComponent`, `max_rows` raised; it never deletes rows",
        most_rows=1000,
        limit="one write request per row that is already there, changed or not: at Google's 60 per minute "
        "{rows:,} rows take at least {hours:.1f} hours per sync",
    ),
)
