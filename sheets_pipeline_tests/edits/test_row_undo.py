"""Rows that were inserted, or deleted for good, are taken back as they were, unless something came later."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.whole_row import WholeRow
from sheets_pipeline.edits import decisions, ledger, row_undo
from sheets_pipeline.edits.deletions import delete_row
from sheets_pipeline.edits.ledger import Edit
from sheets_pipeline.edits.previews import preview
from sheets_pipeline.edits.row_lines import RowLines
from sheets_pipeline.edits.showing import as_json, preview_as_json
from sheets_pipeline.edits.taking_back import takings
from sheets_pipeline_tests.databases import engine, mariadb_url, postgresql
from sheets_pipeline_tests.edits.stage import CELLS, KEY, TAB, TASK, Stage, make_stage

__all__ = ["engine", "mariadb_url", "postgresql"]

assert TAB.edits is not None
_EDITS = replace(TAB.edits, deleted_rows="hard")
_COLUMNS = tuple(replace(one, editing=one.editing and replace(one.editing, editors=())) for one in TAB.columns)
_TAB = replace(TAB, columns=_COLUMNS, edits=_EDITS)
_CHILD = "create table subtask (id integer primary key, region varchar(10), nr integer, {} on delete cascade)"
_REFERS = "foreign key (region, nr) references task (region, nr)"


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sheets_pipeline.edits.previews.editable_tab", lambda *_: _TAB)
    monkeypatch.setattr("sheets_pipeline.edits.previews.editable_tabs", lambda: {_TAB.title: _TAB})


def _deleted(stage: Stage) -> Edit:
    """A person takes the row out of the tab, and it stays away."""
    stage.tab = _TAB
    with ledger.writing(stage.state) as connection:
        lines = RowLines(connection, stage.tab_id, "en_US", "Europe/Berlin")
        [line] = lines.missing({KEY: stage.base()})
    assert delete_row(stage.pipeline, _TAB, line)
    return stage.last()


def _undone(stage: Stage, *edits: Edit) -> list[str]:
    decisions.undo(stage.state, [edit.id for edit in edits], "cleo")
    return [state.value for state in stage.apply()]


def _previewed(stage: Stage, *edits: Edit) -> list[tuple[str, str, str | None]]:
    """Column, outcome and reason of each."""
    with stage.state.connect() as connection:
        taken = takings(connection, edits)
    return [(one.taking.first.column, one.outcome.value, one.reason) for one in preview(stage.pipeline, taken)]


def _is_there(stage: Stage) -> bool:
    with stage.platform.connect() as connection:
        return connection.execute(sa.select(TASK.c.nr).where(TASK.c.nr == 7)).first() is not None


def test_a_deleted_row_comes_back_as_it_was_and_goes_again(stage: Stage) -> None:
    before = stage.task()
    deletion = _deleted(stage)
    assert (deletion.state.value, _is_there(stage)) == ("applied", False)
    assert _previewed(stage, deletion) == [("(row)", "changes", None)]
    assert _undone(stage, deletion) == ["applied"]
    assert stage.task() == before
    assert [(edit.state.value, edit.decided_by) for edit in stage.edits()] == [("undone", None), ("applied", "cleo")]
    assert len(stage.events()) == 1
    # The undo is an insertion, which goes only as it was made.
    made = stage.last()
    assert _previewed(stage, made) == [("(row)", "changes", None)]
    stage.change(owner_id=2, price=2)
    assert _previewed(stage, made) == [("(row)", "kept", "owner_id, price changed since")]
    assert _undone(stage, made) == ["conflict"]
    assert stage.last().reason == "owner_id, price changed since: the row is kept"
    stage.change(owner_id=1, price=1.5)
    assert _undone(stage, made) == ["applied"]
    assert not _is_there(stage)
    assert _undone(stage, stage.last()) == ["applied"]
    assert stage.task() == before


def test_nothing_of_a_row_is_shown_but_what_the_tab_shows(small: Stage) -> None:
    with small.platform.begin() as connection:
        connection.exec_driver_sql("alter table task add column secret text default 'hidden'")
    deletion = _deleted(small)
    shown = as_json(deletion, {_TAB.title: _TAB})
    assert (shown["database"]["title"], shown["stored"]) == ("Paint", None)
    assert "secret" not in shown["database"]
    assert "hidden" not in repr(shown) + repr(deletion)
    with small.state.connect() as connection:
        assert "hidden" in str(ledger.whole_row(connection, deletion))
        [taking] = takings(connection, [deletion])
    [one] = preview(small.pipeline, [taking])
    facts = preview_as_json(one)
    assert facts["now"] == "no row"
    assert "title: Paint" in facts["then"]
    assert "hidden" not in repr(facts) + repr(one)
    _undone(small, deletion)
    with small.platform.connect() as connection:
        assert connection.scalar(sa.text("select secret from task")) == "hidden"


def test_a_row_to_which_others_refer_is_kept(stage: Stage) -> None:
    deletion = _deleted(stage)
    _undone(stage, deletion)
    made = stage.last()
    with stage.platform.begin() as connection:
        connection.exec_driver_sql(_CHILD.format(_REFERS))
        connection.exec_driver_sql("insert into subtask values (1, 'EU', 7)")
    why = "rows of subtask refer to it, and would be lost or changed with it"
    assert _previewed(stage, made) == [("(row)", "kept", why)]
    assert _undone(stage, made) == ["conflict"]
    assert stage.last().reason == f"{why}: the row is kept"
    assert _deleted(stage).reason == f"the row is kept: {why}"
    with stage.platform.begin() as connection:
        assert connection.scalar(sa.text("select count(*) from subtask")) == 1
        connection.exec_driver_sql("drop table subtask")


def test_a_deleted_row_stays_away_where_it_has_no_place_any_more(small: Stage) -> None:
    deletion = _deleted(small)
    with small.platform.begin() as connection:
        connection.execute(TASK.insert().values(region="EU", nr=7, title="Another"))
    assert _previewed(small, deletion) == [("(row)", "kept", None)]
    assert _undone(small, deletion) == ["conflict"]
    assert small.last().reason == "another row has its key now"
    with small.platform.begin() as connection:
        connection.execute(TASK.delete())
        connection.exec_driver_sql("delete from owner")
    assert _undone(small, deletion) == ["rejected"]
    assert small.last().reason == "there is no such row to refer to"
    small.tab = replace(_TAB, edits=replace(_EDITS, rows=_EDITS.rows[::-1]))
    assert _undone(small, deletion) == ["rejected"]
    assert small.last().reason == "rows of the tab are not those of task any more"


def test_cells_and_the_row_go_back_together_in_their_order(small: Stage) -> None:
    """A person's hour: a row comes, its cells are edited, it goes; all of that is taken back, and previewed as it will be."""
    deletion = _deleted(small)
    _undone(small, deletion)
    made = small.last()
    small.type(title="Varnish")
    small.type(price=9)
    small.apply()
    edits = small.edits()[-2:]
    assert [(one, what) for one, what, _ in _previewed(small, made)] == [("(row)", "kept")]
    with small.state.connect() as connection:
        [alone] = takings(connection, [made])
    assert [edit.column for edit in alone.later] == ["title", "price"]
    assert [what for _, what, _ in _previewed(small, made, *edits)] == ["changes"] * 3
    again = _deleted(small)
    everything = [made, *edits, again]
    assert [what for _, what, _ in _previewed(small, *everything)] == ["changes"] * 4
    assert _undone(small, *everything) == ["applied"] * 4
    assert not _is_there(small)
    assert all(edit.state.value == "undone" for edit in small.edits() if edit.id in [one.id for one in everything])


