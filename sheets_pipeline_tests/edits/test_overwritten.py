"""Edits that a write of ours has written over: what the ledger makes of them, and what is remembered of rows on their way."""

import time

import pytest

from sheets_pipeline.database.state import TabStore
from sheets_pipeline.edits.ledger import State
from sheets_pipeline.edits.reading import Reading
from sheets_pipeline.sheets.memory import Sent
from sheets_pipeline.sync.copies import FoundEdit
from sheets_pipeline_tests.edits.stage import CELLS, KEY, TAB, Stage


class _NoClient:
    """Knows what a spreadsheet says of itself."""

    def read(self, **_: object) -> dict[str, object]:
        return {"properties": {"locale": "en_US", "timeZone": "Europe/Berlin"}}


def write_over(stage: Stage, found: str, new: str, sent_at: float = 2000.0) -> TabStore:
    """A sync writes a title that the database has got, over what somebody typed meanwhile."""
    store = TabStore(stage.state, "SHEET", TAB.title)
    stage.change(title=new)
    store.send({KEY: Sent("v", 0, {"title": new})})
    inbox = Reading(stage.state, _NoClient(), "SHEET", TAB)  # type: ignore[arg-type]
    inbox.note_overwritten([FoundEdit(KEY, "title", found, "Paint")], sent_at)
    return store


def settle(stage: Stage, store: TabStore, new: str) -> list[State]:
    assert stage.apply(patiently=False) == []  # what the tab holds is not known yet
    store.confirm({KEY: {**CELLS, "title": new}})
    return stage.apply()


def test_what_stood_in_a_row_stays_known_while_another_is_on_its_way(stage: Stage) -> None:
    store = TabStore(stage.state, "SHEET", TAB.title)
    store.send({KEY: Sent("v1", 3, {"title": "A"}), "new": Sent("v1", None, {"title": "N"})})
    assert store.base([KEY, "new"]) == {KEY: None, "new": None}
    assert store.stood([KEY, "new"]) == {KEY: CELLS, "new": None}
    store.send({KEY: Sent("v2", 0, {"title": "B"}, 6)})  # the outcome of the first is not known
    assert store.stood([KEY]) == {KEY: CELLS}
    assert store.sent() == {KEY: Sent("v2", 0, {"title": "B"}, 6), "new": Sent("v1", None, {"title": "N"})}
    assert store.owned([KEY, "new"]) == {KEY, "new"}
    store.settle({KEY: {"title": "B"}, "new": None})
    assert store.sent() == {}
    assert store.stood([KEY, "new"]) == {KEY: {"title": "B"}, "new": None}
    store.send({KEY: Sent("v3", 0, {})})
    store.confirm({KEY: CELLS})
    assert (store.sent(), store.stood([KEY])) == ({}, {KEY: CELLS})
    for forget in (lambda: store.forget([KEY]), store.distrust, lambda: store.write_facts(None, forget_base=True)):
        store.confirm({KEY: CELLS})
        store.send({KEY: Sent("v4", 0, {})})
        forget()
        assert store.sent() == {}
        assert not any(store.stood([KEY]).values())


def test_what_was_written_over_is_a_conflict_and_the_tab_shows_the_database(stage: Stage) -> None:
    store = write_over(stage, "Draw", "Print")
    assert settle(stage, store, "Print") == [State.CONFLICT]
    edit = stage.last()
    assert (edit.typed, edit.base, edit.in_database, edit.seen_by) == ("Draw", "Paint", "Print", "read")
    assert (stage.task().title, stage.base()["title"]) == ("Print", "Print")


def test_what_was_written_over_by_the_same_value_is_applied_and_shown_again(small: Stage) -> None:
    """The row was only written anew: the database did not change, and the tab does not hold what was typed."""
    store = write_over(small, "Draw", "Paint")
    assert settle(small, store, "Paint") == [State.APPLIED]
    assert small.task().title == "Draw"
    assert small.base()["title"] == "Paint"  # so that the next sync writes it


@pytest.mark.parametrize("first", ["message", "write"])
def test_an_edit_that_a_message_and_our_write_tell_of_is_one(small: Stage, first: str) -> None:
    now = time.time()
    if first == "message":
        small.type(title="Draw", when=1999.0)
        store = write_over(small, "Draw", "Print")
    else:
        store = write_over(small, "Draw", "Print", sent_at=now)
        store.confirm({KEY: {**CELLS, "title": "Print"}})
        small.type(title="Draft", when=now - 60)  # typed before, its message was slower
        assert small.last().state is State.SUPERSEDED
        small.type(title="Draw", when=now - 1)
    store.confirm({KEY: {**CELLS, "title": "Print"}})
    assert small.apply() == [State.CONFLICT]
    assert [edit.typed for edit in small.edits() if edit.state is not State.SUPERSEDED] == ["Draw"]
    assert small.task().title == "Print"
    small.type(title="Draw", when=time.time() + 60)  # once more, over what the tab shows now
    assert small.apply() == [State.APPLIED]


def test_a_message_of_several_cells_takes_its_base_from_the_write(small: Stage) -> None:
    """It does not say what stood there, and came while the row was on its way."""
    store = TabStore(small.state, "SHEET", TAB.title)
    store.send({KEY: Sent("v", 0, {"title": "Print"})})
    small.type(title="Draw", when=1999.0)
    write_over(small, "Draw", "Print")
    assert settle(small, store, "Print") == [State.CONFLICT]
    assert small.task().title == "Print"


def test_a_cleared_cell_that_is_written_over_is_told_once_in_whatever_way_it_is_blank(small: Stage) -> None:
    small.type(by="read", when=1990.0, title="")
    write_over(small, None, "Print")  # type: ignore[arg-type]
    assert [edit.typed for edit in small.edits()] == [""]
