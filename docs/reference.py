"""``python -m docs.reference`` (``make reference``): writes the pages of all commands, settings and functions of formulas."""

import argparse
import typing
from collections.abc import Iterator
from pathlib import Path

import click
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from docs.google_functions import GOOGLE_FUNCTIONS
from local_sheets.__main__ import new_parser
from local_sheets.formulas.faults import OF_OTHER_HOSTS
from local_sheets.formulas.functions.catalog import FUNCTIONS
from local_sheets.replay.command import new_parser as new_replay_parser
from sheets_pipeline.cli.main import main as sheets_pipeline
from sheets_pipeline.platform.settings import PlatformSettings
from sheets_pipeline.settings import Settings

USE = Path(__file__).parent / "use"

_MADE = "<!-- Made by `make reference` from the code; change it there. -->"

_COMMANDS = f"""{_MADE}
# All commands

Every command answers to `-h` and `--help`. Exit codes: 0 all is well, 1 the work failed or was refused, 2 called wrongly.
With `LOG_FORMAT=json` errors are lines of JSON, too. Settings are on [a page of their own](settings.md).
"""

_SETTINGS = f"""{_MADE}
# All settings

From the environment or from `.env` in the current folder; the environment wins. A wrong value stops the start and names the
variable, the value and what is valid. `NAME=` with nothing behind it is the same as no such line. Passwords, keys and tokens
appear in no message, and may stand in files: `DATABASE_URL_FILE=/run/secrets/database_url` instead of `DATABASE_URL` ([secrets in
files](../run/one-machine.md#secrets-in-files)).
"""

#: The first setting of each group, in the order of ``Settings``; its heading, and where more is told.
_GROUPS = {
    "database_url": ("Databases", "Least rights: [who needs which](../run/rights.md)."),
    "spreadsheet_id": ("Spreadsheet, credentials, quota", "See [going to production](../start/production.md)."),
    "sync_interval_seconds": (
        "Syncs",
        "See [when a sync goes on](../run/pace.md), [making way for traffic](traffic.md) and [health](../run/health.md).",
    ),
    "control_api_token": (
        "Control API, dashboard, Dagster UI",
        "See [the control API](control-api.md) and [who may use the Dagster UI](../run/dagster-ui.md).",
    ),
    "sources_store": ("Sources", "See [sources](sources.md)."),
    "alert_urls": (
        "Alerts, records, logs",
        "See [alerts](../run/operations.md#alerts), [what is kept](../run/retention.md) and [logs](../run/logs.md).",
    ),
    "project_dir": ("Your own tables", "See [your own tables](own-tables.md)."),
    "local_data_dir": ("What is embedded", "See [Local Sheets](local-sheets.md)."),
    "sync_enable_user_profiles": (
        "The learning platform's tabs",
        "Of the four tabs that come along. See [quiz responses](quiz-responses.md).",
    ),
}

_DAGSTER_HOME = """
`DAGSTER_HOME` is Dagster's own: the folder of its `dagster.yaml`. Without it, the `dagster.yaml` of the current folder is taken,
or else the one that the package brings.
"""


def commands_page() -> str:
    """All of ``sheets-pipeline`` and ``local-sheets``, a section for each command."""
    parts = [_COMMANDS]
    for path, command in walk(sheets_pipeline, "sheets-pipeline"):
        context = click.Context(command, info_name=path)
        parts.append(f"## {path}\n\n{_paragraphs(command.help)}\n")
        if not isinstance(command, click.Group):
            parts.append(f"```sh\n{' '.join([path, *command.collect_usage_pieces(context)])}\n```\n")
        parts.append(_table(("Option", "Meaning"), list(options(command, context))))
    for parser, given in ((new_parser(), ""), (new_replay_parser(), " DIR")):
        parts.append(f"## {parser.prog}\n\n{parser.description}\n\n```sh\n{parser.prog} [OPTIONS]{given}\n```\n")
        parts.append(_table(("Option", "Meaning"), list(parser_options(parser))))
    return "\n".join(part for part in parts if part)


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, with what is typed for each."""
    yield path, command
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from walk(child, f"{path} {name}")


def options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Each option as ``--help`` shows it, with its meaning; without ``--help`` itself."""
    for parameter in command.params:
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record:
            yield f"`{record[0]}`", " ".join(record[1].split())