def test_two_who_take_the_same_row_back_do_it_once(small: Stage) -> None:
    deletion = _deleted(small)
    for who in ("ann", "bob"):
        decisions.undo(small.state, [deletion.id], who)
    assert [state.value for state in small.apply()] == ["applied", "same"]
    assert _is_there(small)
    made = next(edit for edit in small.edits() if edit.state == "applied")
    for who in ("ann", "bob"):
        decisions.undo(small.state, [made.id], who)
    assert [state.value for state in small.apply()] == ["applied", "same"]
    assert not _is_there(small)


def test_what_a_person_types_before_the_undo_counts_and_afterwards_is_told(small: Stage) -> None:
    _undone(small, _deleted(small))
    made = small.last()
    small.type(title="Varnish")  # not applied yet when somebody takes the row back
    assert _undone(small, made) == ["applied", "conflict"]
    assert small.last().reason == "title changed since: the row is kept"
    small.change(title="Paint")
    decisions.undo(small.state, [made.id], "cleo")
    small.type(note="too late")
    assert [state.value for state in small.apply()] == ["applied", "rejected"]
    assert not _is_there(small)
    assert "its row is not in task" in (small.last().reason or "")


def test_an_application_that_is_changing_the_row_is_waited_for_and_kept(
    postgresql: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sheets_pipeline.database.edit_target.LOCK_SECONDS", 0.05)
    stage = make_stage(postgresql, postgresql)
    _undone(stage, _deleted(stage))
    made = stage.last()
    with postgresql.connect() as application:
        application.execute(TASK.update().where(TASK.c.nr == 7).values(points=9))
        assert _undone(stage, made) == []
        assert (stage.last().state.value, stage.last().attempts) == ("new", 0)
        application.commit()
    assert [state.value for state in stage.apply()] == ["conflict"]
    assert stage.last().reason == "points changed since: the row is kept"


class _Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["make", "delete", "settle"])
@pytest.mark.parametrize("kind", ["small", "apart"])
def test_a_process_that_ends_at_any_step_takes_a_row_back_once(
    kind: str, step: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage: Stage = request.getfixturevalue(kind)
    deletion = _deleted(stage)
    before = len(stage.events())
    edit = deletion
    for there in (True, False):
        _die_once(monkeypatch, step)
        decisions.undo(stage.state, [edit.id], "cleo")
        try:
            stage.apply()
        except _Killed:
            stage.apply()
        assert _is_there(stage) is there
        assert stage.last().state.value == "applied"
        edit = stage.last()
    assert len(stage.events()) == before + 2


def _die_once(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    owner: Any = ledger if step == "settle" else WholeRow
    real = getattr(owner, step)

    def dies(*arguments: Any) -> Any:
        monkeypatch.setattr(owner, step, real)
        real(*arguments)
        raise _Killed

    monkeypatch.setattr(owner, step, dies)


def test_with_two_databases_what_the_platform_has_is_not_done_again(
    apart: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between the two commits."""
    deletion = _deleted(apart)
    decisions.undo(apart.state, [deletion.id], "cleo")
    with apart.state.begin() as connection:
        undo = sheet_edit.c.id == apart.last().id
        connection.execute(sheet_edit.update().where(undo).values(due_at=apart.last().seen_at))
    with apart.platform.begin() as platform, apart.state.connect() as state:
        row_undo.take_back(platform, state, _TAB, apart.last())
        state.rollback()
    assert _is_there(apart)
    assert [state.value for state in apart.apply()] == ["same"]
    assert CELLS["title"] == apart.task().title
