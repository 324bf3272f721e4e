"""What the database lets into editable columns, as dropdowns and checkboxes need it."""

from dataclasses import replace

import pytest

from sheets_pipeline.database.edit_choices import edit_choices
from sheets_pipeline.sync.editing import Editing
from sheets_pipeline.sync.rules import MOST_ENTRIES, Choices
from sheets_pipeline_tests.edits.stage import OWNER, TAB, Stage


def test_a_foreign_key_gives_its_entries_and_null_is_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    columns = [replace(one, editing=Editing("task.owner_id")) if one.name == "owner_id" else one for one in TAB.columns]
    tab = replace(TAB, columns=tuple(columns))
    choices = edit_choices(stage.platform, tab)
    assert choices["owner_id"] == Choices(takes_null=True, entries=[1, 2])
    assert (choices["title"], choices["note"]) == (Choices(takes_null=False), Choices(takes_null=True))
    with stage.platform.begin() as connection:
        connection.execute(OWNER.insert(), [{"id": i} for i in range(3, MOST_ENTRIES + 1)])
    assert len(edit_choices(stage.platform, tab)["owner_id"].entries or ()) == MOST_ENTRIES
    with stage.platform.begin() as connection:
        connection.execute(OWNER.insert().values(id=MOST_ENTRIES + 1))
    assert edit_choices(stage.platform, tab)["owner_id"].entries is None
    assert edit_choices(stage.platform, TAB)["owner_id"].entries is None  # one_of says it already
    with stage.platform.begin() as connection:
        connection.exec_driver_sql("alter table owner rename to gone")
    assert "owner_id" not in edit_choices(stage.platform, tab)
    assert "What task.owner_id may hold is not known" in caplog.text
