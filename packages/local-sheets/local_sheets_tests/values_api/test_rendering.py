"""Tests of packages/local-sheets/local_sheets/values_api/rendering.py."""

import random

from local_sheets.cell_values.number_format import render_general
from local_sheets.values_api.rendering import renderer


def test_the_quick_way_shows_numbers_as_the_thorough_one_does():
    draw = random.Random(7)
    numbers = [
        *(draw.uniform(-1e10, 1e10) for _ in range(3000)),
        *(draw.random() * 10 ** draw.uniform(-6, 16) for _ in range(3000)),
        *(9_999_999_999.95 - draw.random() for _ in range(500)),
        *((draw.randrange(10**10) * 10 + 5) / 10 ** draw.randrange(2, 14) for _ in range(3000)),  # halves
        *(draw.randrange(10**11) / 10 ** draw.randrange(13) + draw.choice([5e-11, 1e-12]) for _ in range(3000)),
    ]
    show = renderer("de_DE", None, None)
    for number in numbers:
        if not number.is_integer():  # those are kept as int
            assert show(number) == render_general(number, "de_DE"), number
