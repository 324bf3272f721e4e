"""Who typed the cells of a row without a key; whoever is not known for certain is told as unknown."""

import pytest

from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.typists import Step, typists

_ANN, _BOB = "ann", "bob"
_ROW: dict[str, Cell] = {"title": "four", "price": 5, "note": None}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([], {"title": {""}, "price": {""}}, id="only a reading"),
        pytest.param([Step(_ANN, _ROW, {})], {"title": {_ANN}, "price": {_ANN}}, id="pasted at once"),
        pytest.param(
            [Step(_BOB, {"title": "four"}, {"price": "", "note": ""}), Step(_ANN, {"price": 5}, {"title": "four", "note": ""})],
            {"title": {_BOB}, "price": {_ANN}}, id="by two",
        ),
        pytest.param(
            [Step(_ANN, {"price": 5}, {"title": "four", "note": ""})], {"title": {""}, "price": {_ANN}}, id="a message was lost"
        ),
        pytest.param([Step(_ANN, _ROW, {}), Step(_BOB, _ROW, {})], {"title": {_ANN, _BOB}, "price": {_ANN, _BOB}}, id="twins"),
        pytest.param(
            [
                Step(_BOB, {"price": 5}, {"title": "", "note": ""}), Step(_ANN, {"price": 5}, {"title": "", "note": ""}),
                Step(_ANN, {"title": "four"}, {"price": 5, "note": ""}),
            ],
            {"title": {_ANN}, "price": {_ANN, _BOB}}, id="either may have",
        ),
        pytest.param(
            [Step(_BOB, {"title": "four"}, {"price": 5, "note": ""}), Step(_ANN, {"price": 5}, {"title": "four", "note": ""})],
            {"title": {_BOB}, "price": {_ANN}}, id="the first was read after the second",
        ),
        pytest.param(
            [Step(_BOB, {"price": 6}, {"title": "four", "note": ""}), Step(_ANN, {"price": 5}, {"title": "four", "note": ""})],
            {"title": {""}, "price": {_ANN}}, id="typed over",
        ),
    ],
)  # fmt: skip
def test_each_cells_typist_is_told(steps: list[Step], expected: dict[str, set[str]]) -> None:
    assert typists(_ROW, steps) == expected
