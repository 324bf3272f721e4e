"""What people decide: put in after all, refuse, take back; and batches that wait for them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sheets_pipeline.database.row_tables import sheet_row_step
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.edits import decisions, ledger, row_steps
from sheets_pipeline.edits.ledger import Seen, Source, State
from sheets_pipeline.edits.previews import Outcome, preview
from sheets_pipeline.edits.recording import record
from sheets_pipeline.edits.taking_back import takings
from sheets_pipeline.edits.which import Which
from sheets_pipeline_tests.edits.stage import CELLS, KEY, TAB, Stage


def test_an_edit_is_undone_and_the_undo_too(small: Stage) -> None:
    small.type(title="Draw")
    small.apply()
    first = small.last().id
    assert decisions.undo(small.state, [first], "ada").edits == 1
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


def test_an_undo_does_not_bury_a_later_edit_of_the_cell(small: Stage) -> None:
    small.type(title="Draw")
    small.apply()
    small.type(title="Sand", editor="bob@example.org")
    small.apply()
    decisions.undo(small.state, [small.edits()[0].id], "ada")
    assert small.apply() == [State.CONFLICT]
    assert small.task().title == "Sand"


def test_a_conflict_is_left_at_that_and_can_still_be_put_in(small: Stage) -> None:
    small.type(title="Draw")
    small.change(title="Sand")
    small.apply()
    TabStore(small.state, "SHEET", TAB.title).confirm({KEY: CELLS})  # a sync has written since
    base = small.base()
    kept = decisions.reject(small.state, small.last().id, "ada")
    assert (kept.state, kept.reason, kept.decided_by) == ("rejected", "refused by ada", "ada")
    assert small.base() == base
    decisions.accept(small.state, kept.id, "bob")
    assert small.apply() == [State.APPLIED]
    assert small.task().title == "Draw"


def test_a_persons_hour_is_taken_back_at_once_and_others_edits_stay(small: Stage) -> None:
    """Two edits of a cell, one upon the other, go back together; where somebody else typed later, theirs stays."""
    for cells in ({"title": "Draw"}, {"title": "Sand", "points": 4}, {"note": "mine"}):
        small.type(**cells)
        small.apply()
    small.type(note="theirs", editor="bob@example.org")
    small.apply()
    which = Which(
        editor="ada@example.org", since=datetime(2000, 1, 1, tzinfo=UTC), until=datetime(2100, 1, 1, tzinfo=UTC)
    )
    with small.state.connect() as connection:
        taken = takings(connection, decisions.applied(connection, which))
    assert [(len(one.edits), one.value, one.base, len(one.later)) for one in taken] == [
        (2, "Paint", "Sand", 0), (1, 3, 4, 0), (1, None, "mine", 1),
    ]  # fmt: skip
    done = decisions.undo_all(small.state, which, "cleo")
    assert sorted(small.apply()) == [State.APPLIED, State.APPLIED, State.CONFLICT]
    assert decisions.became(small.state, done.batch) == {"applied": 2, "conflict": 1}
    with small.state.connect() as connection:  # undos are not theirs, and are not taken back with theirs
        assert [edit.column for edit in decisions.applied(connection, which)] == ["note"]
    task = small.task()
    assert (task.title, task.points, task.note) == ("Paint", 3, "theirs")
    states = [(edit.column, edit.state.value) for edit in small.edits() if edit.seen_by != "undo"]
    assert states == [
        ("title", "undone"), ("title", "undone"), ("points", "undone"), ("note", "applied"), ("note", "applied"),
    ]  # fmt: skip
    decisions.undo_all(small.state, Which(batch=done.batch), "cleo")  # the undo is taken back
    small.apply()
    assert small.task().title == "Sand"
    with pytest.raises(decisions.NoSuchEdit, match="nothing to take back"):
        decisions.undo_all(small.state, Which(editor="nobody@example.org"), "cleo")


def test_a_preview_tells_what_would_change_and_what_is_kept(small: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sheets_pipeline.edits.previews.editable_tabs", lambda: {small.tab.title: small.tab})
    monkeypatch.setattr("sheets_pipeline.edits.previews.editable_tab", lambda *_: small.tab)
    small.type(title="Draw", points=4, note="x", low=2)
    small.apply()
    small.change(points=5, note=None)
    before = small.task()
    with small.state.connect() as connection:
        taken = takings(connection, decisions.undoable(connection, [edit.id for edit in small.edits()]))
    outcomes = {one.taking.first.column: (one.outcome, one.held) for one in preview(small.pipeline, taken)}
    assert outcomes == {
        "title": (Outcome.CHANGES, "Draw"), "points": (Outcome.KEPT, 5), "note": (Outcome.NOTHING, None),
        "low": (Outcome.CHANGES, 2),
    }  # fmt: skip
    assert small.task() == before
    assert len(small.edits()) == 4
    monkeypatch.setattr("sheets_pipeline.edits.previews._LOOK_SECONDS", 0.0)
    assert {one.outcome for one in preview(small.pipeline, taken)} == {Outcome.UNKNOWN}


def test_a_set_that_is_too_large_is_refused(small: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    small.type(title="Draw", points=4)
    small.apply()
    monkeypatch.setattr(decisions, "MOST", 1)
    since = datetime.now(UTC) - timedelta(days=4000)
    with pytest.raises(decisions.NotPossible, match="More than 1 edits"):
        decisions.undo_all(small.state, Which(since=since), "cleo")


def test_who_typed_what_in_new_rows_is_forgotten_within_hours(small: Stage) -> None:
    with ledger.writing(small.state) as connection:
        row_steps.note(connection, [small.tab_id], "ada", 1.0, [({"title": "new"}, {}), ({"title": "old"}, {})])
        first = sheet_row_step.update().where(sheet_row_step.c.id == 2)
        connection.execute(first.values(received_at=datetime.now(UTC) - timedelta(hours=7)))
    ledger.remove_before(small.state, datetime.now(UTC) - timedelta(days=365))
    with small.state.connect() as connection:
        assert row_steps.typists_of(connection, small.tab_id, {"title": "new"}) == {"title": {"ada"}}
        assert row_steps.typists_of(connection, small.tab_id, {"title": "old"}) == {"title": {""}}
