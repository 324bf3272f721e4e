"""What others wrote reaches a terminal as text, and does nothing there."""

import io
import json
import logging
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from sheets_pipeline import logs, terminal
from sheets_pipeline.cli import output, queue_output
from sheets_pipeline.embedded import dev_output
from sheets_pipeline.terminal import Screen, escape, json_safe, safe

#: Escape sequences, controls, marks that reorder or hide text, line ends, and rich's markup.
HOSTILE = (
    "a\x1b[2J\x1b]0;owned\x07b\x9b31mc\u202edetrever\u2066d\u200fe\u2028f\x85g\x7fh\u061ci\u200bj\ufeffk\U000e0041l\r\x00m"
    "\n[red]n[/red][link=https://evil.example]o[/link]"
)
_BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain · ümlaut 漢字 🎉 👩\u200d🎓", "plain · ümlaut 漢字 🎉 👩\u200d🎓"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b", "\\x9b"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202eabc\u2069", "\\u202eabc\\u2069"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text())
def test_nothing_that_controls_or_reorders_is_left(text: str) -> None:
    for character in safe(text):
        assert unicodedata.category(character) not in ("Cc", "Zl", "Zp", "Cs")
        assert unicodedata.bidirectional(character) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )


@given(st.text())
def test_json_means_the_same_afterwards(text: str) -> None:
    shown = json_safe(json.dumps({"a": text}, ensure_ascii=False))
    assert not _BAD.search(shown)
    assert json.loads(shown) == {"a": text}


def printed(monkeypatch: pytest.MonkeyPatch, show: object) -> str:
    """What a function prints on a terminal of its own."""
    out = io.StringIO()

    def made(**options: object) -> Screen:
        return Screen(file=out, force_terminal=True, width=400, color_system=None, **{**options, "soft_wrap": True})  # type: ignore[arg-type]

    for module in (output, queue_output):
        monkeypatch.setattr(module, "screen", made)
    show()  # type: ignore[operator]
    return out.getvalue()


def test_results_of_syncs_and_queues_are_only_text(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: dict[str, Any] = dict.fromkeys(
        ("rows", "inserts", "updates", "deletes", "cells", "read_requests", "write_requests", "bytes_sent", "seconds"),
        1,
    )
    numbers |= {"set_aside_rows": [{"key": HOSTILE, "reason": HOSTILE}]}
    synced = {
        "tabs": {HOSTILE: numbers},
        "errors": {HOSTILE: HOSTILE},
        "status": "failed",
        "seconds": 1.0,
        "run_id": "1",
    }
    processed = {"tabs": {HOSTILE: numbers}, "failures": [HOSTILE], "error": HOSTILE, "status": "failed", "events": 1}
    processed |= {"set_aside": 0, "seconds": 1.0, "run_id": "1", "still_pending": 0}
    for show in (lambda: output.print_sync(synced), lambda: queue_output.print_processed(processed)):
        shown = printed(monkeypatch, show)
        assert not _BAD.search(re.sub(r"\x1b\[[0-9;]*m", "", shown))
        assert "[red]n[/red][link=https://evil.example]o[/link]" in shown
        assert "a\\x1b[2J" in shown


def test_the_screen_itself_lets_nothing_through_that_was_not_escaped() -> None:
    out = io.StringIO()
    console = Screen(file=out, force_terminal=True, width=200, color_system=None)
    table = Table(HOSTILE.replace("[", "("))
    table.add_row("x\x1b[2Jy\u202ez")
    console.print(table)
    console.print("[bold]kept[/]", "\x1b]0;owned\x07")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert not _BAD.search(shown)
    assert "x\\x1b[2Jy\\u202ez" in shown


def test_markup_in_data_is_shown_as_it_is() -> None:
    out = io.StringIO()
    Console(file=out, width=200).print(f"[bold]{escape('[red]a[/] [link=x]b')}[/]")
    assert out.getvalue() == "[red]a[/] [link=x]b\n"


@pytest.mark.parametrize("form", ["text", "plain", "json"])
def test_log_lines_are_one_line_of_text(form: logs.Form) -> None:
    out = io.StringIO()
    handler = logs.handler(form, out)
    record = logging.makeLogRecord({"msg": "key %s", "args": (HOSTILE,), "name": "x", "levelname": "INFO"})
    record.field = HOSTILE
    handler.handle(record)
    [line] = out.getvalue().split("\n")[:-1]
    assert not _BAD.search(line)
    if form == "json":
        assert json.loads(line)["message"] == f"key {HOSTILE}"


@pytest.mark.parametrize("writes_json", [False, True])
def test_lines_of_children_are_only_text(writes_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    dev_output.write_json(writes_json)
    try:
        for line in (HOSTILE.replace("\n", " "), json.dumps({"a": HOSTILE}, ensure_ascii=False), "{not json}"):
            dev_output.say(line, name="child")
    finally:
        dev_output.write_json(False)
    shown = capsys.readouterr().out
    assert not _BAD.search(shown)
    if writes_json:
        assert [type(json.loads(line)) for line in shown.splitlines()] == [dict] * 3


def test_a_childs_traceback_is_as_grave_as_the_line_above_it(capsys: pytest.CaptureFixture[str]) -> None:
    dev_output.write_json(True)
    try:
        for line in (
            "2026-11-28 00:56:18 +0000 - dagster.daemon - \x1b[31mERROR\x1b[0m - Sensor failed",
            "Traceback (most recent call last):",
            "2026-11-28 00:56:19 +0000 - dagster.daemon - INFO - fine again",
            "INFO:     Started server process",
            "WARNING:  uvicorn warns",
        ):
            dev_output.say(line, name="daemon")
    finally:
        dev_output.write_json(False)
    levels = [json.loads(line)["level"] for line in capsys.readouterr().out.splitlines()]
    assert levels == ["ERROR", "ERROR", "INFO", "INFO", "WARNING"]


def test_every_command_prints_through_the_safe_screen() -> None:
    """No module of commands takes rich's own console or markup."""
    from pathlib import Path

    package = Path(terminal.__file__).parent
    commands = [*package.glob("cli/*.py")]
    assert len(commands) > 5
    for path in commands:
        text = path.read_text()
        assert "rich.markup" not in text, path.name
        assert not re.search(r"(?<!\w)Console\(", text), path.name
