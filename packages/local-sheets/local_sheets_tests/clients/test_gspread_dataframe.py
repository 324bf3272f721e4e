"""gspread-dataframe at its ordinary work, unmodified but for the address."""

import gspread
import pandas as pd
import pytest
from google.auth.transport.requests import AuthorizedSession
from gspread_dataframe import get_as_dataframe, set_with_dataframe

from local_sheets_tests.clients.addresses import mount

CHECKED_AGAINST = ("client gspread-dataframe",)

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture
def tab(server, credentials):
    client = gspread.Client(credentials, session=mount(AuthorizedSession(credentials), server.endpoint))
    return client.create("Frames").sheet1


def test_a_frame_goes_there_and_back(tab):
    frame = pd.DataFrame({"name": ["a", "b"], "qty": [1, 2], "price": [1.5, 2.25], "sold": [True, False]})
    set_with_dataframe(tab, frame, resize=True)
    assert (tab.row_count, tab.col_count) == (3, 4)
    pd.testing.assert_frame_equal(get_as_dataframe(tab), frame)


def test_formulas_are_evaluated_unless_asked_for(tab):
    frame = pd.DataFrame({"a": [1, 2], "double": ["=A2*2", "=A3*2"]})
    set_with_dataframe(tab, frame, resize=True)
    assert list(get_as_dataframe(tab, evaluate_formulas=True)["double"]) == [2, 4]
    assert list(get_as_dataframe(tab, evaluate_formulas=False)["double"]) == ["=A2*2", "=A3*2"]


def test_text_that_looks_like_a_number_can_stay_text(tab):
    frame = pd.DataFrame({"code": ["007", "+1"]})
    set_with_dataframe(tab, frame, string_escaping="full", resize=True)
    assert tab.col_values(1) == ["code", "007", "+1"]


def test_a_multi_index_is_written_with_its_levels(tab):
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", "n"]))
    set_with_dataframe(tab, frame, include_index=True, resize=True)
    read = get_as_dataframe(tab, index_col=[0, 1])
    pd.testing.assert_frame_equal(read, frame, check_names=False)
