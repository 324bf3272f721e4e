"""Dates and times as queries write them."""

import re
from datetime import date, datetime

from local_sheets.formulas.query.table import QueryError

_DATE = r"(\d{1,4})-(\d{1,2})-(\d{1,2})"
_TIME = r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,3}))?"


def read_date(text: str) -> date:
    """``2020-01-31``.

    Raises:
        QueryError: It is no date.
    """
    match = re.fullmatch(_DATE, text.strip())
    try:
        if match:
            return date(*map(int, match.groups()))
    except ValueError:
        match = None
    raise QueryError(f"Invalid date literal [{text}]. Date literals should be of form yyyy-MM-dd.")


def read_time(text: str) -> float:
    """``12:30:00.123`` as a part of the day.

    Raises:
        QueryError: It is no time.
    """
    match = re.fullmatch(_TIME, text.strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3]) > 59:
        raise QueryError(f"Invalid timeofday literal [{text}]. Timeofday literals should be of form HH:mm:ss[.SSS]")
    seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
    return (seconds + int((match[4] or "0").ljust(3, "0")) / 1000) / 86_400


def read_moment(text: str) -> datetime:
    """``2020-01-31 12:30:00.123``.

    Raises:
        QueryError: It is no moment.
    """
    match = re.fullmatch(f"{_DATE} {_TIME}", text.strip())
    try:
        if match:
            year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
            return datetime(year, month, day, hour, minute, second, int((match[7] or "0").ljust(3, "0")) * 1000)
    except ValueError:
        match = None
    raise QueryError(
        f"Invalid datetime literal [{text}]. Datetime literals should be of form yyyy-MM-dd HH:mm:ss[.SSS]"
    )
