"""gspread-pandas: https://gspread-pandas.readthedocs.io/en/latest/"""

import pandas as pd
from google.oauth2.service_account import Credentials
from gspread_pandas import Spread

from benchmarks.data import TEXTS
from benchmarks.peers.addresses import Target

_SCOPES = ["https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive"]


#: With ``raw_columns`` each cell is looked up in a list of all raw cells: the time grows with the square of the rows.
_MOST_ROWS_RAW = 1100


def sync(target: Target, frame: pd.DataFrame) -> None:
    """Replace the tab with the frame."""
    credentials = Credentials.from_service_account_file(target.credentials_file, scopes=_SCOPES)
    spread = Spread(target.spreadsheet_id, sheet=target.tab, creds=credentials)
    raw_columns = list(TEXTS) if len(frame) <= _MOST_ROWS_RAW else None
    spread.df_to_sheet(frame, index=False, replace=True, raw_columns=raw_columns)
