"""Drift is what people changed, never what the database changed."""

from collections.abc import Collection

from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.diff import CellUpdate, ChangeSet
from sheets_pipeline.sync.drift import DRIFT_SAMPLE_SIZE, DriftedCell, find_drift
from sheets_pipeline.sync.rows import Rows

LAYOUT = {"id": 0, "name": 3}


def base_of(rows: dict[str, dict[str, Cell] | None]):
    asked: list[str] = []

    def base(keys: Collection[str]) -> dict[str, dict[str, Cell] | None]:
        asked.extend(keys)
        return {key: rows[key] for key in keys if key in rows}

    return base, asked


def update(row: int, old: Cell, new: Cell, key: str) -> ChangeSet:
    return ChangeSet([], [CellUpdate(row, 3, old, new)], [], {key: row}, [])


def test_a_cell_that_people_overwrote_is_drift_with_its_place() -> None:
    base, _ = base_of({"7": {"id": 7, "name": "Ann"}})
    drift = find_drift(update(4, "Bob", "Ann", "7"), Rows(["7"], {"id": [7], "name": ["Ann"]}), LAYOUT, base)
    assert (drift.cells, drift.rows) == (1, 0)
    assert drift.sample == [DriftedCell(5, "7", "name", "Ann", "Bob")]


def test_a_change_of_the_database_is_no_drift() -> None:
    base, _ = base_of({"7": {"id": 7, "name": "Ann"}})
    drift = find_drift(update(4, "Ann", "Anna", "7"), Rows(["7"], {"id": [7], "name": ["Anna"]}), LAYOUT, base)
    assert (drift.cells, drift.rows) == (0, 0)


def test_a_cell_that_both_changed_is_drift() -> None:
    base, _ = base_of({"7": {"id": 7, "name": "Ann"}})
    drift = find_drift(update(4, "Bob", "Anna", "7"), Rows(["7"], {"id": [7], "name": ["Anna"]}), LAYOUT, base)
    assert drift.cells == 1


def test_what_is_not_known_for_sure_is_no_drift() -> None:
    base, _ = base_of({"7": None})
    wanted = Rows(["7", "8"], {"id": [7, 8], "name": ["Ann", "Eve"]})
    changes = ChangeSet([1], [CellUpdate(4, 3, "Bob", "Ann")], [], {"7": 4}, [])
    drift = find_drift(changes, wanted, LAYOUT, base)
    assert (drift.cells, drift.rows) == (0, 0)


def test_a_row_of_ours_that_people_deleted_is_drift_and_a_new_row_is_not() -> None:
    base, _ = base_of({"7": {"id": 7, "name": "Ann"}})
    wanted = Rows(["7", "8"], {"id": [7, 8], "name": ["Ann", "Eve"]})
    drift = find_drift(ChangeSet([0, 1], [], [], {}, []), wanted, LAYOUT, base)
    assert (drift.rows, drift.missing_keys) == (1, ["7"])


def test_a_tab_at_rest_asks_nothing() -> None:
    base, asked = base_of({})
    find_drift(ChangeSet([], [], [], {}, []), Rows(["7"], {"id": [7], "name": ["Ann"]}), LAYOUT, base)
    assert asked == []


def test_the_sample_is_short_and_the_count_is_whole() -> None:
    keys = [str(i) for i in range(100)]
    base, _ = base_of({key: {"id": int(key), "name": "Ann"} for key in keys})
    updates = [CellUpdate(i + 1, 3, "Bob", "Ann") for i in range(100)]
    changes = ChangeSet([], updates, [], {key: i + 1 for i, key in enumerate(keys)}, [])
    wanted = Rows(keys, {"id": list(range(100)), "name": ["Ann"] * 100})
    drift = find_drift(changes, wanted, LAYOUT, base)
    assert (drift.cells, len(drift.sample)) == (100, DRIFT_SAMPLE_SIZE)
