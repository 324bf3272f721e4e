"""Rows on their way to archive tabs: faults and deaths at every step, people who sort, two writers at once."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

import pytest

from benchmarks.faults import FAULTS
from sheets_pipeline.errors import SheetsError, SheetsPipelineError, TabBusy
from sheets_pipeline.sheets.client import Kind
from sheets_pipeline_tests.sheets.family import MAIN, Family, full_sync
from sheets_pipeline_tests.sheets.losing_lock import LosingLock
from sheets_pipeline_tests.sheets.test_archived import assert_all_there, family

__all__ = ["family"]


def about_to_move(family: Family) -> dict[str, str]:
    """40 rows of three months with notes, and 20 more rows in the database; gives the notes."""
    family.submit(*(1 + 1.5 * i for i in range(40)))
    family.sync()
    family.write_notes()
    family.submit(*(i / 30 for i in range(20)))
    return {key: note for key, note in family.look().note.items() if note}


@dataclass
class Reader:
    """Looks at all tabs again and again and notes what must never be seen."""

    family: Family
    notes: dict[str, str]
    looks: int = 0
    problems: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        seen = self.family.look()
        self.looks += 1
        if seen.doubled:
            self.problems.append(f"doubled: {seen.doubled}")
        if missing := set(self.notes) - set(seen.home):
            self.problems.append(f"in no tab: {missing}")
        wrong = {key: note for key, note in seen.note.items() if note != self.notes.get(key, "")}
        if wrong or seen.notes_without_key:
            self.problems.append(f"notes: {wrong}, {seen.notes_without_key} without key")

    def _poll(self) -> None:
        self.look()
        while not self._stop.wait(0.02):
            self.look()

    @contextmanager
    def polling(self) -> Iterator["Reader"]:
        thread = threading.Thread(target=self._poll)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()


def assert_nothing_harmed(family: Family, reader: Reader) -> None:
    reader.look()
    assert reader.problems == []
    assert reader.looks > 1
    assert_all_there(family)
    assert family.sync().traffic.write_requests == 0


@pytest.mark.parametrize(
    ("request_index", "fault"),
    [
        *((index, "500") for index in (0, 3, 4, 5, 7, 9)),  # never applied
        *((index, "503 after it was applied") for index in (0, 4, 7)),
        *((index, "reset after it was applied") for index in (3, 5, 9)),
    ],
)
def test_a_fault_at_any_request_leaves_each_row_in_one_tab(family: Family, fault: str, request_index: int) -> None:
    reader = Reader(family, about_to_move(family))
    family.server.faults(**FAULTS[fault], method="*batch*", skip=request_index, count=1)
    with reader.polling(), suppress(SheetsError):  # it may give up; the next sync finishes
        family.sync()
    family.server.clear_faults()
    family.sync()
    assert_nothing_harmed(family, reader)


class Killed(BaseException):
    """The process dies here: nothing catches it."""


class Mortal:
    """A budget that lets ``steps`` requests through, then dies before the next one or after its answer."""

    def __init__(self, steps: int, *, after: bool) -> None:
        self.steps, self.after = steps, after

    @contextmanager
    def slot(self, kind: Kind) -> Iterator[float]:
        self.steps -= 1
        if self.steps < 0 and not self.after:
            raise Killed
        yield 0.0
        if self.steps < 0:
            raise Killed

    def left(self, kind: Kind) -> int:
        return 60

    def reserved(self) -> AbstractContextManager[None]:
        return nullcontext()


@pytest.mark.parametrize("after", [False, True], ids=["before a request", "after a request"])
def test_a_death_at_any_request_is_harmless(family: Family, after: bool) -> None:
    reader = Reader(family, about_to_move(family))
    deaths = 0
    for steps in range(30):
        try:
            family.sync(Mortal(steps, after=after))
            break
        except Killed:
            deaths += 1
            reader.look()
    else:
        pytest.fail("the sync never came to its end")
    assert deaths > 5
    assert_nothing_harmed(family, reader)


@pytest.mark.parametrize("step", range(6))
def test_a_death_between_a_write_and_its_note_is_harmless(
    family: Family, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(family, about_to_move(family))
    calls = 0

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise Killed
            return real(*arguments)

        return call

    from sheets_pipeline.database.archive import ArchiveStore

    with monkeypatch.context() as patched:
        for name in ("save", "hand_over"):
            patched.setattr(ArchiveStore, name, dying(getattr(ArchiveStore, name)))
        with pytest.raises(Killed):
            family.sync()
    reader.look()
    family.sync()
    assert_nothing_harmed(family, reader)


def test_a_first_fill_goes_on_where_it_was_stopped(family: Family) -> None:
    family.submit(*range(0, 300, 3))
    for steps in range(0, 40, 2):
        try:
            family.sync(Mortal(steps, after=True))
            break
        except Killed:
            assert family.look().doubled == []
    assert_all_there(family)
    assert family.sync().traffic.write_requests == 0


@pytest.mark.parametrize("seed", range(4))
def test_people_who_sort_while_rows_move_lose_nothing(family: Family, seed: int) -> None:
    rng, notes = random.Random(seed), about_to_move(family)
    reader = Reader(family, notes)

    class Meanwhile:
        """People sort right before one of the pipeline's writes."""

        def __init__(self, at: int) -> None:
            self.at = at

        @contextmanager
        def slot(self, kind: Kind) -> Iterator[float]:
            if kind == "write":
                self.at -= 1
                if self.at in (-1, -2):
                    family.sort(rng)
            yield 0.0

        def left(self, kind: Kind) -> int:
            return 60

        def reserved(self) -> AbstractContextManager[None]:
            return nullcontext()

    with reader.polling():
        family.sync(Meanwhile(seed))
    family.sync()
    assert_nothing_harmed(family, reader)


