"""Rows in blocks behave as a plain list, and an old list of blocks stays as it was."""

from hypothesis import given, settings
from hypothesis import strategies as st

from local_sheets.model.rows import BLOCK_ROWS, Row, RowSequence

Step = tuple[str, int, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "put", "replace"]),
        st.integers(0, 3000),
        st.sampled_from([1, 2, BLOCK_ROWS - 1, BLOCK_ROWS, 2 * BLOCK_ROWS + 1]),
    ),
    max_size=12,
)


def ids(rows: RowSequence) -> list[int]:
    return [0 if row is None else row.row_id for row in rows.between(0, len(rows))]


def check_what_is_kept(rows: RowSequence, places: dict[int, dict[int, int]]) -> None:
    """What is known of blocks is so, and as long as the version stays, so do the ``places`` of metadata."""
    for block in rows.blocks:
        assert block.width == max((len(row.cells) for row in block.rows if row is not None), default=0)
        held = [[bool(cell) for cell in row.cells] if row is not None else [] for row in block.rows]
        last_row = max((n for n, cells in enumerate(held, 1) if any(cells)), default=0)
        assert block.filled == (
            last_row,
            max((n for cells in held for n, one in enumerate(cells, 1) if one), default=0),
        )
    found = {key: n for n, row in enumerate(rows.between(0, len(rows))) if row is not None for key in row.metadata}
    assert places.setdefault(rows.version, found) == found


def take_step(rows: RowSequence, plain: list[int], step: Step, owner: int, start_id: int) -> None:
    """The same change to both."""
    kind, at, count = step
    fresh = [
        Row(start_id + n, ("x", None, "x")[: (start_id + n) % 4], metadata=(start_id,) if n == 1 else ())
        for n in range(count)
    ]
    names = [row.row_id for row in fresh]
    if kind == "insert":
        at = min(at, len(plain))
        rows.insert(at, fresh, owner)
        plain[at:at] = names
    elif kind == "delete":
        removed = rows.delete(at, at + count, owner)
        assert [0 if row is None else row.row_id for row in removed] == plain[at : at + count]
        del plain[at : at + count]
    elif kind == "put":
        rows.put(at, fresh[0], owner)
        plain += [0] * (at + 1 - len(plain))
        plain[at] = names[0]
    else:
        rows.replace_all(at, fresh, owner)
        plain += [0] * (at + count - len(plain))
        plain[at : at + count] = names


@settings(max_examples=60, deadline=None)
@given(steps)
def test_any_changes_come_out_as_in_a_plain_list(changes: list[Step]):
    rows, plain, places = RowSequence(), list[int](), dict[int, dict[int, int]]()
    for number, step in enumerate(changes):
        take_step(rows, plain, step, owner=number + 1, start_id=1 + 10_000 * number)
        assert ids(rows) == plain
        assert all(len(block.rows) <= 2 * BLOCK_ROWS for block in rows.blocks)
        assert len({block.block_id for block in rows.blocks}) == len(rows.blocks)
        check_what_is_kept(rows, places)
    backwards = [0 if row is None else row.row_id for row in rows.before(len(rows))]
    assert backwards == plain[::-1]


@settings(max_examples=40, deadline=None)
@given(steps, steps)
def test_a_transaction_is_undone_by_putting_the_old_blocks_back(before: list[Step], after: list[Step]):
    rows, plain, places = RowSequence(), list[int](), dict[int, dict[int, int]]()
    for step in before:
        take_step(rows, plain, step, owner=1, start_id=1)
    kept, expected = list(rows.blocks), list(plain)
    for step in after:
        take_step(rows, plain, step, owner=2, start_id=50_000)
        check_what_is_kept(rows, places)  # of blocks, too, that one transaction changes again
    rows.restore(kept)
    assert ids(rows) == expected


def test_rows_past_the_end_hold_nothing():
    rows = RowSequence()
    assert rows.get(5) is None
    rows.put(3, Row(7), owner=1)
    assert (len(rows), rows.get(2), rows.get(4)) == (4, None, None)
