"""Edits in the database: what is written, what is refused and why, what waits for what."""

import threading
import time
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from sheets_pipeline.database.edit_batch import TargetRows
from sheets_pipeline.database.edit_catalog import edit_problems
from sheets_pipeline.database.edit_refusals import Kind, refusal
from sheets_pipeline.database.edit_target import TargetRow
from sheets_pipeline.database.state import TabStore, sync_base_row
from sheets_pipeline.edits import apply, ledger
from sheets_pipeline.edits import row as row_module
from sheets_pipeline.edits.ledger import State
from sheets_pipeline.edits.recording import record
from sheets_pipeline.sync.cells import KEY_SEPARATOR
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.sync.typed_cells import Moment
from sheets_pipeline_tests.edits.stage import KEY, TAB, TASK, Stage

NOON = datetime(2026, 4, 3, 10, tzinfo=UTC)


def test_cells_of_every_type_are_written_and_shown_as_stored(stage: Stage) -> None:
    stage.type(title="Draw", note="x", points=4, price="1.234,567", share="12,5 %", is_done="WAHR", due="5.4.2026")
    stage.type(at=46116.25, mail="new@x.org", low=2, high=6, owner_id=2)
    assert stage.apply() == [State.APPLIED] * 11 + [State.APPLIED]
    task = stage.task()
    assert (task.title, task.note, task.points, round(float(task.price), 2), task.share) == (
        "Draw",
        "x",
        4,
        1234.57,
        0.125,
    )
    assert (task.is_done, task.due, task.at) == (True, date(2026, 4, 5), datetime(2026, 4, 4, 4, tzinfo=UTC))
    with stage.platform.connect() as connection:
        assert connection.scalar(sa.text("select mail from owner where id = 1")) == "new@x.org"
    price = next(edit for edit in stage.edits() if edit.column == "price")
    assert price.in_database == 1.5
    if stage.platform.dialect.name != "sqlite":  # which does not round
        assert (price.stored, price.reason) == (1234.57, "the database stored another value than was typed")
        assert stage.events() == [("edit of Tasks", '["EU", "7"]')]  # so that the tab shows it
    base = stage.base()
    assert (base["title"], base["price"], base["due"], base["region"]) == ("Draw", "1.234,567", "5.4.2026", "EU")
    assert stage.apply() == []


def test_blank_is_null_or_empty_text_as_the_column_takes_it(stage: Stage) -> None:
    stage.type(title="", points=None, due=None, share="")
    stage.apply()
    task = stage.task()
    assert (task.title, task.points, task.due, task.share) == ("", None, None, None)


@pytest.mark.parametrize("typed", ["paint", "Paint ", "PAINT"])
def test_case_and_trailing_blanks_are_changes(stage: Stage, typed: str) -> None:
    stage.type(title=typed)
    assert stage.apply() == [State.APPLIED]
    assert stage.task().title == typed
    stage.change(title="Paint")  # the application changes what our eyes alone tell apart
    stage.type(title="Draw")
    assert stage.apply() == [State.CONFLICT]
    assert stage.task().title == "Paint"


def refusals(stage: Stage) -> list[tuple[dict[str, Any], str]]:
    """What is typed, and words of the reason."""
    named = stage.platform.dialect.name != "sqlite"  # which says no name of a foreign key
    return [
        ({"title": "x" * 21}, "too long" if named else ""),
        ({"low": 9}, "in_order"),
        ({"owner_id": 9}, "no such row"),
        ({"mail": "two@x.org"}, "another row has this value"),
        ({"points": 10**15}, "out of range" if named else ""),
        ({"owner_id": 3}, "expected one of 1, 2, 9"),
        ({"points": "many"}, "expected a whole number, found text"),
        ({"price": "#N/A"}, "found the error #N/A"),
        ({"price": Moment(0)}, "expected a number, found a date"),
    ]


def test_what_the_database_refuses_is_rejected_by_name_and_shown_again(stage: Stage) -> None:
    for cells, says in refusals(stage):
        [column] = cells
        stage.type(**cells)
        found = stage.apply()
        assert found, stage.last()
        [state] = found
        if not says:  # SQLite knows no lengths
            assert state is State.APPLIED
            continue
        edit = stage.last()
        assert (state, says in str(edit.reason)) == (State.REJECTED, True), edit
        assert not any(word in str(edit.reason) for word in ("xxx", "two@x.org", "Failing row", "DETAIL", "Paint"))
        assert stage.base()[column] == (
            cells[column] if not isinstance(cells[column], Moment) else stage.base()[column]
        )
        # Typed right the next time, though the tab still shows what was refused.
        before = stage.edits()
        good: Any = {"title": "ok", "low": 2, "owner_id": 2, "mail": "ok@x.org", "points": 5, "price": 2}[column]
        if good == (stage.task()._mapping.get(column)):
            good = {"owner_id": 1, "price": 3, "points": 6}[column]
        right: dict[str, Any] = {column: good}
        stage.type(**right)
        assert stage.apply() == [State.APPLIED], (column, stage.last())
        assert len(stage.edits()) == len(before) + 1
    assert ("edit of Tasks", '["EU", "7"]') in stage.events()


