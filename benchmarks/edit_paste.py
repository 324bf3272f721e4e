"""A paste of 1,000 rows and 3 columns with 3 cells that cannot be taken, into a tab of a project of its own."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.edit_ground import EditGround, running_edits
from sheets_pipeline.components.tab_asset import reload_tabs

ROWS = 1000
_TABLE = f"""
create table task (
    id bigint primary key, title text not null, status text not null,
    hours numeric(5, 2) constraint sensible check (hours between 0 and 100), note varchar(20)
);
insert into task select n, 'Task ' || n, 'open', 1, null from generate_series(1, {ROWS}) n;
"""
_DECLARATION = """
type: sheets_pipeline.Tab
attributes:
  title: Tasks
  key: id
  sql: select id, title, status, hours, note from task
  columns:
    - {name: id, type: integer}
    - {name: title}
    - {name: status, editable: true, writes_to: task.status, one_of: [open, doing, done]}
    - {name: hours, type: decimal, editable: true, writes_to: task.hours}
    - {name: note, editable: true, writes_to: task.note}
  edits:
    row: {table: task, key: {id: id}}
  watches:
    - {table: task, key: id}
"""
#: Row → column and what is pasted there.
_WRONG = {100: ("status", "lost"), 500: ("hours", "many"), 900: ("hours", 500)}
_LONGEST = 120.0


def measure() -> dict[str, Any]:
    """Paste once; when the database was right, when the three rejections were told, when the tab showed its values again."""
    with tempfile.TemporaryDirectory(prefix="paste-") as folder:
        tabs = Path(folder) / "tabs"
        tabs.mkdir()
        (tabs / "tasks.yaml").write_text(_DECLARATION)
        tables = {"Tasks": ("task", "id", ("status", "hours", "note"))}
        with running_edits("paste", tables, _TABLE, project=folder) as ground:
            _install_triggers()
            time.sleep(30)  # the first fill, and what is imported for the first time
            result = _paste(ground)
            ground.scripts.close()
    reload_tabs()
    return result


def _install_triggers() -> None:
    subprocess.run(
        [str(Path(sys.executable).with_name("sheets-pipeline")), "db", "install"],
        check=False,
        capture_output=True,
        timeout=120,
    )


def _paste(ground: EditGround) -> dict[str, Any]:
    values: list[list[Any]] = [["doing", "2.5", f"note {number}"] for number in range(1, ROWS + 1)]
    for number, (column, value) in _WRONG.items():
        values[number - 1][("status", "hours", "note").index(column)] = value
    place = ground.page.look("Tasks")
    began, _ = ground.page.paste("Tasks", 1, place.columns["status"], values)
    right = _wait(lambda: _is_right(ground))
    told = _wait(lambda: _rejected(ground) == {(str(n), column) for n, (column, _) in _WRONG.items()})
    shown = _wait(lambda: all(_is_back(ground, str(n), column) for n, (column, _) in _WRONG.items()))
    reasons = {f"{edit.row_key} {edit.column}": edit.reason for edit in ground.edits() if edit.state == "rejected"}
    return {
        "right": None if right is None else round(right - began, 2),
        "told": None if told is None else round(told - began, 2),
        "shown": None if shown is None else round(shown - began, 2),
        "reasons": reasons,
    }


def _is_right(ground: EditGround) -> bool:
    query = sa.text(
        "select count(*) filter (where status = 'doing'), count(*) filter (where hours = 2.5), "
        "count(*) filter (where note = 'note ' || id) from task"
    )
    with ground.values.engine.connect() as connection:
        return tuple(connection.execute(query).one()) == (ROWS - 1, ROWS - 2, ROWS)


def _rejected(ground: EditGround) -> set[tuple[str, str]]:
    query = sa.text("select row_key, column_name from sheet_edit where state = 'rejected'")
    with ground.values.engine.connect() as connection:
        return {(key, column) for key, column in connection.execute(query)}


def _is_back(ground: EditGround, key: str, column: str) -> bool:
    return ground.page.shown("Tasks", key, column) == {"status": "open", "hours": 1.0}[column]


def _wait(condition: Any) -> float | None:
    end = time.time() + _LONGEST
    while time.time() < end:
        if condition():
            return time.time()
        time.sleep(0.05)
    return None
