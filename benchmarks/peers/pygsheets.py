"""pygsheets: https://pygsheets.readthedocs.io/en/stable/"""

import pandas as pd
import pygsheets

from benchmarks.peers.addresses import Target


def sync(target: Target, frame: pd.DataFrame) -> None:
    """Clear our columns, then write the frame."""
    client = pygsheets.authorize(service_account_file=target.credentials_file)
    worksheet = client.open_by_key(target.spreadsheet_id).worksheet_by_title(target.tab)
    worksheet.clear(start=(1, 1), end=(worksheet.rows, len(frame.columns)))
    worksheet.set_dataframe(frame, (1, 1), extend=True, escape_formulae=True, nan="")
