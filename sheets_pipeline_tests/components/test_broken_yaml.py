"""Each broken declaration in YAML says what is wrong, on which line, and what to do; those beside it load."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sheets_pipeline.components.declared import DeclaredTab
from sheets_pipeline.components.project import declared_in, project_of, tab_digests
from sheets_pipeline.components.tab_asset import of_project

GOOD = """\
type: sheets_pipeline.Tab
attributes:
  title: Fine
  key: [id]
  sql: select id, name from learner
"""


def tab(*lines: str) -> str:
    """A declaration whose attributes are these lines, from line 3 on."""
    return doc("Tab", *lines)


def doc(kind: str, *lines: str) -> str:
    """The same of another type."""
    return f"type: sheets_pipeline.{kind}\nattributes:\n" + "".join(f"  {line}\n" for line in lines)


TITLE, KEY, SQL = "title: Orders", "key: [id]", "sql: select id, name from learner"

EDITED, NAME = ("columns:", "- {name: id}"), "- {name: name, editable: true, writes_to: learner.name}"
ROW = ("edits: {row: {table: learner, key: {id: id}}}",)

#: Text, line, and words of the message.
BROKEN = {
    "empty": ("", 1, "the file is empty"),
    "only a comment": ("# title: Orders\n", 1, "the file is empty"),
    "root is a list": ("- title: Orders\n", 1, "expected type and attributes, found a list"),
    "root is a text": ("Orders\n", 1, "expected type and attributes, found a text"),
    "no type": ("attributes:\n  title: Orders\n", 1, "type is missing. Write type: sheets_pipeline.Tab"),
    "mistyped type": ("type: sheets_pipeline.Tap\nattributes: {}\n", 1, "'sheets_pipeline.Tap'; expected sheets_pipeline.Tab"),
    "spreadsheets without a name": (doc("Spreadsheets", "url: 1AbC"), 2, "name is missing. What tabs call it"),
    "spreadsheets from nowhere": (doc("Spreadsheets", "name: courses"), 2, "expected one of url, list, sql, sql_file, found none"),
    "spreadsheets from two places": (doc("Spreadsheets", "name: courses", "url: 1AbC", "sql: select 1 as id"), 5, "found url and sql. Give one"),
    "spreadsheets are no query": (doc("Spreadsheets", "name: courses", "sql: drop table x"), 4, "sql: it is no query"),
    "spreadsheet of the list twice": (doc("Spreadsheets", "name: courses", "list: [{id: 7, url: a}, {id: '7', url: b}]"), 4, "the id '7' stands here more than once"),
    "spreadsheet of the list without url": (doc("Spreadsheets", "name: courses", "list:", "  - {id: 7}"), 5, "url is missing. Its address"),
    "mistyped key of the list": (doc("Spreadsheets", "name: courses", "list:", "  - {id: 7, ulr: a}"), 5, "unknown key 'ulr'. Did you mean 'url'?"),
    "spreadsheets called default": (doc("Spreadsheets", "name: default", "url: 1AbC"), 3, "that of the settings' own"),
    "spreadsheets with a slash": (doc("Spreadsheets", "name: a/b", "url: 1AbC"), 3, "without / and outer blanks"),
    "credential without key": (doc("Credential", "name: teacher"), 2, "expected key_file or key, found neither"),
    "credential with two keys": (doc("Credential", "name: teacher", "key: x", "key_file: y"), 4, "found both. Give one of them"),
    "bound credential in the environment": (doc("Credential", "name: teacher", "key: x", "hosts: a"), 5, "hosts goes with key_file"),
    "credential bound to no label": (doc("Credential", "name: teacher", "key_file: y", "hosts: a b"), 5, "hosts is 'a b'; expected a label"),
    "credential without quota": (doc("Credential", "name: teacher", "key_file: y", "reads_per_minute: 0"), 5, "reads_per_minute: expected"),
    "credential with its key in the file": (doc("Credential", "name: teacher", "key: x"), 4, "Write key: {env: NAME}"),
    "spreadsheet that is a document": (doc("Spreadsheets", "name: office", "url: https://docs.google.com/document/d/1AbC"), 4, "url must be a spreadsheet's id or its full URL"),
    "each without by": (tab(TITLE, KEY, SQL, "spreadsheet: {each: courses}"), 6, "by is missing. Write {each: LIST, by: COLUMN}"),
    "each with more": (tab(TITLE, KEY, SQL, "spreadsheet: {each: courses, by: id, bye: id}"), 6, "unknown key 'bye'. Did you mean 'by'?"),
    "no attributes": ("type: sheets_pipeline.Tab\n", 1, "attributes: expected a mapping with title, key and sql, found nothing"),
    "attributes are a list": ("type: sheets_pipeline.Tab\nattributes:\n  - title: x\n", 2, "found a list"),
    "key beside attributes": (f"{tab(TITLE, KEY, SQL)}title: x\n", 6, "unknown key 'title'. It belongs under attributes"),
    "mistyped root key": (f"{tab(TITLE, KEY, SQL)}attribute: x\n", 6, "unknown key 'attribute'. Did you mean 'attributes'?"),
    "tab character": ("type: sheets_pipeline.Tab\nattributes:\n\ttitle: x\n", 3, "a tab character"),
    "unclosed bracket": (tab("title: Orders", "key: [id", "sql: select 1"), 5, "this is no YAML"),
    "unclosed quote": (tab("title: 'Orders", "key: [id]"), 5, "this is no YAML"),
    "second colon": (tab("title: Orders: all", KEY, SQL), 3, "this is no YAML (mapping values are not allowed here)"),
    "wrong indentation": (tab(TITLE, "   key: [id]", SQL), 4, "this is no YAML"),
    "control character": (tab("title: a\x07b"), 3, "the character U+0007"),
    "key twice": (tab(TITLE, KEY, SQL, "title: Other"), 6, "the key 'title' stands here twice, first on line 3"),
    "key twice in a column": (tab(TITLE, KEY, SQL, "columns:", "- {name: id, name: nr}"), 7, "the key 'name' stands here twice"),
    "unknown key": (tab(TITLE, KEY, SQL, "colunms: []"), 6, "unknown key 'colunms'. Did you mean 'columns'?"),
    "unknown key far off": (tab(TITLE, KEY, SQL, "xyz: 1"), 6, "unknown key 'xyz'. Known: title, key, sql"),
    "capital in a key": (tab("Title: Orders", KEY, SQL), 3, "unknown key 'Title'. Did you mean 'title'?"),
    "unknown key of a column": (tab(TITLE, KEY, SQL, "columns:", "- name: id", "  tpye: text"), 8, "Did you mean 'type'?"),
    "no title": (tab(KEY, SQL), 2, "title is missing"),
    "no key": (tab(TITLE, SQL), 2, "key is missing"),
    "no query": (tab(TITLE, KEY), 2, "expected sql or sql_file, found neither"),
    "two queries": (tab(TITLE, KEY, SQL, "sql_file: x.sql"), 5, "expected sql or sql_file, found both"),
    "blank query": (tab(TITLE, KEY, "sql: ''"), 5, "sql is blank"),
    "empty key": (tab(TITLE, "key: []", SQL), 4, "key is empty"),
    "key column twice": (tab(TITLE, "key: [id, id]", SQL), 4, "the key column 'id' stands here twice"),
    "key not a column": (tab(TITLE, "key: [idd]", SQL, "columns: [{name: id}]"), 4, "'idd' is not among the columns. Did you mean 'id'?"),
    "title is a number": (tab("title: 2026", KEY, SQL), 3, "title: expected a text, found '2026', which is a number. Put it in quotes"),
    "title is a truth value": (tab("title: Yes", KEY, SQL), 3, "found 'Yes', which is true or false"),
    "title is blank": (tab("title: ' '", KEY, SQL), 3, "expected a text that is not blank"),
    "title is long": (tab(f"title: {'x' * 101}", KEY, SQL), 3, "has 101 characters; Google takes 100"),
    "title of two lines": (tab('title: "a\\nb"', KEY, SQL), 3, "control characters"),
    "mistyped type of a column": (tab(TITLE, KEY, SQL, "columns:", "- name: id", "  type: intger"), 8,
                                  "columns[1].type is 'intger'; expected one of text, integer, decimal, percent, boolean, date, "
                                  "datetime, json. Did you mean 'integer'?"),
    "a database's type": (tab(TITLE, KEY, SQL, "columns:", "- {name: id, type: varchar}"), 7, "Did you mean 'text'?"),
    "type is a list": (tab(TITLE, KEY, SQL, "columns: [{name: id, type: [text]}]"), 6, "is a list or a mapping; expected one of"),
    "mistyped on_removed": (tab(TITLE, KEY, SQL, "on_removed: remov"), 6, "expected one of remove, mark, keep. Did you mean 'remove'?"),
    "on_removed is off": (tab(TITLE, KEY, SQL, "on_removed: no"), 6, "on_removed is 'no'; expected one of remove, mark, keep"),
    "column is a text": (tab(TITLE, KEY, SQL, "columns: [id]"), 6, "columns[1]: expected a mapping, found 'id'"),
    "columns are empty": (tab(TITLE, KEY, SQL, "columns: []"), 6, "columns is empty"),
    "column without name": (tab(TITLE, KEY, SQL, "columns:", "- {name: id}", "- {header: x}"), 8, "name is missing"),
    "column twice": (tab(TITLE, KEY, SQL, "columns:", "- {name: id}", "- {name: id, header: Nr}"), 8, "the column 'id' stands here twice"),
    "header twice": (tab(TITLE, KEY, SQL, "columns:", "- {name: id}", "- name: x", "  header: id"), 9, "the header 'id' stands here twice"),
    "bad owner": (tab(TITLE, KEY, SQL, "owners: [Ada]"), 6, "expected a mail address or team:NAME, found 'Ada'"),
    "watch without key": (tab(TITLE, KEY, SQL, "watches: [{table: learner}]"), 6, "watches[1]: expected key or keys_sql, found neither"),
    "watch with both": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, key: id, keys_sql: 'select :id'}"), 7, "found both"),
    "watch without table": (tab(TITLE, KEY, SQL, "watches:", "- {key: id}"), 7, "table is missing"),
    "watch of another key": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, key: {idd: id}}"), 7, "names 'idd', which is no key column of the tab. Did you mean 'id'?"),
    "watch of part of the key": (tab(TITLE, "key: [id, day]", SQL, "watches:", "- {table: t, key: {id: id}}"), 7, "lacks the key column 'day'"),
    "watch with too many": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, key: [a, b]}"), 7, "watches[1].key has 2 columns for 1: id"),
    "watch with a number": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, key: 7}"), 7, "expected a column of the changed row for each of id"),
    "keys_sql that knows no row": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, keys_sql: select id from t}"), 7, "names no column of the changed row, such as :id"),
    "keys_sql that deletes": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, keys_sql: delete from t where id = :id}"), 7, "watches[1].keys_sql: it is no query"),
    "two keys_sql": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, keys_sql: select :id; drop table t}"), 7, "a second statement follows"),
    "header is blank": (tab(TITLE, KEY, SQL, "columns: [{name: id, header: ' '}]"), 6, "columns[1].header is blank"),
    "mistyped operation": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, key: id, operations: [insert, upsert]}"), 7, "'upsert'; expected one of insert, update, delete"),
    "mistyped priority": (tab(TITLE, KEY, SQL, "watches:", "- {table: t, key: id, priority: urgnt}"), 7, "Did you mean 'urgent'?"),
    "mistyped key of a watch": (tab(TITLE, KEY, SQL, "watches:", "- {tabel: t, key: id}"), 7, "unknown key 'tabel'. Did you mean 'table'?"),
    "every of odd minutes": (tab(TITLE, KEY, SQL, "every: 420"), 6, "every is 420; it must be whole minutes that divide an hour or whole hours that divide a day; the nearest valid values are 360 or 600"),
    "every is none": (tab(TITLE, KEY, SQL, "every: 0"), 6, "the nearest valid value is 60"),
    "every is a text": (tab(TITLE, KEY, SQL, "every: 15 min"), 6, "every: expected a whole number, found '15 min', which is a text"),
    "every is no whole number": (tab(TITLE, KEY, SQL, "every: 90.5"), 6, "every: expected a whole number, found '90.5'"),
    "mistyped every": (tab(TITLE, KEY, SQL, "evry: 900"), 6, "unknown key 'evry'. Did you mean 'every'?"),
    "priority is a number": (tab(TITLE, KEY, SQL, "priority: 1"), 6, "priority is '1'; expected one of urgent, normal, bulk"),
    "mistyped priority of a tab": (tab(TITLE, KEY, SQL, "priority: high"), 6, "priority is 'high'; expected one of urgent, normal, bulk"),
    "negative deletes": (tab(TITLE, KEY, SQL, "max_deletes: -1"), 6, "max_deletes: expected a number from 0 on, found '-1'"),
    "deletes in percent": (tab(TITLE, KEY, SQL, "max_deletes_share: 20"), 6, "max_deletes_share: expected a number up to 1.0, found '20'"),
    "share is a text": (tab(TITLE, KEY, SQL, "max_deletes_share: 20%"), 6, "max_deletes_share: expected a number, found '20%', which is a text"),
    "position is a text": (tab(TITLE, KEY, SQL, "position: first"), 6, "position: expected a whole number, found 'first'"),
    "position is too high": (tab(TITLE, KEY, SQL, "position: 1000000"), 6, "position: expected a number below 1000000"),
    "editable without a target": (tab(TITLE, KEY, SQL, *EDITED, "- {name: name, editable: true}", *ROW), 8, "columns[2]: the column 'name' is editable: writes_to is missing"),
    "editable without a row": (tab(TITLE, KEY, SQL, *EDITED, NAME), 8, "edits.row does not say which row of the table 'learner' to change"),
    "editable key": (tab(TITLE, KEY, SQL, "columns:", "- {name: id, editable: true, writes_to: learner.id}", *ROW), 7, "the key column 'id' cannot be editable"),
    "edits into a key": (tab(TITLE, KEY, SQL, *EDITED, NAME.replace("learner.name", "learner.id"), *ROW), 8, "learner.id is part of the key"),
    "edits into no column": (tab(TITLE, KEY, SQL, *EDITED, NAME.replace("learner.name", "name"), *ROW), 8, "writes_to is 'name'; expected table.column"),
    "edits of two columns into one": (tab(TITLE, KEY, SQL, *EDITED, NAME, NAME.replace("name: name", "name: nick"), *ROW), 9, "takes the edits of several columns"),
    "edits into another table": (tab(TITLE, KEY, SQL, *EDITED, NAME.replace("learner.", "teacher."), *ROW), 8, "the table 'teacher' to change; known: learner"),
    "target of no edits": (tab(TITLE, KEY, SQL, *EDITED, "- {name: name, writes_to: learner.name}"), 8, "the column is not editable. Add editable: true"),
    "edits without a column": (tab(TITLE, KEY, SQL, *EDITED, *ROW), 8, "no column is editable"),
    "edits of a query's columns": (tab(TITLE, KEY, SQL, *ROW), 6, "edits needs columns"),
    "edited json": (tab(TITLE, KEY, SQL, *EDITED, NAME.replace("}", ", type: json}"), *ROW), 8, "is json, which is not edited in a cell"),
    "edited status column": (tab(TITLE, KEY, SQL, "on_removed: mark", *EDITED, NAME.replace("name: name", "name: row_status"), *ROW), 9, "the pipeline itself writes"),
    "row by no column": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits:", "  row: {table: learner, key: {id: idd}}"), 10, "'idd' is not among the tab's columns"),
    "row by an edited column": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits:", "  row: {table: learner, key: {code: name}}"), 10, "'name' tells which row of 'learner' it is, and is editable"),
    "row twice": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits:", "  row: [{table: learner, key: {id: id}}, {table: learner, key: {id: id}}]"), 10, "the table 'learner' stands here twice"),
    "row of an unused table": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits:", "  row: [{table: learner, key: {id: id}}, {table: teacher, key: {id: id}}]"), 10, "no editable column writes to the table 'teacher'"),
    "row without key": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {}}}"), 9, "key is empty"),
    "mistyped key of edits": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {rows: {table: learner, key: {id: id}}}"), 9, "unknown key 'rows'. Did you mean 'row'?"),
    "mistyped key of a row": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {tabel: learner, key: {id: id}}}"), 9, "unknown key 'tabel'. Did you mean 'table'?"),
    "mistyped winner": (tab(TITLE, KEY, SQL, *EDITED, NAME.replace("}", ", on_conflict: shete}"), *ROW), 8, "expected one of sheet, database. Did you mean 'sheet'?"),
    "bad editor": (tab(TITLE, KEY, SQL, *EDITED, NAME.replace("}", ", editors: [Ada]}"), *ROW), 8, "expected a mail address or @domain, found 'Ada'"),
    "value twice": (tab(TITLE, KEY, SQL, *EDITED, NAME.replace("}", ", one_of: [a, a]}"), *ROW), 8, "has a value twice"),
    "value is a list": (tab(TITLE, KEY, SQL, *EDITED, NAME.replace("}", ", one_of: [[a]]}"), *ROW), 8, "one_of: expected texts, numbers, true or false"),
    "negative approval": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {id: id}}, needs_approval_above: -1}"), 9, "needs_approval_above: expected"),
    "new rows without needs": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {id: id}}, new_rows: insert}"), 9, "needs is missing"),
    "needs without new rows": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {id: id}}, needs: [name]}"), 9, "Add new_rows: insert"),
    "needs what nobody types": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {id: id}}, new_rows: insert, needs: [code]}"), 9, "'code' is not among the tab's columns"),
    "needs what is not there": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {id: id}}, new_rows: insert, needs: [nam]}"), 9, "'nam' is not among the tab's columns"),
    "mistyped new rows": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {id: id}}, new_rows: inserts}"), 9, "new_rows is 'inserts'; expected one of insert"),
    "deletion that people edit": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {id: id}}, deleted_rows: {soft: {column: name}}}"), 9, "name says that a row is deleted, and people edit it as 'name'"),
    "mistyped deletion": (tab(TITLE, KEY, SQL, *EDITED, NAME, "edits: {row: {table: learner, key: {id: id}}, deleted_rows: softly}"), 9, "unknown key 'softly'"),
    "spreadsheet": (tab(TITLE, KEY, SQL, "spreadsheet: 7"), 6, "expected a name, or {each: LIST, by: COLUMN}"),
    "no such variable": (tab("title: {env: NO_SUCH}", KEY, SQL), 3, "the variable NO_SUCH is not set"),
    "no such variable in a text": (tab("title: 'All {{ env.NO_SUCH }}'", KEY, SQL), 3, "the variable NO_SUCH is not set"),
    "undefined variable": (tab("title: '{{ course }}'", KEY, SQL), 3, "the variable {{ course }} is unknown"),
    "variable without quotes": (tab("title: {{ env.HOME }}", KEY, SQL), 3, "{{ ... }} in quotes"),
    "no name of a variable": (tab("title: {env: [a]}", KEY, SQL), 3, "expected the name of a variable"),
    "no such anchor": (tab("title: *orders", KEY, SQL), 3, "no anchor is named 'orders'"),
    "anchor in itself": (tab(TITLE, "key: &key [*key]", SQL), 4, "an anchor holds itself"),
    "merge key": (tab("<<: {title: Orders}", KEY, SQL), 3, "merge keys (<<) are not taken"),
    "tag": (tab("title: !secret x", KEY, SQL), 3, "the tag !secret is unknown"),
    "missing file": (tab(TITLE, KEY, "sql_file: orders.sql"), 5, "there is no file 'orders.sql' beside broken.yaml"),
    "file outside": (tab(TITLE, KEY, "sql_file: ../../etc/x.sql"), 5, "lies outside of"),
    "file is a folder": (tab(TITLE, KEY, "sql_file: ."), 5, "cannot be read"),
    "no query but a statement": (tab(TITLE, KEY, "sql: delete from learner"), 5, "it is no query. Expected it to begin with SELECT"),
    "two statements": (tab(TITLE, KEY, "sql: select 1 as id; drop table learner"), 5, "a second statement follows"),
    "keys without columns": (tab(TITLE, KEY, "sql: select id from learner where id in (:keys)"), 5, ":keys names 0 columns, the key has 1"),
    "keys of another number": (tab(TITLE, KEY, "sql: select id from learner where :keys(id, name)"), 5, ":keys names 2 columns"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_declaration_names_file_line_and_remedy(name: str, tmp_path: Path) -> None:
    text, line, says = BROKEN[name]
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    declared = [one for one in declared_in(path, {"HOME": "/home"}) if one.faults]
    [first, *_] = declared
    assert says in " ".join(fault.text for fault in first.faults)
    assert line in {fault.line for fault in first.faults}
    assert isinstance(first, DeclaredTab)
    found = of_project(first)
    assert found.problem is not None
    assert found.problem.text.startswith("broken.yaml, line ")
    assert found.problem.text.endswith("Correct the file, then reload the code location.")
    assert "None" not in found.problem.text


def test_documents_before_and_after_a_broken_one_load(tmp_path: Path) -> None:
    path = tmp_path / "several.yaml"
    path.write_text(
        "\n---\n".join([GOOD, tab("title: Orders", "key: id"), GOOD.replace("Fine", "Other"), "", "a: [\n"])
    )
    found = [one for one in declared_in(path, {}) if isinstance(one, DeclaredTab)]
    assert [(one.title, one.line, bool(one.faults)) for one in found] == [
        ("Fine", 1, False),
        ("Orders", 9, True),
        ("Other", 14, False),
        ("several.yaml, document 4", 24, True),
    ]


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    path.write_text(tab("titel: Orders", "key: 5", "sql: select 1 as id", "on_removed: gone"))
    [found] = declared_in(path, {})
    assert isinstance(found, DeclaredTab)
    assert [fault.line for fault in found.faults] == [2, 3, 4, 6]
    problem = of_project(found).problem
    assert problem is not None
    assert "Line 6: on_removed is 'gone'" in problem.text


def test_a_value_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text(
        tab("title: {env: A}", "key: [id]", "sql: '{{ env.B }}'", "on_removed: {env: C}", "owners: [{env: D}]")
    )
    [found] = declared_in(path, {"A": "x" * 101, "B": "hunter2", "C": "hunter3", "D": "hunter4"})
    text = " ".join(fault.text for fault in found.faults)
    assert "hunter" not in text
    assert "x" * 20 not in text
    assert "a value that is not shown" in text


def test_what_has_no_yaml_in_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("title: Prüfung".encode("latin-1"))
    assert next(iter(declared_in(path, {}))).faults[0].text == "it is not UTF-8. Save it so"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda path: path.write_bytes(b"#" * 1_000_001),
            "it has 1,000,001 bytes, expected at most 1,000,000; split it",
        ),
        (os.mkfifo, "it is no file"),  # to read it would wait for whoever writes
        (Path.mkdir, "it is a folder"),
    ],
)
def test_what_cannot_be_read_is_told_and_holds_nobody_up(
    make: Callable[[Path], Any], told: str, tmp_path: Path
) -> None:
    (tmp_path / "tabs").mkdir()
    path = tmp_path / "tabs" / "x.yaml"
    make(path)
    [fault] = next(iter(declared_in(path, {}))).faults
    assert told in fault.text
    assert tab_digests(tmp_path).keys() <= {"x.yaml"}


def test_an_address_in_the_place_of_a_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "tabs").mkdir()
    where = "spreadsheet: https://docs.google.com/spreadsheets/d/1AbC/edit"
    (tmp_path / "tabs" / "x.yaml").write_text(tab(TITLE, KEY, SQL, where))
    [one] = project_of(tmp_path).tabs
    assert [(fault.line, "type: sheets_pipeline.Spreadsheets" in fault.text) for fault in one.faults] == [(6, True)]


def test_a_fault_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(tab("title: {env: NOPE}", KEY, SQL, "every: true"))
    texts = [fault.text for fault in next(iter(declared_in(path, {}))).faults]
    assert texts == [
        "the variable NOPE is not set. Set it in the environment or in .env",
        "every: expected a whole number, found 'true', which is true or false",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "title: &t Orders",
        "title: {env: NAME}",
        "title: 'Orders {{ env.NAME }}'",
        "title: 2026-01-01",
        'title: "Prüfungen 🎓"',
    ],
)
def test_what_yaml_takes_is_taken(line: str, tmp_path: Path) -> None:
    path = tmp_path / "fine.yaml"
    path.write_text(
        "\ufeff"
        + tab(line, "key: id", "sql: |", "  select id, '{{1,2},{3}}' as a, 'x;y -- :keys' as b", "  from t; -- all")
    )
    [found] = declared_in(path, {"NAME": "x"})
    assert found.faults == ()
    assert isinstance(found, DeclaredTab)
    assert found.tab is not None
    assert found.tab.key == ("id",)


def test_variables_come_from_the_environment_and_else_from_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("OF_FILE=Orders\nOF_BOTH=file\n")
    monkeypatch.setenv("OF_BOTH", "environment")
    (tmp_path / "fine.yaml").write_text(tab("title: '{{ env.OF_FILE }} of {{ env.OF_BOTH }}'", "key: id", SQL))
    [declared] = declared_in(tmp_path / "fine.yaml")
    assert isinstance(declared, DeclaredTab)
    assert declared.title == "Orders of environment"
