"""The page "Your own database in ten minutes" is followed word for word on each database.

Commands, statements and files are those of its blocks; only `pip install` is left out, and in the place of `dev`, which never ends,
its event sync is run after each change.
"""

import re
import shlex
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sheets_pipeline.cli import run_sync
from sheets_pipeline.cli.main import main
from sheets_pipeline.components import tab_asset
from sheets_pipeline.definitions import defs
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform"]

PAGE = Path(__file__).parents[2] / "docs" / "start" / "own-database.md"


class Reader:
    """Does what the page says."""

    def __init__(self, engine: sa.Engine, platform: Platform, patch: pytest.MonkeyPatch) -> None:
        self.engine, self.platform, self.patch = engine, platform, patch
        self.url = engine.url.render_as_string(hide_password=False)
        self.output, self.is_running = "", False

    def sh(self, text: str) -> None:
        self.output = ""
        for line in text.splitlines():
            words = [self.url if word == "$URL" else word for word in shlex.split(line, comments=True)]
            if words[0] == "cd":
                self.patch.chdir(words[1])
            elif words == ["sheets-pipeline", "dev"]:
                self.is_running = True
            elif words[0] == "sheets-pipeline":
                self.command(words[1:])
            else:
                assert words[:2] == ["pip", "install"]

    def command(self, words: list[str]) -> None:
        tab_asset._BY_KEY.clear()  # as a new process does
        self.platform.reopen()
        result = CliRunner().invoke(main, words)
        self.output += result.output
        is_refused = words == ["tabs", "check"] and "no index begins with that" in result.output
        assert result.exit_code == (1 if is_refused else 0), result.output

    def sql(self, text: str) -> None:
        with self.engine.begin() as connection:
            for statement in filter(str.strip, text.split(";")):
                connection.exec_driver_sql(statement)
        if self.is_running:
            assert defs().resolve_job_def("event_sync").execute_in_process(instance=self.platform.instance).success

    def yaml(self, text: str) -> None:
        first, _, rest = text.partition("\n")
        name, _, is_made = first.removeprefix("# ").partition(",")
        if is_made:
            made = Path(name).read_text()
            assert made.partition("\n")[2] == rest
        else:
            Path(name).write_text(text)

    def text(self, text: str) -> None:
        if self.is_running:
            rows = [[str(cell) for cell in row if cell != ""] for row in self.platform.values("Student progress")]
            told = [re.split(r"  +", line.strip()) for line in text.splitlines()]
            assert [line for line in told if line not in rows] == []
        else:
            assert " ".join(text.split()) in " ".join(self.output.split())


def blocks() -> Iterator[tuple[str, str]]:
    yield from re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_page_is_followed_word_for_word(
    engine: sa.Engine, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_BY_KEY", "_LOADED"):
        monkeypatch.setattr(tab_asset, name, {})
    monkeypatch.setattr(tab_asset, "_DECLARED", [])
    monkeypatch.setattr(run_sync, "opened_instance", lambda: nullcontext(platform.instance))
    monkeypatch.delenv("DATABASE_URL")  # it is in the project's .env
    reader = Reader(engine, platform, monkeypatch)
    done: list[Any] = [getattr(reader, kind)(text) for kind, text in blocks()]
    assert len(done) > 12
    assert reader.is_running
