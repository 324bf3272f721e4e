"""The spreadsheet's time zone, in all the ways in which Google names one."""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from sheets_pipeline.errors import SheetsError
from sheets_pipeline.sync.tab import ColumnType, Tab

#: A custom zone: ``GMT-07:00``. Source: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets
_FIXED = re.compile(r"(?:GMT|UTC)(?:([+-])(\d{1,2})(?::?(\d\d))?)?", re.ASCII)
#: Names that tzdata has dropped.
_NOW_CALLED = {"US/Pacific-New": "America/Los_Angeles", "Etc/Unknown": "Etc/UTC"}


def time_zone(name: str) -> tzinfo:
    """The time zone of this name.

    Raises:
        SheetsError: This machine does not know it; says what to do.
    """
    if match := _FIXED.fullmatch(name):
        sign, hours, minutes = match[1] or "+", int(match[2] or 0), int(match[3] or 0)
        if hours < 24 and minutes < 60:
            offset = timedelta(hours=hours, minutes=minutes)
            return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(_NOW_CALLED.get(name, name))
    except (OSError, KeyError, ValueError):  # not found, the name of a folder of zones, no name of a file at all
        raise SheetsError(
            f"The spreadsheet's time zone {name!r} is not known on this machine. Choose another one under "
            "File > Settings, or install the tzdata package."
        ) from None


def zone_for(tab: Tab, name: str) -> tzinfo:
    """The time zone for a tab's rows. One without moments needs none, so it does not fail for an unknown zone."""
    return time_zone(name) if any(column.type is ColumnType.DATETIME for column in tab.columns) else UTC
