"""What the page of witnesses is made from: methods that there are, witnesses of known kinds."""

import ast

import pytest

from docs import witnesses


def test_recorded_answers_are_of_methods_that_there_are() -> None:
    known = {*witnesses.methods("sheets.v4.json"), *witnesses.methods("drive.v3.json")}
    names = {name.partition(".batchUpdate.")[0] for name in witnesses.recorded_answers()}
    assert {f"{name}.batchUpdate" if name == "sheets.spreadsheets" else name for name in names} - known <= {"export"}


def test_the_page_names_each_group_of_tests_with_its_witnesses() -> None:
    page = witnesses.page()
    assert "**17 of 17** are served." in page
    assert "| `drive.changes.watch` | yes |" in page
    assert (
        "| model/rows: Rows in blocks behave as a plain list, and an old list of blocks stays as it was | 3 | *nobody* |"
        in page
    )
    assert "[reference](https://developers.google.com/workspace/drive/api/guides/push) |" in page


def test_a_witness_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"hearsay.*expected one of recording"):
        witnesses.witnesses(ast.parse("CHECKED_AGAINST = ('hearsay',)"))
