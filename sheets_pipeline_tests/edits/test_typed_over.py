"""Edits whose message was lost and whose cell was typed over: the next message tells of them, and of nothing else."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.edits import intake, ledger, recording
from sheets_pipeline.edits.apply import transactions
from sheets_pipeline.edits.ledger import Seen, State
from sheets_pipeline.edits.messages import Message, parsed
from sheets_pipeline.edits.row import Row
from sheets_pipeline.sync.merge import UNKNOWN
from sheets_pipeline.sync.typed_cells import Moment
from sheets_pipeline_tests.edits.stage import KEY, TAB, Stage


def _soon() -> float:
    """Long after the row was written."""
    return time.time() + 60


def _lines(stage: Stage) -> list[tuple[Any, str, str]]:
    return [(edit.typed, edit.state.value, edit.editor) for edit in stage.edits()]


#: Column, what was typed and not told of, what the next event says that the cell held, and what it tells.
UNTOLD: list[tuple[str, Any, Any, Any]] = [
    ("title", "Draw", "Draw", "Sand"),
    ("points", 5, 5.0, 8),
    ("is_done", True, True, False),
    ("note", "x", "x", ""),
    ("due", 46120, 46120.0, 46121),
    ("at", 46117.25, 46117.25, Moment(1775300000000)),
    ("price", "many", "many", 2),
]


def test_what_nothing_told_of_is_known_from_the_edit_after_it(stage: Stage) -> None:
    for column, lost, told, typed in UNTOLD:
        stage.type(when=_soon(), old=told, is_old_sure=True, editor="bob@example.org", **{column: typed})
        assert _lines(stage)[-2:] == [(lost, "superseded", ""), (typed, "new", "bob@example.org")]
        assert "typed over before anything told" in str(stage.edits()[-2].reason)
    assert len(stage.edits()) == 2 * len(UNTOLD)


def test_it_is_known_where_the_cell_holds_again_what_it_held(stage: Stage) -> None:
    stage.type(when=_soon(), old="Draw", is_old_sure=True, title="Paint")
    assert _lines(stage) == [("Draw", "superseded", ""), ("Paint", "new", "ada@example.org")]
    assert stage.apply() == [State.SAME]


def test_nothing_is_concluded_from_what_is_known_or_not_sure(stage: Stage) -> None:
    sure: dict[str, Any] = {"when": _soon(), "is_old_sure": True}
    stage.type(**sure, old="Paint", title="Sand")  # what we wrote
    stage.type(**sure, old=UNKNOWN, note="x")  # it was blank
    stage.type(**sure | {"is_old_sure": False}, old=9, points=4)  # rows may have been sorted
    stage.type(**sure | {"when": 1000.0}, old=9, price=4)  # we wrote to the row after that
    assert [state for _, state, _ in _lines(stage)] == ["new"] * 4


def test_values_of_the_ledger_are_no_edits_nobody_told_of(stage: Stage) -> None:
    stage.type(when=_soon(), old=1.5, is_old_sure=True, price=1.239)
    stage.type(when=_soon(), old=1.239, is_old_sure=True, price=7.777)  # supersedes it
    assert [state for _, state, _ in _lines(stage)] == ["superseded", "new"]
    stage.apply()
    stored = stage.last().stored  # rounded by the database
    stage.type(when=_soon(), old=stored, is_old_sure=True, price=9)
    assert len(stage.edits()) == 3


def test_a_late_message_takes_its_line(stage: Stage) -> None:
    lost_at = _soon()
    stage.type(when=lost_at + 5, old="Draw", is_old_sure=True, title="Sand")
    stage.apply()
    stage.type(when=lost_at, old="Paint", is_old_sure=True, title="Draw", editor="bob@example.org")
    assert _lines(stage) == [("Draw", "superseded", "bob@example.org"), ("Sand", "applied", "ada@example.org")]
    with stage.state.connect() as connection:
        assert set(connection.scalars(sa.select(sheet_edit.c.event_id))) == {"m0:0", "m1:0"}
    stage.type(when=lost_at + 1, old="Paint", is_old_sure=True, title="Draw")  # typed twice, told of twice
    assert [edit.state for edit in stage.edits()] == [State.SUPERSEDED, State.APPLIED, State.SUPERSEDED]
    assert stage.apply() == []


def test_a_late_message_puts_nothing_in_where_the_cell_was_put_back(stage: Stage) -> None:
    lost_at = _soon()
    stage.type(when=lost_at + 5, old="Draw", is_old_sure=True, title="Paint")
    stage.type(when=lost_at, old="Paint", is_old_sure=True, title="Draw", editor="bob@example.org")
    assert _lines(stage) == [("Draw", "superseded", "bob@example.org"), ("Paint", "new", "ada@example.org")]
    assert stage.apply() == [State.SAME]
    assert stage.task().title == "Paint"


def test_what_somebody_else_typed_meanwhile_is_not_theirs_whose_message_shows_it(stage: Stage) -> None:
    stage.type(when=_soon(), old="Paint", title="Draw", now="Sand", editor="ada@example.org")
    stage.type(when=_soon(), old="Draw", is_old_sure=True, title="Sand", editor="bob@example.org")
    told = [("Draw", "superseded", "ada@example.org"), ("Sand", "new", "bob@example.org")]
    assert _lines(stage) == told
    assert [edit.base for edit in stage.edits()] == ["Paint", "Paint"]
    assert stage.apply() == [State.APPLIED]


def test_that_line_is_taken_also_where_its_own_script_began_a_little_later(stage: Stage) -> None:
    at = _soon()
    stage.type(when=at, old="Draw", is_old_sure=True, title="Sand", editor="bob@example.org")
    stage.type(when=at + 1, old="Paint", title="Draw", now="Sand")
    assert _lines(stage) == [("Draw", "superseded", "ada@example.org"), ("Sand", "new", "bob@example.org")]
    stage.type(when=at + 5, old="Sand", title="Draw", now="Wash")  # typed anew
    assert len(stage.edits()) == 3


def test_such_a_message_tells_of_the_edit_before_it_too(stage: Stage) -> None:
    """Of Wash no message came, Draw was typed over Wash, and Sand over Draw before the script read it."""
    stage.type(when=_soon() + 1, old="Draw", is_old_sure=True, title="Sand", editor="bob@example.org")
    stage.type(when=_soon(), old="Wash", title="Draw", now="Sand")
    assert sorted(_lines(stage)) == [
        ("Draw", "superseded", "ada@example.org"), ("Sand", "new", "bob@example.org"), ("Wash", "superseded", "")
    ]  # fmt: skip


def test_a_message_of_a_cell_that_was_typed_over_takes_the_line_that_the_next_ones_left(stage: Stage) -> None:
    stage.type(when=_soon() + 1, old="Draw", is_old_sure=True, title="Sand", editor="bob@example.org")
    stage.type(when=_soon(), old="Paint", title="Draw", now="Sand", editor="ada@example.org")
    assert _lines(stage) == [("Draw", "superseded", "ada@example.org"), ("Sand", "new", "bob@example.org")]


ADA, BOB = "ada@example.org", "bob@example.org"


def test_what_a_slow_script_found_is_theirs_whose_event_says_that_they_typed_it(stage: Stage) -> None:
    """Ada pasted Draw, Bob typed Sand over it, and the script that read what Ada had pasted found Sand."""
    at = _soon()
    stage.type(when=at + 2, editor=ADA, title="Sand")
    stage.type(when=at, old="Draw", is_old_sure=True, editor=BOB, title="Sand")
    assert _lines(stage) == [("Draw", "superseded", ADA), ("Sand", "new", BOB)]
    assert stage.apply() == [State.APPLIED]
    assert stage.task().title == "Sand"


def test_it_is_theirs_also_where_it_has_been_applied(stage: Stage) -> None:
    at = _soon()
    stage.type(when=at, editor=ADA, title="Sand")
    assert stage.apply() == [State.APPLIED]
    stage.type(when=at + 2, old="Draw", is_old_sure=True, editor=BOB, title="Sand")
    assert _lines(stage) == [("Draw", "superseded", ADA), ("Sand", "applied", BOB)]
    adas, bobs = stage.edits()
    assert (adas.base, adas.stored, bobs.base, bobs.in_database, bobs.stored) == (
        "Paint",
        UNKNOWN,
        "Paint",
        "Paint",
        "Sand",
    )
    assert (adas.batch, bobs.batch) == ("m0", "m1")
    assert stage.apply() == []


def _message(editor: str, **more: Any) -> Message:
    message = {
        "id": str(uuid.uuid4()),
        "kind": "edit",
        "spreadsheet": "SHEET",
        "tab": "Tasks",
        "at": int(_soon() * 1000),
        "zone": "Europe/Berlin",
        "editor": editor,
    }
    return parsed(orjson.dumps({**message, **more}))


def _take_in(stage: Stage, message: Message) -> None:
    with ledger.writing(stage.state) as connection:
        intake._record(connection, [message], TAB)


def _pasted(*columns: str, **more: Any) -> Message:
    values = {"title": "Sand", "at": 46119.5}
    return _message(ADA, columns=columns, rows=[{"key": ["EU", 7], "cells": [values[one] for one in columns]}], **more)


def _typed_over(**more: Any) -> Message:
    cells = [{"key": ["EU", 7], "cells": [46119.5]}]
    return _message(BOB, columns=["at"], rows=cells, old="46117", new="46119.5", **more)


def test_nobody_gets_past_a_columns_editors_by_typing_where_one_of_them_has_just_pasted(stage: Stage) -> None:
    beside = _message(BOB, columns=["note"], rows=[{"key": ["EU", 7], "cells": ["x"]}], old="", new="x")
    _take_in(stage, _pasted("title", "at"))
    with stage.state.connect() as connection:
        edits = connection.execute(sa.select(sheet_edit))
        assert [(row.due_at - row.seen_at).total_seconds() for row in edits] == [5, 5]  # they go together
    assert stage.apply(patiently=False) == []
    _take_in(stage, beside)
    assert stage.apply(patiently=False) == [State.APPLIED]  # of this cell alone
    assert stage.task().at.day == 3
    _take_in(stage, _typed_over())
    assert stage.apply(patiently=False) == [State.REJECTED]
    assert stage.apply() == [State.APPLIED]  # once the time is over
    assert [(edit.column, edit.state.value, edit.editor) for edit in stage.edits()] == [
        ("title", "applied", ADA), ("at", "superseded", ADA), ("note", "applied", BOB), ("at", "rejected", BOB)
    ]  # fmt: skip
    own = _message(ADA, columns=["at"], rows=[{"key": ["EU", 7], "cells": [46120.5]}], new="46120.5")
    _take_in(stage, own)
    assert stage.apply(patiently=False) == [State.APPLIED]  # at once: its event says whose it is


def test_what_got_in_by_anothers_right_as_its_message_was_late_is_told(stage: Stage) -> None:
    _take_in(stage, _pasted("at"))
    assert stage.apply() == [State.APPLIED]
    _take_in(stage, _typed_over())
    adas, bobs = stage.edits()
    assert (adas.state, bobs.state) == (State.SUPERSEDED, State.APPLIED)
    assert str(bobs.reason).startswith(f"applied as an edit of {ADA}")


def test_an_edit_that_is_being_applied_while_it_turns_out_to_be_anothers_is_applied_once_and_told_so(
    stage: Stage,
) -> None:
    if stage.state.dialect.name == "sqlite":
        pytest.skip("one writer at a time: it waits before it reads")
    at = int(_soon() * 1000)
    _take_in(stage, _pasted("at", at=at + 2000))
    with stage.state.begin() as connection:
        connection.execute(sheet_edit.update().values(due_at=sheet_edit.c.seen_at))
    with ThreadPoolExecutor(1) as pool, transactions(stage.pipeline) as (platform, state):
        edits = ledger.claimed(state, stage.tab_id, [KEY])
        told = pool.submit(_take_in, stage, _typed_over(at=at))
        assert wait([told], timeout=1).not_done  # until the edit has been applied
        assert Row(platform, state, TAB, edits).settle() == [State.APPLIED]
        state.commit()
        platform.commit()
        told.result(30)
    assert [(edit.state, edit.editor) for edit in stage.edits()] == [(State.SUPERSEDED, ADA), (State.APPLIED, BOB)]
    assert stage.task().at.day != 3


def test_an_edit_that_is_taken_back_while_it_turns_out_to_be_anothers_stays_so(stage: Stage) -> None:
    _take_in(stage, _pasted("title"))
    assert stage.apply() == [State.APPLIED]
    [before] = stage.edits()
    cell = Seen(KEY, "title", "Sand", "Draw", is_old_sure=True)
    with ledger.writing(stage.state) as connection:
        connection.execute(sheet_edit.update().values(state=State.UNDONE.value))
        assert recording._hand_over(connection, before, cell, {})
    assert _lines(stage) == [("Sand", "undone", ADA)]


def test_what_its_own_event_says_is_handed_to_nobody(stage: Stage) -> None:
    """Ada typed Sand, somebody typed Draw whose message is late, and Bob typed Sand again."""
    at = int(_soon() * 1000)
    cells = [{"key": ["EU", 7], "cells": ["Sand"]}]
    _take_in(stage, _message(ADA, at=at, columns=["title"], rows=cells, old="Paint", new="Sand"))
    assert stage.apply() == [State.APPLIED]
    _take_in(stage, _message(BOB, at=at + 4000, columns=["title"], rows=cells, old="Draw", new="Sand"))
    assert _lines(stage)[0] == ("Sand", "applied", ADA)


def test_it_stays_theirs_of_whom_it_was_told_where_no_event_says_otherwise(stage: Stage) -> None:
    at = _soon()
    stage.type(when=at, editor=ADA, title="Sand")
    stage.type(when=at + 1, old="Sand", is_old_sure=True, editor=BOB, title="Sand")  # the same again
    stage.type(when=at + 1, old="Draw", editor=BOB, title="Sand")  # rows may have been sorted
    stage.type(when=at + 60, old="Draw", is_old_sure=True, editor=BOB, title="Sand")  # long afterwards
    assert _lines(stage)[0] == ("Sand", "new", ADA)


def test_where_rows_moved_between_an_edit_and_its_message_no_edit_is_made_up(stage: Stage) -> None:
    stage.type(
        when=_soon(), old="Wash", title="Draw", now="Paint"
    )  # this row's title is as it was: another row was meant
    assert stage.edits() == []
    stage.type(when=_soon(), title="Sand", by="read")  # a row that waits is not superseded by it
    stage.type(when=_soon(), old="Wash", title="Draw", now="Paint")
    assert _lines(stage) == [("Sand", "new", "ada@example.org")]