def test_two_cells_that_fit_only_together_may_arrive_apart(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_module, "TOGETHER_SECONDS", 60)  # as it would be over on a slow machine
    stage.type(low=8)
    assert stage.apply(patiently=False) == []  # low <= high does not hold: it waits for company
    stage.type(high=9)
    assert stage.apply() == [State.APPLIED, State.APPLIED]
    assert (stage.task().low, stage.task().high) == (8, 9)


def test_cells_that_are_right_do_not_suffer_from_one_that_is_not(stage: Stage) -> None:
    stage.type(low=9, note="fine", mail="two@x.org", title="Draw")
    stage.apply()
    states = {edit.column: edit.state for edit in stage.edits()}
    assert states == {"low": "rejected", "note": "applied", "mail": "rejected", "title": "applied"}
    assert (stage.task().title, stage.task().note, stage.task().low) == ("Draw", "fine", 1)


def test_the_database_or_the_sheet_wins_as_declared_and_the_loser_is_kept(small: Stage) -> None:
    small.type(title="Draw", points=5)
    small.change(title="Sand", points=9)
    assert small.apply() == [State.CONFLICT, State.APPLIED]
    assert (small.task().title, small.task().points) == ("Sand", 5)
    title, points = small.edits()
    assert (title.typed, title.in_database, points.in_database) == ("Draw", "Sand", 9)


def test_only_named_editors_are_taken_and_nobody_unknown(small: Stage) -> None:
    for editor, state in (("ADA@example.org", "applied"), ("x@school.org", "applied"), ("x@evil-school.org", "rejected"),
                          ("", "rejected")):  # fmt: skip
        small.type(at=46117 + len(editor), editor=editor)
        assert small.apply() == [state], editor


def test_a_cell_typed_twice_is_one_edit_and_late_messages_bury_nothing(small: Stage) -> None:
    small.type(title="Draw", when=2000)
    small.type(title="Sand", when=2001)
    assert small.apply() == [State.APPLIED]
    small.type(title="Dra", when=1999)  # sent first, came last
    assert small.apply() == []
    assert [edit.state for edit in small.edits()] == ["superseded", "applied", "superseded"]
    assert small.task().title == "Sand"


def test_a_message_that_was_long_on_its_way_does_not_bury_what_a_read_has_found(small: Stage) -> None:
    small.type(by="read", title="Sand", when=2000)
    assert small.apply() == [State.APPLIED]
    small.type(title="Dra", when=1939)
    assert (small.apply(), small.last().state) == ([], State.SUPERSEDED)
    small.type(title="Draw", when=1999)  # the clocks may differ by so much: it may have been typed after the read
    assert small.apply() == [State.APPLIED]
    assert small.task().title == "Draw"


def test_typed_over_a_rounded_or_refused_value_is_no_conflict(small: Stage) -> None:
    with small.platform.begin() as connection:
        connection.exec_driver_sql(
            "create trigger trim_it after update of note on task begin update task set note = trim(new.note) "
            "where nr = new.nr and note <> trim(note); end"
        )
    small.type(note=" a ")
    small.apply()
    assert (small.last().stored, small.base()["note"]) == ("a", " a ")
    small.type(note=" b ")
    assert small.apply() == [State.APPLIED]
    assert small.task().note == "b"


def test_what_a_sync_wrote_meanwhile_stays_the_base(small: Stage) -> None:
    small.type(title="Draw")
    small.change(title="Sand")
    TabStore(small.state, "SHEET", TAB.title).confirm({KEY: {**small.base(), "title": "Sand"}})
    assert small.apply() == [State.CONFLICT]  # it was typed over Paint, not over Sand
    assert small.base()["title"] == "Sand"


