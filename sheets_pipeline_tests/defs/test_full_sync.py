"""The schedule says exactly what the setting says."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from dagster._utils.schedules import cron_string_iterator

from sheets_pipeline.defs.full_sync import cron
from sheets_pipeline.settings import VALID_INTERVALS


@pytest.mark.parametrize("seconds", VALID_INTERVALS)
def test_ticks_are_as_far_apart_as_the_interval(seconds: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    times = list(islice(cron_string_iterator(start, cron(seconds), "UTC"), 100))
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=seconds)}
