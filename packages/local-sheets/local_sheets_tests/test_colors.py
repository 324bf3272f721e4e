"""Tests of packages/local-sheets/local_sheets/colors.py."""

import pytest

from local_sheets.colors import shown_float32, stored_color

CHECKED_AGAINST = ("recording",)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"red": 0.5}, {"red": 0.49803922}),
        ({"red": 1.0, "green": 0, "blue": 0.0}, {"red": 1}),
        ({"red": 0.4980392156862745}, {"red": 0.49803922}),
        ({"red": 7, "green": -1}, {"red": 1}),
        ({"red": None, "alpha": 0.25}, {"alpha": 0.25}),
        ({}, {}),
    ],
)
def test_a_colour_is_kept_in_8_bits_and_shown_in_32(given, kept):
    assert stored_color(given) == kept


def test_a_colour_that_was_read_is_kept_as_it_is():
    shown = [shown_float32(bits / 255) for bits in range(1, 255)]
    assert [stored_color({"red": part})["red"] for part in shown] == shown
