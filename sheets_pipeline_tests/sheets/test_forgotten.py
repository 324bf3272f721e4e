"""The database is restored from a backup, our tables with it: rows written since stand in the tab, and nobody knows them."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from sheets_pipeline.errors import GuardRefused
from sheets_pipeline.sync.tab import OnRemoved
from sheets_pipeline.testing import PEOPLE, Bench

BACKUP: dict[int, Any] = {i: (f"pupil {i}", i + 0.25) for i in range(1, 41)}
LATER = BACKUP | {41: ("Ada", 77.75), 42: ("Bob", 88.75)}


def restore_tables(bench: Bench, kept: Any) -> None:
    bench.memory = copy.deepcopy(kept)
    bench.use(bench.tab)


@pytest.fixture
def restored(bench: Bench, request: pytest.FixtureRequest) -> Bench:
    """41 and 42 were written after the backup; people have notes beside them, and rows of their own."""
    bench.use(replace(PEOPLE, on_removed=getattr(request, "param", OnRemoved.REMOVE)))
    bench.sync(BACKUP)
    bench.put("people!A42:H42", [["", "", "", "", "", "", "", "no key"]])
    backup = copy.deepcopy(bench.memory)
    bench.event({41: LATER[41]}, {"41"})
    bench.sync(LATER)
    notes = [["note"], *([f"about {row[0]}"] if row and row[0] != "" else ["own"] for row in bench.values()[1:])]
    bench.put(f"people!H1:H{len(notes)}", notes)
    bench.put("people!A60:H60", [[900, "", "", "", "", "", "", "a number of people's own"]])
    restore_tables(bench, backup)
    return bench


def rows(bench: Bench) -> dict[Any, tuple[Any, Any]]:
    """Key → name and note."""
    padded = [row + [""] * (8 - len(row)) for row in bench.values()[1:] if row and row[0] != ""]
    return {row[0]: (row[1], row[7]) for row in padded}


def test_rows_that_the_restored_database_has_not_are_known_to_be_ours_and_leave(restored: Bench) -> None:
    report = restored.sync(BACKUP)
    assert (report.deletes, report.returned_rows, report.foreign_keys) == (2, 2, ["900"])
    assert rows(restored).keys() == {*BACKUP, 900}
    restored.server.reset_stats()
    report = restored.sync(BACKUP)
    assert (report.returned_rows, report.rows_in_tab) == (0, 40)
    assert restored.sent() == (1, 0, 0)


def test_a_new_record_with_an_old_number_gets_a_row_of_its_own(restored: Bench) -> None:
    report = restored.sync(BACKUP | {41: ("Zoe", 1.25)})
    assert rows(restored)[41] == ("Zoe", "")
    assert rows(restored).keys() == {*BACKUP, 41, 900}
    assert (report.inserts, report.deletes, report.rows_in_tab) == (1, 2, 41)
    again = restored.sync(BACKUP | {41: ("Zoe", 1.25)})
    assert (again.cells, again.returned_rows, again.rows_in_tab) == (0, 0, 41)


def test_a_record_that_was_written_again_keeps_its_row(restored: Bench) -> None:
    report = restored.sync(LATER | {42: ("Bob", 90.0)})
    assert rows(restored)[42] == ("Bob", "about 42")
    assert (report.inserts, report.deletes, report.updates) == (0, 0, 1)


@pytest.mark.parametrize("restored", [OnRemoved.MARK, OnRemoved.KEEP], indirect=True)
def test_they_stay_beside_their_notes_where_the_tab_says_so(restored: Bench) -> None:
    report = restored.sync(BACKUP | {41: ("Zoe", 1.25)})
    after = rows(restored)
    assert report.returned_rows == 2
    assert after[41] == ("Zoe", "")
    assert after["41 (removed)"] == ("Ada", "about 41")
    assert after[42] == ("Bob", "about 42")
    marked = [row[0] for row in restored.values() if len(row) > 5 and row[5] == "removed"]
    assert set(marked) == ({"41 (removed)", 42} if restored.tab.on_removed is OnRemoved.MARK else set())
    again = restored.sync(BACKUP | {41: ("Zoe", 1.25)})
    assert (again.cells, again.foreign_keys) == (0, ["900"])


def test_where_people_changed_rows_since_a_person_decides(restored: Bench) -> None:
    restored.put("people!A61:E61", [[901, "typed", 1, 1, True]])
    restored.server.reset_stats()
    with pytest.raises(GuardRefused, match=r"3 rows are in neither .*--allow-deletes 3.*--allow-deletes 0"):
        restored.sync(BACKUP)
    assert restored.sent()[1:] == (0, 0)
    kept = restored.sync(BACKUP, allow_deletes=0)
    assert kept.foreign_keys == ["41", "42", "900", "901"]
    assert rows(restored)[42] == ("Bob", "about 42")


def test_what_a_person_allows_is_removed(restored: Bench) -> None:
    restored.put("people!A61:E61", [[901, "typed", 1, 1, True]])
    assert restored.sync(BACKUP, allow_deletes=3).deletes == 3
    assert rows(restored).keys() == {*BACKUP, 900}


def test_tables_that_are_lost_altogether_lose_no_row_from_sight(restored: Bench) -> None:
    restore_tables(restored, type(restored.memory)())
    assert restored.sync(BACKUP).deletes == 2
    assert rows(restored)[7] == ("pupil 7", "about 7")


@pytest.mark.parametrize("moment", [1, 2])
def test_a_lost_answer_while_rows_are_split_off_harms_nothing(restored: Bench, moment: int) -> None:
    restored.server.faults(action="reset", after=True, kind="write", skip=moment - 1, count=1)
    restored.sync(BACKUP | {41: ("Zoe", 1.25)})
    assert rows(restored).keys() == {*BACKUP, 41, 900}
    assert rows(restored)[41] == ("Zoe", "")
