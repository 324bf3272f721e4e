"""Tests of what ``engine.py`` says of requests before it works on them."""

import orjson
import pytest

from local_sheets.engine import body_may_take_long


@pytest.mark.parametrize("text", ["=A1", "+A1", "-A1", "  -A1", "\u00a0+A1", "\\A1", "\t-A1", '"=A1'])
def test_values_that_may_be_formulas_may_take_long(text):
    assert body_may_take_long(orjson.dumps({"values": [["plain", text]]}), are_values=True)


@pytest.mark.parametrize("value", ["2024-05-01", "a=b", "1+1", -5, -0.5, 1e-9, "", None])
def test_other_values_take_no_time(value):
    assert not body_may_take_long(orjson.dumps({"range": "A1", "values": [["plain", value]]}), are_values=True)


def test_a_sign_anywhere_may_come_to_begin_a_cell_where_texts_are_split():
    assert body_may_take_long(b'{"requests":[{"pasteData":{"data":"1;=A1"}}]}')


def test_large_bodies_may_take_long():
    assert body_may_take_long(b"1" * 1_000_000, are_values=True)
