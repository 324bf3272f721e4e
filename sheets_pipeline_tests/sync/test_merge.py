"""The merge of one cell, for every combination of base, typed and database."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.sync.merge import UNKNOWN, Outcome, merge, same
from sheets_pipeline.sync.tab import ColumnType as T

CELLS = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from(["", "a", "A", "a ", "é"]))


@pytest.mark.parametrize(
    ("base", "typed", "database", "outcome"),
    [
        pytest.param("a", "a", "a", Outcome.NOTHING, id="nothing typed"),
        pytest.param("a", "a", "b", Outcome.NOTHING, id="the database alone changed"),
        pytest.param("a", "b", "b", Outcome.SAME, id="both changed alike"),
        pytest.param("a", "b", "a", Outcome.APPLY, id="typed"),
        pytest.param("a", "A", "a", Outcome.APPLY, id="case alone"),
        pytest.param("a", "a ", "a", Outcome.APPLY, id="a blank at the end"),
        pytest.param("a", None, "a", Outcome.APPLY, id="emptied"),
        pytest.param(None, "a", "", Outcome.APPLY, id="NULL shown as blank, empty text in the database"),
        pytest.param(1, True, 1, Outcome.APPLY, id="TRUE is not 1"),
        pytest.param("a", "b", "c", Outcome.DATABASE_WINS, id="all differ"),
        pytest.param(UNKNOWN, "a", "b", Outcome.ADOPT, id="base unknown"),
        pytest.param(UNKNOWN, "a", "a", Outcome.SAME, id="base unknown, agreed"),
    ],
)
def test_a_cell_is_merged(base: Any, typed: Any, database: Any, outcome: Outcome) -> None:
    assert merge(base, typed, database, T.TEXT) is outcome


def test_moments_that_differ_below_a_millisecond_were_not_typed() -> None:
    assert merge(46115.500000001, 46115.5, 46115.500000001, T.DATETIME) is Outcome.NOTHING
    assert merge(46115.5001, 46115.5, 46115.5001, T.DATETIME) is Outcome.APPLY


@given(CELLS, CELLS, CELLS, st.booleans())
def test_nothing_is_buried(base: Any, typed: Any, database: Any, sheet_wins: bool) -> None:
    outcome = merge(base, typed, database, T.TEXT, sheet_wins=sheet_wins)
    if outcome is Outcome.APPLY:
        assert same(database, base, T.TEXT)
        assert not same(typed, database, T.TEXT)
    if outcome in (Outcome.DATABASE_WINS, Outcome.SHEET_WINS):
        assert not same(database, base, T.TEXT)
        assert (outcome is Outcome.SHEET_WINS) == sheet_wins
    # Applied, or agreed: the same edit merged again changes nothing.
    assert merge(base, typed, typed, T.TEXT) in (Outcome.NOTHING, Outcome.SAME)


@given(CELLS, CELLS, CELLS)
def test_what_an_earlier_edit_left_counts_as_base(base: Any, typed: Any, left: Any) -> None:
    outcome = merge(base, typed, left, T.TEXT, own=[left])
    assert outcome in (Outcome.NOTHING, Outcome.SAME, Outcome.APPLY)
