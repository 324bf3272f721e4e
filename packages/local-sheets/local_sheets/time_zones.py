"""Time zones of spreadsheets: those of the IANA database, and offsets such as ``GMT-07:00``.

See ``timeZone`` of https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets#SpreadsheetProperties
"""

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DEFAULT = "Etc/GMT"
_OFFSET = re.compile(r"GMT([+-])(\d{1,2})(?::?([0-5]\d))?")
_MOST_HOURS = 18


def find_zone(name: str) -> tzinfo | None:
    """The time zone of this name, None where there is none."""
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset > timedelta(hours=_MOST_HOURS):
            return None
        return timezone(-offset if match[1] == "-" else offset, name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_of(name: str | None) -> tzinfo:
    """The time zone of a spreadsheet; GMT for none, and for one from before names were checked."""
    return find_zone(name or DEFAULT) or ZoneInfo(DEFAULT)
