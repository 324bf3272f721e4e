"""airflow-provider-google-sheets: its write operator, run as a task runs it."""

import json
import os

import pandas as pd
from airflow_provider_google_sheets.operators.write import GoogleSheetsWriteOperator

from benchmarks.data import COLUMNS
from benchmarks.peers.addresses import Target

_SCHEMA = {"seen_at": {"type": "datetime", "format": "%Y-%m-%d %H:%M:%S"}, "active": {"type": "bool"}}


def sync(target: Target, frame: pd.DataFrame) -> None:
    """Overwrite the tab's range."""
    extra = {"key_path": target.credentials_file}
    connection = {"conn_type": "google_sheets", "extra": json.dumps(extra)}
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps(connection)
    records = frame.astype(object).where(frame.notna(), None)
    operator = GoogleSheetsWriteOperator(
        task_id="write",
        gcp_conn_id="bench",
        spreadsheet_id=target.spreadsheet_id,
        sheet_name=target.tab,
        write_mode="overwrite",
        clear_mode="range",
        data=[list(COLUMNS), *records.to_numpy().tolist()],
        schema=_SCHEMA,
        batch_size=20_000,
        pause_between_batches=0,
    )
    operator.execute({})
