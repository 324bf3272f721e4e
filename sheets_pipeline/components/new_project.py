"""A new project's folder: the files that ``sheets-pipeline init`` writes, and writing them without losing anybody's."""

import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from sheets_pipeline import urls
from sheets_pipeline.components.tab_declaration import LONGEST_TITLE, TAB_TYPE
from sheets_pipeline.database.table_facts import TableFacts
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.home import DEFAULTS

_TEMPLATES = DEFAULTS / "project"

#: What a folder may have of its own when it becomes a project: it stays as it is → what its owner should see to.
_KEPT = {".env": "set DATABASE_URL there", ".gitignore": "let it name .env and .local/", "README.md": ""}

_INSTALL = """
After a change of the database's tables, or of the tables that tabs watch:

    sheets-pipeline db install     # makes the triggers by which changes show within a second
    sheets-pipeline doctor         # is everything in place?
"""


def project_files(
    name: str, tables: Sequence[TableFacts], database_url: str | None, *, is_demo: bool
) -> dict[str, str]:
    """The files of a new project: path within its folder → text.

    Args:
        name: Of the project.
        tables: One tab for each. Where there are none: a tab of the demo learning platform, or with a database of one's own a
            text to take as a pattern.
        database_url: Goes into ``.env``, where it is given.
        is_demo: Whether the project begins on the demo learning platform.

    Raises:
        SettingsError: ``.env`` cannot hold the URL as it is.
    """
    example = "tabs/quizzes.yaml" if is_demo else "tabs/example.yaml.txt"
    tabs = _tab_files(tables) or {example: _template("quizzes.yaml")}
    readme = _template("README.md").replace("{name}", name)
    return {
        **tabs,
        ".env": _template("env").replace("{database}", _database_line(database_url)),
        ".gitignore": _template("gitignore"),
        "README.md": readme.replace("{database}", "" if is_demo else _INSTALL),
        "dagster.yaml": _template("dagster.yaml"),
        "dg.toml": _template("dg.toml"),
        "tests/test_tabs.py": _template("test_tabs.py.txt"),
        "workspace.yaml": (DEFAULTS / "workspace.yaml").read_text(),
    }


def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text()


def absolute_url(url: str, folder: Path) -> str:
    """The URL as it is good in any folder: a relative path of an SQLite file becomes an absolute one.

    Raises:
        SettingsError: It is no URL, or there is no such file; to connect to it would make one.
    """
    try:
        parsed = urls.parsed(url)
    except ValueError as error:
        raise SettingsError(f"--database-url is a value that is not shown: {error}.") from None
    if parsed.get_backend_name() != "sqlite":
        return url
    path = (folder / (parsed.database or "")).resolve()
    if not path.is_file():
        raise SettingsError(f"--database-url names the SQLite file {str(path)!r}, and there is none. Correct the path.")
    return parsed.set(database=str(path)).render_as_string(hide_password=False)


def _database_line(url: str | None) -> str:
    if url is None:
        return "# DATABASE_URL=postgresql://user:password@db.example.org/school"
    line = f"DATABASE_URL='{url}'"
    if "\n" in url or dict(dotenv_values(stream=StringIO(line))) != {"DATABASE_URL": url}:
        raise SettingsError("--database-url has characters that .env cannot hold. Percent-encode ', $ and \\ in it.")
    return line


# Tabs ------------------------------------------------------------------------------------------------------------------


def _tab_files(tables: Sequence[TableFacts]) -> dict[str, str]:
    """A file for each table, named as it; where two tables share a name, as schema and name."""
    titles = [table.title.casefold() for table in tables]
    files: dict[str, str] = {}
    for table in tables:
        title = (table.title if titles.count(table.title.casefold()) == 1 else table.name)[:LONGEST_TITLE]
        stem = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in title).lstrip(".") or "tab"
        path = f"tabs/{stem}.yaml"
        number = 2
        while path.casefold() in {name.casefold() for name in files}:
            path, number = f"tabs/{stem}_{number}.yaml", number + 1
        files[path] = declaration_of(table, title)
    return files


def declaration_of(table: TableFacts, title: str) -> str:
    """A tab with all columns of a table, which watches it where it can, as YAML with comments."""
    key = list(table.key)
    order = ", ".join(table.quoted[name] for name in key)
    columns = [f"    - {_flow({'name': name, 'type': str(kind)})}" for name, kind in table.columns.items()]
    columns += [
        f"    # left out: {_one_line(name)} ({kind}), as no cell can hold binary data"
        for name, kind in table.left_out.items()
    ]
    lines = [
        f"# Made from the table {_one_line(table.name)}; yours to change. `sheets-pipeline tabs check` says whether all fits.",
        f"type: {TAB_TYPE}",
        "attributes:",
        f"  title: {_flow(title)}",
        f"  key: {_flow(key[0] if len(key) == 1 else key)}",
        "  sql: |",
        f"    select {', '.join(table.quoted[name] for name in table.columns)}",
        f"    from {table.sql_name}",
        f"    order by {order}",
        "  columns:  # header: ... says what stands in row 1; the name where it is left out",
        *columns,
        *_watches(table),
    ]
    return "\n".join(lines) + "\n"


def _watches(table: TableFacts) -> list[str]:
    if table.why_no_watch:
        return [
            f"  # The tab does not watch the table: {table.why_no_watch}.",
            "  # Full syncs show its changes. Look whether key names the columns that tell rows apart.",
        ]
    key = list(table.key)
    return [
        "  watches:  # changes of these tables show within a second, once `sheets-pipeline db install` has made triggers",
        f"    - {_flow({'table': table.name, 'key': key[0] if len(key) == 1 else key})}",
    ]


def _flow(value: Any) -> str:
    """A value as YAML, on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return text.removesuffix("...\n").strip()


def _one_line(name: str) -> str:
    return " ".join(name.split())


# Writing ---------------------------------------------------------------------------------------------------------------


def check_folder(folder: Path, files: dict[str, str]) -> None:
    """Refuse a folder in which something stands that would be written over.

    Raises:
        SettingsError: Says what is there.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{str(folder)!r} is a file; expected the name of a folder.")
    wanted = {"tabs" if name.startswith("tabs/") else name for name in files} - _KEPT.keys()
    if there := sorted(name for name in wanted if (folder / name).exists()):
        raise SettingsError(
            f"{str(folder)!r} holds {', '.join(there)} already, and nothing is written over. Name another folder."
        )


def kept_files(folder: Path, files: dict[str, str]) -> list[str]:
    """Those that are there already and stay, with what to see to."""
    return [
        f"{name} ({hint})" if hint else name
        for name, hint in _KEPT.items()
        if name in files and (folder / name).exists()
    ]


def write_project(folder: Path, files: dict[str, str]) -> list[str]:
    """Write the files; those that stand there already stay as they are. Returns the paths that were written.

    Raises:
        SettingsError: The folder cannot be written; what had been written by then is gone again.
    """
    written: list[Path] = []
    made: list[Path] = []
    try:
        for name, text in files.items():
            path = folder / name
            made += reversed([parent for parent in path.parents if not parent.exists()])
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                mode = 0o600 if name == ".env" else 0o644
                with os.fdopen(
                    os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
                ) as file:
                    written.append(path)
                    file.write(text)
    except OSError as error:
        for path in reversed(written):
            path.unlink(missing_ok=True)
        for parent in reversed(made):
            if parent.is_dir():
                parent.rmdir()
        raise SettingsError(f"{str(folder)!r} cannot be written: {error.strerror}.") from None
    return [str(path.relative_to(folder)) for path in written]
