"""gspread-dataframe: https://gspread-dataframe.readthedocs.io/en/latest/"""

import re

import gspread
import pandas as pd
from gspread.utils import rowcol_to_a1
from gspread_dataframe import set_with_dataframe

from benchmarks.peers.addresses import Target

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")


def _is_text(value: str) -> bool:
    """Texts are escaped, so that none becomes a number; moments are not, so that they become dates."""
    return not _MOMENT.match(value)


def sync(target: Target, frame: pd.DataFrame) -> None:
    """Clear our columns, then write the frame."""
    client = gspread.service_account(target.credentials_file, http_client=gspread.BackOffHTTPClient)
    worksheet = client.open_by_key(target.spreadsheet_id).worksheet(target.tab)
    last_column = rowcol_to_a1(1, len(frame.columns)).rstrip("1")
    worksheet.batch_clear([f"A:{last_column}"])
    set_with_dataframe(worksheet, frame, string_escaping=_is_text)
