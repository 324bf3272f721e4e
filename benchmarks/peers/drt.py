"""drt-core: its Google Sheets destination, given batches of records as its engine gives them.

https://github.com/drt-hub/drt
"""

import pandas as pd
from drt.config.models import GoogleSheetsDestinationConfig, SyncOptions
from drt.destinations.google_sheets import GoogleSheetsDestination

from benchmarks.peers.addresses import Target

_BATCH_ROWS = 10_000


def sync(target: Target, frame: pd.DataFrame) -> None:
    """One sync: the first batch clears the tab, the others are appended."""
    config = GoogleSheetsDestinationConfig(
        type="google_sheets",
        spreadsheet_id=target.spreadsheet_id,
        sheet=target.tab,
        mode="overwrite",
        credentials_path=target.credentials_file,
    )
    options = SyncOptions(batch_size=_BATCH_ROWS)
    destination = GoogleSheetsDestination()
    records = frame.astype(object).where(frame.notna(), "").to_dict("records")
    for start in range(0, len(records), _BATCH_ROWS):
        result = destination.load(records[start : start + _BATCH_ROWS], config, options)
        if result.failed:
            raise RuntimeError(f"{result.failed} rows failed: {result.errors[0]}")
