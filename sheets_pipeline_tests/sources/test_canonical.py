"""Hashes that are the same for the same content, wherever and whenever they are made."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets_pipeline.sources.canonical import chunks, decoder, encoded, fingerprint, number_text
from sheets_pipeline.sources.content import Content
from sheets_pipeline_tests.sources.contents import PEOPLE, people, person

_NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40)
_TEXT = st.text(st.characters())  # NUL and halves of surrogate pairs, too
_TIMES = st.dates() | st.datetimes() | st.times()
_CELLS = st.none() | _TEXT | st.integers() | _NUMBERS | st.booleans() | _TIMES


def _kind(cell: object) -> type:
    return Decimal if type(cell) is int else type(cell)


def test_the_hash_of_a_content_never_changes():
    """A version that is stored was hashed by an earlier release; another form would make each source a new version."""
    content = Content(PEOPLE, [person(1), person(2, "Ébène 東京 \0", Decimal("1E+2")), (None,) * 9])
    assert [encoded(row).decode() for row in content.rows] == [
        '[1,"Ada",1,{"date":"1990-01-01"},{"datetime":"2026-01-31T12:01:30.250000"},{"time":"08:30:00"},false,null,null]',
        '[2,{"escaped":"\\\\xc9b\\\\xe8ne \\\\u6771\\\\u4eac \\\\x00"},2.25,{"date":"1990-01-01"},'
        '{"datetime":"2026-01-31T12:02:30.250000"},{"time":"08:30:00"},true,100,null]',
        "[null,null,null,null,null,null,null,null,null]",
    ]
    assert fingerprint(content).content_hash == "383f53c843895ac26067501821a03d1ee49c9c8a295991f44dba3959968d63e7"


@given(st.lists(_CELLS))
def test_every_row_is_read_back(row: list):
    again = decoder(())(encoded(tuple(row)))
    assert [(_kind(cell), cell) for cell in again] == [(_kind(cell), cell) for cell in row]


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.booleans()))
def test_the_form_is_json_as_pythons_own_writes_it(row: list):
    assert encoded(tuple(row)).decode() == json.dumps(row, ensure_ascii=False, separators=(",", ":"))


@given(_CELLS, _CELLS)
def test_cells_have_one_form_where_they_are_the_same_value_of_one_kind(one: object, other: object):
    same = one == other and _kind(one) is _kind(other)
    assert (encoded((one,)) == encoded((other,))) is same  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "text"),
    [("1.0", "1"), ("1E+2", "100"), ("-0.00", "0"), ("0.10", "0.1"), ("1e-7", "0.0000001"), ("-5.50", "-5.5")],
)
def test_a_number_is_its_value(number: str, text: str):
    assert number_text(Decimal(number)) == text


@pytest.mark.parametrize("cell", [Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_number_is_refused(cell: Decimal):
    with pytest.raises(ValueError, match="no spreadsheet can hold"):
        encoded((cell,))


def test_kinds_of_cells_are_told_apart():
    kinds = [None, "", 1, "1", True, "true", date(2026, 1, 1), datetime(2026, 1, 1), "2026-01-01", time(0), Decimal("1.5"), "1.5"]  # fmt: skip
    assert len({encoded((cell,)) for cell in kinds}) == len(kinds)


def _ids(rows: list[int]) -> list[bytes]:
    return [blake2b(b"%d" % row, digest_size=16).digest() for row in rows]


@given(st.integers(0, 20_000), st.sampled_from(["insert", "delete", "change"]))
@settings(max_examples=20)
def test_a_changed_row_changes_few_chunks(place: int, how: str):
    rows = [*range(20_000)]
    before = [*chunks(_ids(rows))]
    rows[place : place + (how != "insert")] = [] if how == "delete" else [-1]
    after = [*chunks(_ids(rows))]
    assert [one for chunk in after for one in chunk.row_ids] == _ids(rows)
    assert len({chunk.id for chunk in after} - {chunk.id for chunk in before}) <= 3


def test_chunks_of_the_same_row_again_and_again_are_bounded():
    lengths = [len(chunk.row_ids) for row in (b"\0" * 16, b"\xff" * 16) for chunk in chunks([row] * 10_000)]
    assert max(lengths) <= 4096
    assert sorted(lengths)[2] >= 64  # but for the last of each
    assert sum(lengths) == 20_000


def test_order_and_repetition_make_another_content():
    content = people(3)
    others = [[*content.rows][::-1], [*content.rows, content.rows[0]], content.rows[:2]]
    hashes = {fingerprint(Content(PEOPLE, rows)).content_hash for rows in [content.rows, *others]}
    assert len(hashes) == 4