def test_what_is_typed_back_is_an_edit_though_a_sync_noted_that_value(small: Stage) -> None:
    """The sync had computed the row before the edit in between was applied."""
    store, before = TabStore(small.state, "SHEET", TAB.title), small.base()
    cases: list[tuple[str, Any, Any]] = [("title", "Draw", "Paint"), ("is_done", True, False), ("points", 4, 3)]
    cases.append(("due", Moment(1775426400000), Moment(1775167200000)))
    for column, first, back in cases:
        there: dict[str, Any] = {column: first}
        small.type(**there)
        assert small.apply() == [State.APPLIED]
        middle = small.base()[column]
        store.confirm({KEY: before})
        again: dict[str, Any] = {column: back}
        small.type(old=middle, **again)
        assert small.apply() == [State.APPLIED], column
    task = small.task()
    assert (task.title, task.is_done, task.due, task.points) == ("Paint", False, date(2026, 4, 3), 3)


def test_while_a_sync_writes_the_row_its_edits_wait(small: Stage) -> None:
    cells = small.base()
    TabStore(small.state, "SHEET", TAB.title).intend([KEY])
    small.type(title="Draw")
    assert small.apply(patiently=False) == []
    assert small.last().state is State.NEW
    TabStore(small.state, "SHEET", TAB.title).confirm({KEY: cells})
    assert small.apply() == [State.APPLIED]


def test_an_edit_of_a_row_that_left_the_database_is_kept_in_the_ledger(stage: Stage) -> None:
    with stage.platform.begin() as connection:
        connection.execute(sa.text("delete from task"))
    stage.type(title="Draw")
    assert stage.apply() == [State.REJECTED]
    assert "its row is not in task" in str(stage.last().reason)


def test_what_was_typed_as_the_row_left_the_tab_is_kept_in_the_ledger(small: Stage) -> None:
    TabStore(small.state, "SHEET", TAB.title).forget([KEY])
    small.type(title="Draw")
    assert small.apply() == [State.CONFLICT]
    assert small.task().title == "Paint"


def test_a_full_sync_that_computed_its_rows_before_leaves_the_row_alone(stage: Stage) -> None:
    store = TabStore(stage.state, "SHEET", TAB.title)
    computed_at = store.now()
    assert not store.written_since(computed_at)
    stage.type(title="Draw")
    stage.apply()
    assert store.written_since(computed_at) == {KEY}


def test_a_cell_as_it_was_or_as_the_database_has_it_is_no_change(small: Stage) -> None:
    small.type(title="Paint", points=3.0)
    assert small.edits() == []
    small.change(title="Sand")
    small.type(title="Sand")
    assert small.apply() == [State.SAME]