def test_two_writers_at_once_and_people_who_sort(family: Family) -> None:
    reader, failed = Reader(family, about_to_move(family)), []

    def work(act: Callable[[], object], times: int) -> None:
        for _ in range(times):
            try:
                act()
            except SheetsPipelineError as error:
                failed.append(error)

    def events() -> None:
        family.event(*family.submit(random.uniform(0, 60), random.uniform(0, 2)))

    def sort() -> None:
        family.sort(random.Random(time.monotonic()))
        time.sleep(0.1)

    threads = [
        threading.Thread(target=work, args=arguments)
        for arguments in ((family.sync, 3), (family.sync, 3), (events, 6), (sort, 10))
    ]
    with reader.polling():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    family.sync()
    assert all(not error.needs_person for error in failed)
    assert_nothing_harmed(family, reader)


def test_columns_of_people_that_the_archive_lacks_are_added_to_it(family: Family) -> None:
    family.submit(*range(0, 120, 2))
    family.sync()
    family.write_notes()
    column = {"sheetId": family.sheet_id(), "dimension": "COLUMNS", "startIndex": 2, "endIndex": 3}
    family.edit({"insertDimension": {"range": column, "inheritFromBefore": False}})
    keys = [row[0] for row in family.values(f"{MAIN}!A2:A")]
    family.put(f"{MAIN}!C1:C{len(keys) + 1}", [["mark"], *([f"mark {key}"] for key in keys)])
    family.submit(*(i / 30 for i in range(20)))
    report = family.sync()
    assert report.moved_rows > 0
    moved = set(keys) - {row[0] for row in family.values(f"{MAIN}!A2:A")}
    result: dict[int, tuple[str, str]] = {}
    for title in report.archives:
        header, *rows = family.values(title)
        if "mark" in header:
            result |= {
                row[0]: (row[header.index("mark")], row[header.index("note")])
                for row in rows
                if len(row) > header.index("mark")
            }
    assert moved <= result.keys()
    assert all(result[key] == (f"mark {key}", f"note {key}") for key in moved)
    assert family.sync().traffic.write_requests == 0


def test_no_row_moves_once_the_lock_is_lost_and_each_sync_goes_on_from_there(family: Family) -> None:
    about_to_move(family)
    for syncs in range(20):  # noqa: B007 - how many it took
        writer = family.writer()
        writer.lock = LosingLock(good_for=1)
        family.server.reset_stats()
        with suppress(TabBusy):
            full_sync(writer, family.engine)
            break
        assert family.server.stats()["totals"]["writes"] == 1
    assert syncs > 3  # the tab's rows, a new archive tab, rows into it ...
    assert_all_there(family)
