"""Sources as documents and as lists: what is taken, and what each broken one says while the others load."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.components.project import project_of, sources_in
from sheets_pipeline.components.schema import document_schema
from sheets_pipeline.components.source_declaration import is_cells
from sheets_pipeline.home import project_folder, sources_folder
from sheets_pipeline.sync.source import CellType, Into, IntoMode, OnSchemaChange, SourceRange

ID = "1fEgiCLNMQQZqBgQFlkABXgke8I2kI1i1XUvj8Yba9Ow"
URL = f"https://docs.google.com/spreadsheets/d/{ID}/edit?gid=7#gid=7"

VALIDATOR = jsonschema_rs.Draft202012Validator(document_schema())

#: As another system writes them, with what that says of itself and of sources that are no spreadsheets.
MANY = f"""\
version: "1.0.0"
name: "Legal sources"
default_versioning_strategy: "hash"
cache_directory: "./cache"
max_concurrent_sources: 5
log_level: "INFO"
sources:
  - id: "oral-knowledge"
    name: "ידע שבעל פה (Oral Knowledge)"
    description: "ידע שבעל פה"
    type: "spreadsheet"
    spreadsheet_config:
      url: "{URL}"
      sheet_name: "תושב״ע"
      range: "A1:Z1000"
      use_adc: true
    versioning_strategy: "timestamp"
    fetch_strategy: "async"
    fetch_interval: 3600  # 1 hour
    enabled: true
    priority: 1
    tags: ["משפטי", "google-spreadsheet"]
  - id: lexicon
    name: Lexicon
    type: html
    html_config: {{url: "https://example.org/", timeout: 60}}
  - id: whole-tab
    name: Whole tab
    type: spreadsheet
    description: null
    spreadsheet_config: {{url: "{URL}", sheet_name: null, range: A:Z, credentials_path: keys/reader.json}}
    tags: null
    max_retries: 3
    metadata: {{team: law}}
  - id: by-range
    name: By range
    type: spreadsheet
    spreadsheet_config: {{url: "{URL}", range: "Sheet1!A1:D"}}
    header_row: none
    keep_versions: 3
