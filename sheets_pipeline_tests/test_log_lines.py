"""With LOG_FORMAT=json each line of a service is a JSON object, whoever wrote it."""

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from sheets_pipeline import log_lines, logs
from sheets_pipeline.cli.main import asks_for_help, main

#: Writes in every way that is not a log's, and dies of an error.
_DYING = """
import os, sys, warnings
from sheets_pipeline.log_lines import take_output
take_output("dying")
take_output("once is enough")
print("plain \\u00fc")
print('{"message": "logged"}', flush=True)
os.system("echo by a child >&2")
warnings.warn("careful")
1 / 0
"""


def test_all_that_a_process_and_its_children_write_is_json_to_its_last_word() -> None:
    done = subprocess.run([sys.executable, "-c", _DYING], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in lines[:3]] == ["plain ü", "logged", "by a child"]
    assert [line["level"] for line in lines if "careful" in line["message"]] == ["WARNING"]
    assert (lines[-1]["message"], lines[-1]["level"]) == ("ZeroDivisionError: division by zero", "ERROR")
    assert {line["logger"] for line in lines if "logger" in line} == {"dying"}


@pytest.mark.parametrize("command", [["daemon", "-w", __file__], ["worker"], ["serve"], ["logged", "python"]])
def test_commands_that_go_on_for_long_write_json_before_they_do_anything(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(name: str) -> None:
        raise click.ClickException(f"taken by {name}")

    monkeypatch.setattr(log_lines, "take_output", taken)
    monkeypatch.setattr(logs, "writes_json", lambda: True)
    result = CliRunner().invoke(main.commands[command[0]], command[1:])
    assert f"taken by {command[1] if command[0] == 'logged' else command[0]}" in result.output


def test_options_of_the_other_program_are_no_request_for_help() -> None:
    assert not asks_for_help(["sheets-pipeline", "logged", "dagster", "api", "grpc", "-h", "127.0.0.1"])
    assert asks_for_help(["sheets-pipeline", "serve", "-h"])
