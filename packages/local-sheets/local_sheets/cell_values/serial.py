"""Dates and times as serial numbers: days since 1899-12-30, the fraction is the time of day.

See https://developers.google.com/workspace/sheets/api/guides/formats#about_date_time_values
"""

from datetime import date, datetime, timedelta

#: In the spreadsheet's own time zone, which is not known here.
EPOCH = datetime(1899, 12, 30)
_MILLISECONDS_PER_DAY = 86_400_000


def to_serial(moment: datetime | date) -> float | int:
    """Days since 1899-12-30; whole days as ``int``. A time zone is dropped, not converted."""
    if not isinstance(moment, datetime):
        return (moment - EPOCH.date()).days
    since = moment.replace(tzinfo=None) - EPOCH
    if not (since.seconds or since.microseconds):
        return since.days
    return since.days + (since.seconds + since.microseconds / 1e6) / 86_400


def from_serial(days: float) -> datetime:
    """The moment at a serial number, rounded to milliseconds.

    Raises:
        OverflowError: The date lies outside the years 1 to 9999.
    """
    return EPOCH + timedelta(milliseconds=round(days * _MILLISECONDS_PER_DAY))