"""


def read(tmp_path: Path, text: str) -> dict[str, DeclaredSource]:
    """The sources of a file."""
    path = tmp_path / "sources" / "some.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return {one.id: one for one in sources_in(path, {})}


def document(*lines: str) -> str:
    """A document whose attributes are these lines, from line 3 on."""
    return "type: sheets_pipeline.Source\nattributes:\n" + "".join(f"  {line}\n" for line in lines)


def test_a_list_of_another_system_is_taken_as_it_is(tmp_path: Path) -> None:
    found = read(tmp_path, MANY)
    assert [one.problem for one in found.values()] == [None] * 3
    oral, whole, ranged = (one.source for one in found.values())
    assert oral is not None
    assert whole is not None
    assert ranged is not None
    assert (oral.id, oral.name, oral.spreadsheet_id) == ("oral-knowledge", "ידע שבעל פה (Oral Knowledge)", ID)
    assert oral.ranges == (SourceRange("תושב״ע", None, "A1:Z1000"),)
    assert (oral.interval, oral.priority, oral.tags, oral.enabled) == (3600, 1, ("משפטי", "google-spreadsheet"), True)
    assert whole.ranges == (SourceRange(None, 7, "A:Z"),)
    assert (whole.interval, whole.tags, whole.description) == (300, (), "")
    assert ranged.ranges == (SourceRange("Sheet1", None, "A1:D"),)
    assert (ranged.header_row, ranged.keep_versions) == (0, 3)
    credential = found["whole-tab"].credential
    assert credential is not None
    assert credential.credential.key_file == Path("keys/reader.json").absolute()
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(MANY))] == []


def test_a_document_says_all_that_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    text = document(
        "id: grades", "name: Grades of all", f"url: {URL}", "ranges: ['A1:B', {tab: 2026-*, range: 'C:D'}, {tab_id: 3}, Taxes]",
        "header_row: 3", "columns: [{name: grade, type: decimal}]", "ignore_columns: now", "fill_merged: true",
        "on_schema_change: hold", "keep_versions: 5", "key: [id, course]", "every: 60",
        "into: {table: public.grades, mode: upsert}",
        "on_change: [{webhook: 'https://example.org/hook', secret: {env: HOOK_SECRET}}, {notify: 'mailto://a:b@c'}]",
    )  # fmt: skip
    [found] = read(tmp_path, text).values()
    source = found.source
    assert source is not None, found.problem
    assert source.ranges == (
        SourceRange(None, 7, "A1:B"), SourceRange("2026-*", None, "C:D"), SourceRange(None, 3), SourceRange(named="Taxes"),
    )  # fmt: skip
    assert source.types == {"grade": CellType.DECIMAL}
    assert (source.header_row, source.ignore_columns, source.fill_merged) == (3, ("now",), True)
    assert (source.on_schema_change, source.key) == (OnSchemaChange.HOLD, ("id", "course"))
    assert source.into == Into("public.grades", IntoMode.UPSERT)
    assert [(one.webhook, one.secret, one.notify) for one in source.on_change] == [
        ("https://example.org/hook", "s3cret", None),
        (None, None, "mailto://a:b@c"),
    ]
    assert "s3cret" not in repr(found)
    assert "mailto" not in repr(source)


EXAMPLES = re.findall(
    r"```yaml\n(# sources/.*?)```", (Path(__file__).parents[2] / "docs" / "use" / "sources.md").read_text(), re.DOTALL
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_docs_fit_schema_and_loader(example: str, tmp_path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(example))] == []
    assert [one.problem for one in read(tmp_path, example).values()] == [None]


LINES = ("id: grades", "url: abc")

#: Text, and for each line that is named words of what is said of it.
BROKEN: dict[str, tuple[str, dict[int, str]]] = {
    "several at once": (
        document("id: grades", "ulr: x", "range: 1:5", "header_row: 0", "columns: [{name: a, type: number}]"),
        {
            2: "url is missing. The address of the spreadsheet",
            4: "unknown key 'ulr'. Did you mean 'url'?",
            5: "range: expected a text, found '1:5', which is a number. Put it in quotes",
            7: "columns[1].type is 'number'; expected one of text, integer",
        },
    ),
    "header row": (document(*LINES, "header_row: first"), {5: "expected auto, none, or the number of a row from 1"}),
    "no spreadsheet": (document("id: grades", "url: https://docs.google.com/document/d/1AbC"), {4: "url must be"}),
    "range": (document(*LINES, "range: A1-D5"), {5: "range is 'A1-D5'; expected cells such as A1:D"}),
    "tab twice": (document(*LINES, "tab: a", "range: b!A1"), {6: "range names the tab 'b', and so does tab"}),
    "tab and its id": (document(*LINES, "tab: a", "tab_id: 3"), {6: "tab and tab_id both say"}),
    "ranges beside range": (document(*LINES, "range: A1", "ranges: [B:B]"), {6: "Say all of it in ranges"}),
    "key of a range": (document(*LINES, "ranges:", "- {tba: x}"), {6: "unknown key 'tba'. Did you mean 'tab'?"}),
    "upsert without key": (document(*LINES, "into: {table: t, mode: upsert}"), {5: "mode: upsert needs key"}),
    "into nowhere": (document(*LINES, "into: {mode: replace}"), {5: "table is missing"}),
    "mode": (document(*LINES, "into: {table: t, mode: replac}"), {5: "Did you mean 'replace'?"}),
    "told nobody": (document(*LINES, "on_change: [{}]"), {5: "expected webhook or notify, found neither"}),
    "webhook": (document(*LINES, "on_change: [{webhook: x.org}]"), {5: "expected an address with http://"}),
    "open secret": (
        document(*LINES, "on_change: [{webhook: 'https://x', secret: hush}]"),
        {5: "Write secret: {env: NAME}"},
    ),
    "variable": (document("id: a", "url: {env: NOWHERE_TO_BE_SET}"), {4: "the variable NOWHERE_TO_BE_SET is not set"}),
    "id": (document("id: 'a...b'", "url: abc"), {3: "expected at most 100 characters in one line"}),
    "credential": (document(*LINES, "credential: nobody"), {1: "there is no credential 'nobody'"}),
    "schema change": (document(*LINES, "on_schema_change: accpet"), {5: "Did you mean 'accept'?"}),
    "no yaml": (document("id: [a"), {4: "this is no YAML"}),
    "other type of document": ("type: sheets_pipeline.Sauce\nattributes: {}\n", {1: "sheets_pipeline.Source"}),
    "no list": ("sources: all\n", {1: "sources: expected a list"}),
    "key beside the list": ("vesrion: 1\nsources: []\n", {1: "unknown key 'vesrion'. Did you mean 'version'?"}),
    "text in the list": ("sources:\n- grades\n", {2: "expected a mapping with id, name, type"}),
    "type in the list": (
        "sources:\n- id: a\n  name: A\n  type: spreedsheet\n  spreadsheet_config:\n    ulr: abc\n",
        {4: "Did you mean 'spreadsheet'?", 5: "url is missing", 6: "unknown key 'ulr'. Did you mean 'url'?"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_source_says_file_line_and_remedy(name: str, tmp_path: Path) -> None:
    text, told = BROKEN[name]
    [found] = read(tmp_path, text).values()
    assert found.source is None
    assert {fault.line: fault.text for fault in found.faults if fault.line in told}.keys() == told.keys(), found.problem
    for line, words in told.items():
        assert any(words in fault.text for fault in found.faults if fault.line == line), found.problem
    assert found.problem is not None
    assert found.problem.startswith(f"some.yaml, line {min(told)}: ")
    assert found.line == min(told)


def test_one_broken_source_of_a_list_stops_no_other(tmp_path: Path) -> None:
    broken = MANY.replace("fetch_interval: 3600", "fetch_interval: {env: NOT_SET_ANYWHERE}").replace(
        "log_level", "log_lvel"
    )
    found = read(tmp_path, broken)
    assert {name for name, one in found.items() if one.source is None} == {"some.yaml", "oral-knowledge"}
    assert str(found["oral-knowledge"].problem) == (
        "some.yaml, line 19: the variable NOT_SET_ANYWHERE is not set. Set it in the environment or in .env."
    )


def test_a_source_stands_once_and_its_credential_is_found(tmp_path: Path) -> None:
    key = "type: sheets_pipeline.Credential\nattributes: {name: reader, key_file: r.json}\n"
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.yaml").write_text(key + "---\n" + document(*LINES, "credential: reader"))
    (tmp_path / "sources" / "b.yml").write_text(document(*LINES) + "---\n" + document("id: other", "url: abc"))
    found = project_of(None, sources=tmp_path)
    assert [(one.id, one.source is not None) for one in found.sources] == [
        ("grades", True),
        ("grades (b.yml, line 1)", False),
        ("other", True),
    ]
    assert "declared in a.yaml, line 4 already" in str(found.sources[1].problem)
    assert found.tabs == []


def test_a_folder_of_sources_alone_is_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sources").mkdir()
    monkeypatch.setenv("PROJECT_DIR", str(tmp_path))
    assert project_folder() == sources_folder() == tmp_path.resolve()
    monkeypatch.delenv("PROJECT_DIR")
    monkeypatch.chdir(tmp_path)
    assert (project_folder(), sources_folder()) == (None, tmp_path.resolve())


#: What only several values together, or what stands elsewhere, tells.
BEYOND_A_SCHEMA = {
    "no spreadsheet", "range", "tab twice", "tab and its id", "ranges beside range", "upsert without key", "told nobody",
    "webhook", "open secret", "variable", "id", "credential",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BROKEN.keys() - {"no yaml"}))
def test_the_schema_refuses_what_the_loader_refuses(name: str) -> None:
    assert VALIDATOR.is_valid(yaml.safe_load(BROKEN[name][0])) == (name in BEYOND_A_SCHEMA)


def test_the_schema_is_json() -> None:
    schema: dict[str, Any] = json.loads(json.dumps(document_schema()))
    assert "sheets_pipeline.Source" in {one["properties"].get("type", {}).get("const") for one in schema["oneOf"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("A1", True), ("A1:D", True), ("A:Z", True), ("1:5", True), ("$B$2:C9", True), ("Tax", False), ("A", False), ("A1:", False),
     ("Sales2026", False), ("", False), ("A0:B1", False)],
)  # fmt: skip
def test_cells_are_told_from_names(text: str, expected: bool) -> None:
    assert is_cells(text) is expected
