"""How long a run of the event sync stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.runs.stay import IDLE_SECONDS, LONGEST_SECONDS, stays_until

TICK = 1_000.0


@pytest.mark.parametrize(
    ("last_event", "until"),
    [
        pytest.param(TICK - 60, TICK, id="until somebody else looks, at least"),
        pytest.param(TICK - 5, TICK - 5 + IDLE_SECONDS, id="a while after the last event"),
        pytest.param(TICK + 30, TICK + 30 + IDLE_SECONDS, id="whenever that came"),
        pytest.param(TICK + 55, TICK + LONGEST_SECONDS, id="not for ever"),
    ],
)
def test_it_stays(last_event: float, until: float) -> None:
    assert stays_until(TICK, last_event) == until


@given(gaps=st.lists(st.floats(0.1, 2 * IDLE_SECONDS), min_size=1, max_size=200))
def test_there_is_no_gap_in_a_stay_and_it_has_an_end(gaps: list[float]) -> None:
    now = TICK
    for gap in gaps:
        until = stays_until(TICK, now)
        assert until == min(now + IDLE_SECONDS, TICK + LONGEST_SECONDS)
        if now + gap > until:
            break
        now += gap
    assert now <= TICK + LONGEST_SECONDS