def parser_options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """The same of a command that argparse reads."""
    for action in parser._actions:  # argparse has no other way to ask
        if isinstance(action, argparse._HelpAction):
            continue
        value = "" if action.nargs == 0 else action.metavar or "|".join(action.choices or [action.dest.upper()])
        names = ", ".join(action.option_strings)
        meaning = (action.help or "") % vars(action)
        yield f"`{f'{names} {value}'.strip()}`", meaning[:1].upper() + meaning[1:]


def settings_page() -> str:
    """All settings in the order of ``Settings``, a table for each group."""
    groups: list[tuple[tuple[str, str], list[tuple[str, ...]]]] = []
    for name, field in (Settings.model_fields | PlatformSettings.model_fields).items():
        if name in _GROUPS:
            groups.append((_GROUPS[name], []))
        groups[-1][1].append((f"`{name.upper()}`", field.description or "", default_of(field), valid_of(field)))
    head = ("Variable", "Meaning", "Default", "Valid")
    parts = [f"## {title}\n\n{more}\n\n{_table(head, rows)}" for (title, more), rows in groups]
    return "\n".join([_SETTINGS, *parts]) + _DAGSTER_HOME


def default_of(field: FieldInfo) -> str:
    """What holds where nothing is set, as one would write it into ``.env``."""
    if field.default is None:
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def valid_of(field: FieldInfo) -> str:
    """What a setting takes, in words."""
    kinds = typing.get_args(field.annotation) or (field.annotation,)
    if all(isinstance(kind, str) for kind in kinds):  # a Literal
        return ", ".join(f"`{kind}`" for kind in kinds)
    words = next((text for kind, text in _KINDS if kind in kinds), "text")
    return ", ".join([words, *filter(None, map(_bound, field.metadata))])


#: What a value of each type is to people; all others are text.
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "`true` or `false`"),
    (int, "whole number"),
    (float, "number"),
    (Path, "path"),
)


def _bound(rule: object) -> str:
    match rule:
        case Ge():
            return f"at least {rule.ge}"
        case Gt():
            return f"above {rule.gt}"
        case Le():
            return f"at most {rule.le}"
    return ""


def _paragraphs(text: str | None) -> str:
    """A docstring with one line for each paragraph, as Markdown."""
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [head, ("---",) * len(head), *(tuple(_cell(text) for text in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    """Text for a cell of a table: a bar would end it, a tag or a star would vanish."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


_FUNCTIONS = f"""{_MADE}
# Functions of formulas in Local Sheets

All that Google lists in [its function list](https://support.google.com/docs/table/25273), by its categories. Functions behind
*Not there* show `#NAME?`; those that ask other hosts or services (IMPORTHTML, GOOGLEFINANCE, AI and the like) show `#N/A`.

"""


def functions_page() -> str:
    """What Google lists, with what Local Sheets evaluates of it."""
    rows: list[tuple[str, ...]] = []
    there, listed = 0, 0
    for category, text in GOOGLE_FUNCTIONS.items():
        names = text.split()
        known = [name for name in names if name in FUNCTIONS]
        lacking = [name for name in names if name not in FUNCTIONS]
        there, listed = there + len(known), listed + len(names)
        shown = (_names(known), _names(lacking))
        rows.append((f"{category} ({len(known)} of {len(names)})", *shown))
    count = f"**{there} of {listed}** are evaluated.\n\n"
    return _FUNCTIONS + count + _table(("Category", "Evaluated", "Not there"), rows)


def _names(names: list[str]) -> str:
    return ", ".join(f"{name} (asks another host)" if name in OF_OTHER_HOSTS else name for name in names)


PAGES = {
    USE / "commands.md": commands_page,
    USE / "settings.md": settings_page,
    USE / "local-sheets-functions.md": functions_page,
}


def main() -> None:
    """Write both pages."""
    for path, page in PAGES.items():
        path.write_text(page())


if __name__ == "__main__":
    main()
