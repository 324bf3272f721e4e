"""What people decide: put in after all, refuse, take back; and batches that wait for them."""

from dataclasses import replace

import pytest

from sheets_pipeline.edits import decisions, ledger
from sheets_pipeline.edits.ledger import Seen, Source, State
from sheets_pipeline.edits.recording import record
from sheets_pipeline_tests.edits.stage import KEY, TAB, Stage


def test_an_edit_is_undone_and_the_undo_too(small: Stage) -> None:
    small.type(title="Draw")
    small.apply()
    first = small.last().id
    assert decisions.undo(small.state, [first], "ada") == 1
    assert small.apply() == [State.APPLIED]
    assert small.task().title == "Paint"
    assert [(edit.state, edit.decided_by) for edit in small.edits()] == [("undone", None), ("applied", "ada")]
    assert small.base()["title"] == "Draw"  # until a sync has written the cell
    decisions.undo(small.state, [small.last().id], "ada")
    small.apply()
    assert small.task().title == "Draw"


def test_an_undo_buries_nothing_that_came_later(small: Stage) -> None:
    small.type(title="Draw", points=4)
    small.apply()
    small.change(title="Sand")
    decisions.undo(small.state, [edit.id for edit in small.edits()], "ada")
    assert sorted(small.apply()) == [State.APPLIED, State.CONFLICT]
    assert (small.task().title, small.task().points) == ("Sand", 3)
    assert [edit.state for edit in small.edits()[:2]] == ["applied", "undone"]


def test_what_lost_or_was_refused_can_be_put_in(small: Stage) -> None:
    small.type(title="Draw")
    small.change(title="Sand")
    small.apply()
    assert decisions.accept(small.state, small.last().id, "ada").state is State.NEW
    assert small.apply() == [State.APPLIED]
    assert small.task().title == "Draw"
    small.type(low=9)
    small.apply()
    small.change(high=10)
    decisions.accept(small.state, small.last().id, "ada")
    assert small.apply() == [State.APPLIED]
    assert small.task().low == 9


def test_a_conflict_that_moved_on_is_a_conflict_again(small: Stage) -> None:
    small.type(title="Draw")
    small.change(title="Sand")
    small.apply()
    small.change(title="Wax")
    decisions.accept(small.state, small.last().id, "ada")
    assert small.apply() == [State.CONFLICT]


def test_many_cells_at_once_wait_for_a_person(small: Stage) -> None:
    edits = replace(TAB.edits, needs_approval_above=1) if TAB.edits else None
    small.tab = replace(TAB, edits=edits)
    with ledger.writing(small.state) as connection:
        source = Source("big", "webhook", 5000, "en_US", "Etc/UTC", approval_above=1)
        record(connection, small.tab_id, [Seen(KEY, "title", "Draw"), Seen(KEY, "points", 4)], source)
    assert small.apply() == []
    title, points = small.edits()
    assert title.state == points.state == "awaiting"
    assert decisions.waiting_in(small.state, "big") == [title.id, points.id]
    decisions.accept(small.state, title.id, "ada")
    decisions.reject(small.state, points.id, "bob")
    assert small.apply() == [State.APPLIED]
    assert [edit.decided_by for edit in small.edits()] == ["ada", "bob"]
    assert (small.task().title, small.task().points) == ("Draw", 3)
    assert small.base()["points"] == 4  # what the tab holds is no edit any more: the next sync writes over it
    assert small.base()["title"] == "Draw"  # what waited stood in the tab all the while: no sync writes it
    assert not decisions.accept(
        small.state, points.id, "ada"
    ).is_of_sheet  # the tab may show the database's value by now
    assert small.apply() == [State.APPLIED]
    with pytest.raises(decisions.NotPossible, match="No edit of a batch 'big' waits"):
        decisions.waiting_in(small.state, "big")


def test_what_cannot_be_decided_is_said(small: Stage) -> None:
    small.type(title="Draw")
    small.apply()
    edit = small.last().id
    for decide in (decisions.accept, decisions.reject):
        with pytest.raises(decisions.NotPossible, match=f"Edit {edit} is applied"):
            decide(small.state, edit, "ada")
    with pytest.raises(decisions.NotPossible, match="There is no edit 99"):
        decisions.undo(small.state, [99], "ada")
