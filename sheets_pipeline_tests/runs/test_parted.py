"""Rows of a tab parted among many spreadsheets, against looking at every row for each of them."""

import random
from types import SimpleNamespace
from typing import Any

import pandas as pd

from sheets_pipeline.runs.parted import Parted

PARTS = {str(number): f"id-{number}" for number in range(6)}


def target(part: str) -> Any:
    return SimpleNamespace(spreadsheet=SimpleNamespace(part=part, id=PARTS[part]))


def some_rows(seed: int) -> Parted:
    """Keys of one or several parts, of none that is in the list among them, that stand in some of the spreadsheets."""
    rng = random.Random(seed)
    places = [(str(rng.randrange(30)), rng.choice([*PARTS, "", "gone"])) for _ in range(60)]
    of_row = pd.Series([part for _, part in places], index=range(100, 160), dtype=object)
    rows = pd.DataFrame({"id": [key for key, _ in places]}, index=of_row.index)
    parts_of_key: dict[str, set[str]] = {}
    for key, part in places:
        parts_of_key.setdefault(key, set()).add(part)
    holders = {str(key): set(rng.sample(list(PARTS.values()), rng.randrange(1, 4))) for key in range(40)}
    return Parted(rows, parts_of_key, PARTS, True, holders, of_row)


def test_each_spreadsheet_has_its_rows_in_their_order():
    rows = some_rows(1)
    for part in PARTS:
        pd.testing.assert_frame_equal(rows.here(target(part)), rows.rows[rows.of_row == part])


def test_a_spreadsheet_without_rows_gets_none_with_the_same_columns():
    rows = Parted(pd.DataFrame({"id": [1]}), {"1": {"0"}}, PARTS, True, {}, pd.Series(["0"], dtype=object))
    assert rows.here(target("5")).dtypes.to_dict() == rows.rows.dtypes.to_dict()
    assert not len(rows.here(target("5")))


def test_keys_belong_move_away_and_go_as_each_row_says():
    for seed in range(20):
        rows = some_rows(seed)
        asked = {str(key) for key in range(0, 40, 3)}
        for part, spreadsheet_id in PARTS.items():
            one = target(part)
            here = {key for key, parts in rows.parts_of_key.items() if part in parts}
            strangers = {key for key, held in rows.holders.items() if spreadsheet_id in held} - here
            moved = {key for key in strangers if rows.parts_of_key.get(key, set()) & PARTS.keys()}
            assert rows.keys_here(one) == here
            assert rows.moved_away(one) == moved
            assert rows.gone_from(one, asked) == (strangers & asked) - moved
