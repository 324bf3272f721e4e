"""The schema for editors takes what the loader takes, the examples of the docs among it, and refuses what it refuses."""

import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from sheets_pipeline.components.project import declared_in
from sheets_pipeline.components.schema import document_schema
from sheets_pipeline_tests.components.test_broken_yaml import BROKEN, GOOD, tab

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "use" / "own-tables.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(# tabs/.*?)```", PAGE + (ROOT / "README.md").read_text(), re.DOTALL)

VALIDATOR = jsonschema_rs.Draft202012Validator(document_schema())


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_docs_fit_schema_and_loader(example: str, tmp_path: Path) -> None:
    for document in yaml.safe_load_all(example):
        assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    sql = re.findall(r"```sql\n-- tabs/(\S+)\n(.*?)```", PAGE, re.DOTALL)
    for name, text in sql:
        (tmp_path / name).write_text(text)
    (tmp_path / "example.yaml").write_text(example)
    assert [one.faults for one in declared_in(tmp_path / "example.yaml", {})] == [()] * example.count(
        "type: sheets_pipeline.Tab"
    )


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3


#: What only reading the file, the query or several values together tells.
BEYOND_A_SCHEMA = {
    "title is blank", "title is long", "title of two lines", "key twice", "key twice in a column", "blank query",
    "key column twice", "key not a column", "column twice", "header twice", "bad owner", "no such variable",
    "no such variable in a text", "undefined variable", "missing file", "file outside", "file is a folder",
    "no query but a statement", "two statements", "keys without columns", "keys of another number", "merge key", "watch of another key", "watch of part of the key", "watch with too many",
    "keys_sql that knows no row", "editable without a target", "editable without a row", "editable key", "edits into a key",
    "edits into no column", "edits of two columns into one", "edits into another table", "target of no edits",
    "edits without a column", "edits of a query's columns", "edited json", "edited status column", "row by no column",
    "row by an edited column", "row twice", "row of an unused table", "new rows without needs", "needs without new rows", "needs what nobody types", "needs what is not there", "deletion that people edit", "bad editor", "value twice",
    "bound credential in the environment", "credential with its key in the file", "spreadsheet that is a document", "keys_sql that deletes", "two keys_sql", "header is blank",
    "spreadsheets are no query", "spreadsheet of the list twice", "spreadsheets called default", "spreadsheets with a slash",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_the_schema_refuses_what_the_loader_refuses(name: str) -> None:
    try:
        documents = [one for one in yaml.safe_load_all(BROKEN[name][0]) if one is not None]
    except (yaml.YAMLError, RecursionError, TypeError):
        return
    if name == "anchor in itself" or not documents:
        return
    assert all(map(VALIDATOR.is_valid, documents)) == (name in BEYOND_A_SCHEMA)


def test_variables_are_taken() -> None:
    text = tab(
        "title: {env: A}", "key: [{env: B}]", "sql: {env: C}", "owners: [{env: D}]", "columns: [{name: {env: E}}]"
    )
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []
    assert VALIDATOR.is_valid(yaml.safe_load(GOOD))
