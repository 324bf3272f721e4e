"""The pages of commands and settings are what the code says, and all pages name only what there is."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import click
import pytest

from docs import reference
from local_sheets.__main__ import new_parser
from sheets_pipeline.cli.main import main
from sheets_pipeline.control.app import create_app
from sheets_pipeline.control.operations import Operations
from sheets_pipeline.platform.settings import PlatformSettings
from sheets_pipeline.settings import Settings
from sheets_pipeline.settings_reading import SECRET_FILES

ROOT = Path(__file__).parents[2]
COMMANDS = dict(reference.walk(main, "sheets-pipeline"))
# The two of a store that is named staging.
OF_OTHERS = {"DAGSTER_HOME", "SOURCES_DATABASE_URL_STAGING", "ELASTICSEARCH_URL_STAGING"}
SETTINGS = Settings.model_fields | PlatformSettings.model_fields

#: Pages for users. The changelog and the decisions also tell of what was.
PAGES = [
    ROOT / "README.md",
    *(page for part in ("start", "use", "run") for page in (ROOT / "docs" / part).glob("*.md")),
]


@pytest.mark.parametrize("page", reference.PAGES, ids=lambda page: page.stem)
def test_a_page_made_from_the_code_is_up_to_date(page: Path) -> None:
    assert page.read_text() == reference.PAGES[page](), "Run `make reference`."


@pytest.mark.parametrize("path", COMMANDS)
def test_each_command_argument_and_option_says_what_it_is_for(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
        else:
            assert (parameter.metavar or parameter.human_readable_name).strip("[].") in command.help


def test_each_option_of_local_sheets_says_what_it_is_for() -> None:
    rows = list(reference.parser_options(new_parser()))
    assert len(rows) > 8
    assert all(meaning for _, meaning in rows)


def test_each_setting_says_what_it_is_for_and_stands_in_one_table() -> None:
    page = reference.settings_page()
    for name, field in Settings.model_fields.items():
        assert len(field.description or "") > 10, name
        assert page.count(f"\n| `{name.upper()}` | {field.description}") == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_options_that_a_page_names_are_there(page: Path) -> None:
    for line in re.findall(r"\bsheets-pipeline((?: [a-z][a-z-]*\b| --?[a-z-]+(?:[ =][A-Z]+| \d+)?)+)", _code_of(page)):
        path, command = "sheets-pipeline", COMMANDS["sheets-pipeline"]
        for word in line.split():
            if word.startswith("-"):
                names = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"-h", "--help"}
                assert word.partition("=")[0] in names, f"{path} {word}"
            elif isinstance(command, click.Group):
                path = f"{path} {word}"
                assert path in COMMANDS, path
                command = COMMANDS[path]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_settings_that_a_page_names_are_there(page: Path) -> None:
    prefixes = {name.upper().split("_")[0] for name in SETTINGS}
    named = re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", page.read_text())
    unknown = {name for name in named if name.split("_")[0] in prefixes and name.lower() not in SETTINGS}
    assert unknown <= OF_OTHERS | {name.upper() for name in SECRET_FILES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_defaults_that_a_table_of_settings_names_are_those_of_the_code(page: Path) -> None:
    for row in re.findall(r"^\|( `[A-Z_]+`.*)\|$", page.read_text(), re.MULTILINE):
        names, _, default, *_ = (cell.strip() for cell in re.split(r"(?<!\\)\|", row + "|"))
        fields = [Settings.model_fields.get(name) for name in re.findall(r"[a-z_]+", names.lower())]
        if all(field is not None and field.default is not None for field in fields):
            assert (
                default.lower().replace("`", "") == ", ".join(str(field.default) for field in fields if field).lower()
            )


def test_the_table_of_the_control_api_has_each_call_and_no_other() -> None:
    app = create_app(cast(Operations, SimpleNamespace(titles=list)), token=None)
    served = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    table = (ROOT / "docs" / "use" / "control-api.md").read_text().partition("| Call | Does |")[2].partition("\n\n")[0]
    told = set()
    for method, paths in re.findall(r"^\| `(GET|POST) (\S.*?) \|", table, re.MULTILINE):
        told |= {(method, path) for path in re.findall(r"/[\w/.{}]*", paths)}
    assert told == served


def _code_of(page: Path) -> str:
    """What stands in blocks of code and between back quotes, a piece on a line."""
    text = page.read_text()
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return "\n".join(blocks + re.findall(r"`([^`\n]+)`", text))