def test_a_deadlock_is_tried_again_and_what_is_unexpected_five_times(
    small: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.type(title="Draw")
    failures: list[Exception] = [sa.exc.OperationalError("", {}, Exception("database is locked"))]
    settle = row_module.Row.settle

    def fail(row: Any) -> Any:
        if failures:
            raise failures.pop()
        return settle(row)

    monkeypatch.setattr(row_module.Row, "settle", fail)
    assert small.apply() == [State.APPLIED]
    small.type(title="Sand")
    for attempt in range(5):
        failures.append(RuntimeError("Paint"))
        assert small.apply() == ([] if attempt < 4 else [State.DEAD])
    assert small.last().reason == "RuntimeError; tried 5 times"
    assert small.task().title == "Draw"


def test_a_crash_between_two_databases_writes_nothing_twice(apart: Stage) -> None:
    apart.type(title="Draw")

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    _ = apart.tab_id
    sa.event.listen(apart.state, "commit", crash)
    with pytest.raises(KeyboardInterrupt):
        apart.apply(patiently=False)
    sa.event.remove(apart.state, "commit", crash)
    assert apart.task().title == "Draw"
    assert apart.last().state is State.NEW
    written: list[str] = []
    sa.event.listen(apart.platform, "before_cursor_execute", lambda _c, _k, text, *_: written.append(text))
    assert apart.apply() == [State.SAME]
    assert not [text for text in written if text.startswith("UPDATE")]
    assert apart.base()["title"] == "Draw"


def test_two_processes_apply_an_edit_once(stage: Stage) -> None:
    written: list[str] = []

    def note(_c: Any, _k: Any, text: str, *_: Any) -> None:
        if text.startswith("UPDATE task"):
            written.append(text)

    sa.event.listen(stage.platform, "before_cursor_execute", note)
    for number in range(4):
        stage.type(title=f"Draw {number}")
        threads = [threading.Thread(target=stage.apply, kwargs={"patiently": False}) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(written) == 4
    assert [edit.state for edit in stage.edits()] == ["applied"] * 4


def test_the_base_of_a_row_is_of_its_tab(small: Stage) -> None:
    TabStore(small.state, "SHEET", "Other").confirm({KEY: {"title": "x"}})
    small.type(title="Draw")
    small.apply()
    with small.state.connect() as connection:
        assert (
            connection.scalar(sa.select(sync_base_row.c.cells).where(sync_base_row.c.tab_id != small.tab_id))
            == '{"title":"x"}'
        )
    assert ledger.as_json(small.last().base) == '"Paint"'


def test_a_row_that_the_application_keeps_locked_is_tried_again_until_it_is_free(stage: Stage) -> None:
    """However often: that is no failure of the edit, and nobody need accept it afterwards."""
    if stage.platform.dialect.name == "sqlite":
        pytest.skip("SQLite locks no rows")
    stage.type(title="Draw")
    with stage.platform.begin() as theirs:
        theirs.execute(TASK.update().where(TASK.c.nr == 7).values(points=9))
        for _ in range(2):
            began = time.monotonic()
            assert stage.apply() == []
            assert time.monotonic() - began < 30
            assert (stage.last().state, stage.last().attempts) == (State.NEW, 0)
    assert stage.apply() == [State.APPLIED]


def test_no_text_becomes_json_or_letters_of_an_array(engine: sa.Engine) -> None:
    """Drivers would make a JSON text of it, and an array of its letters."""
    kinds: dict[str, Any] = {"json": sa.JSON(), "blob": sa.LargeBinary()}
    kinds |= {"jsonb": JSONB(), "array": sa.ARRAY(sa.Text)} if engine.dialect.name == "postgresql" else {}
    columns: list[sa.Column[Any]] = [sa.Column(name, kind) for name, kind in kinds.items()]
    table = sa.Table(
        "odd", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), *columns, sa.Column("yes", sa.Boolean)
    )
    table.create(engine)
    names = [one for one in kinds if engine.dialect.name == "postgresql" or one == "blob"]  # elsewhere JSON is a text
    tab = Tab(
        "Odd",
        ("id",),
        (Column("id", ColumnType.INTEGER), *(Column(name, editing=Editing(f"odd.{name}")) for name in names)),
        edits=Edits((RowTarget("odd", {"id": "id"}),)),
    )
    with engine.begin() as connection:
        connection.execute(table.insert().values(id=1))
        assert [text.split(" is ")[0] for _, text in edit_problems(connection, tab)] == [f"odd.{one}" for one in names]
        row = TargetRow(connection, "odd", {"id": 1}, [*names, "yes"])
        for name in names:
            for value in ('{"a": 1}', "x", None):
                with pytest.raises(ValueError, match="no cell holds") as error:
                    row.change({name: value})
                assert refusal(error.value).kind is Kind.REFUSED
        if engine.dialect.name in ("mysql", "mariadb"):  # a small number there
            return
        assert row.change({"yes": "TRUE"})
        assert row.read() == {**dict.fromkeys(names), "yes": True}
        with pytest.raises(sa.exc.StatementError) as refused:
            row.change({"yes": "perhaps"})
        assert refusal(refused.value).kind is Kind.REFUSED


def test_columns_may_have_names_that_parameters_would_have(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE odd (key_0 INTEGER PRIMARY KEY, new_0 INTEGER, held_0 INTEGER)")
        connection.exec_driver_sql("INSERT INTO odd VALUES (1, 2, 3), (2, 2, 3)")
        row = TargetRow(connection, "odd", {"key_0": 1}, ["held_0", "new_0"])
        assert row.change({"held_0": 4, "new_0": 5})
        assert row.read(lock=True) == {"held_0": 4, "new_0": 5}
        rows = TargetRows(connection, "odd", [{"key_0": 1}, {"key_0": 2}], ["new_0"])
        assert rows.change([(0, {"new_0": 5}, {"new_0": 6}), (1, {"new_0": 2}, {"new_0": 7})])
        assert rows.read([0, 1]) == {0: {"new_0": 6}, 1: {"new_0": 7}}
        assert row.delete()


def test_all_that_is_due_has_its_turn_however_few_rows_are_taken_at_once(small: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apply, "_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(apply, "editable_tab", lambda *_: small.tab)
    with ledger.writing(small.state) as connection:
        for number in range(5):
            source = ledger.Source(f"m{number}", "webhook", 1000.0, "en_US", "Etc/UTC")
            seen = [ledger.Seen(KEY_SEPARATOR.join(("EU", str(number + 3))), "points", number + 20)]
            record(connection, small.tab_id, seen, source)
    assert apply.apply_due(small.pipeline).total == 5


def test_what_one_process_has_claimed_is_left_out_by_another_that_does_not_wait(stage: Stage):
    if stage.state.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    stage.type(points=5)
    with stage.state.begin() as one, stage.state.begin() as other:
        assert len(ledger.claimed(one, stage.tab_id, [KEY])) == 1
        assert ledger.claimed(other, stage.tab_id, [KEY], skip_locked=True) == []
