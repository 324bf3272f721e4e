"""Every time zone that Google allows is understood, or fails only what needs it."""

from datetime import UTC, datetime, timedelta

import pytest

from sheets_pipeline.errors import SheetsError
from sheets_pipeline.sheets.time_zones import time_zone, zone_for
from sheets_pipeline.sync.tab import Column, ColumnType, Tab


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("GMT-03:00", -3), ("GMT+05:30", 5.5), ("GMT+0530", 5.5), ("UTC+14", 14), ("GMT", 0), ("UTC", 0), ("GMT-00:30", -0.5),
        ("Etc/GMT+5", -5), ("Asia/Kolkata", 5.5), ("US/Pacific-New", -8), ("Europe/Berlin", 1),
    ],
)  # fmt: skip
def test_a_time_zone_is_read_by_its_name(name: str, hours: float) -> None:
    assert datetime(2026, 1, 1, tzinfo=time_zone(name)).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name", ["Mars/Base", "Europe", "", "../UTC", "/etc/passwd", "GMT+25:00", "GMT+05:99", "a\x00b"]
)
def test_an_unknown_one_fails_only_tabs_with_moments(name: str) -> None:
    with pytest.raises(SheetsError, match="not known on this machine"):
        time_zone(name)
    dated = Tab("T", ("id",), (Column("id"), Column("at", ColumnType.DATETIME)))
    with pytest.raises(SheetsError):
        zone_for(dated, name)
    assert zone_for(Tab("T", ("id",), (Column("id"), Column("day", ColumnType.DATE))), name) is UTC
