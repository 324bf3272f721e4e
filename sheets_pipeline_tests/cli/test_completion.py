"""Shells complete commands, options and titles; bash is asked itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sheets_pipeline.cli.main import main

COMMAND = Path(sys.executable).with_name("sheets-pipeline")

#: Loads the script as ~/.bashrc does, and asks its function for the last of the words.
ASK = """
eval "$(sheets-pipeline completion bash)"
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
_sheets_pipeline_completion sheets-pipeline
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(folder: Path, *words: str) -> list[str]:
    env = {**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
    command = ["bash", "-c", ASK, "bash", "sheets-pipeline", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split("\n")[:-1]


def test_bash_completes_commands_options_and_titles_as_they_are_typed(tmp_path: Path) -> None:
    (tmp_path / "tabs").mkdir()
    (tmp_path / "tabs" / "a.yaml").write_text("attributes:\n  title: Student's progress  # of all\n  key: id\n")
    (tmp_path / "tabs" / "b.py").write_text('TAB = Tab(\n    title="Students",\n)\n')
    assert completed(tmp_path, "tabs", "pre") == ["preview"]
    assert completed(tmp_path, "sync", "--fa") == ["--failed"]
    assert completed(tmp_path, "sync", "--tab", "Stud") == ["Student\\'s\\ progress", "Students"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_theirs(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_SHEETS_PIPELINE_COMPLETE={shell}_complete" in result.output
