"""What a run prints: in its files at once, on the console soon after."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import psutil
import pytest

from sheets_pipeline.dagster_runtime import compute_logs
from sheets_pipeline.dagster_runtime.compute_logs import captured
from sheets_pipeline_tests.dagster_runtime.harness import eventually


class Console:
    """A stream, and the other end of it."""

    def __init__(self) -> None:
        self.end, writes = os.pipe()
        self.stream: TextIO = os.fdopen(writes, "w")

    def close(self) -> None:
        os.close(self.end)

    def shows(self, text: bytes) -> bool:
        """Whether this comes next, in however many pieces."""
        shown = b""
        while len(shown) < len(text):
            shown += os.read(self.end, 100)
        return shown == text


@pytest.fixture
def console() -> Iterator[Console]:
    console = Console()
    yield console
    console.stream.close()


def test_what_is_printed_stands_in_the_file_at_once_and_shows_soon(tmp_path: Path, console: Console) -> None:
    out = tmp_path / "logs" / "out"
    children = psutil.Process().children()
    with captured({console.stream: str(out)}):
        print("ours", file=console.stream, flush=True)
        subprocess.run(["echo", "a child's"], stdout=console.stream, check=True)
        assert out.read_text() == "ours\na child's\n"
        assert console.shows(b"ours\na child's\n")
        assert set(psutil.Process().children()) <= set(children)  # those of other tests may end
        console.stream.write("last, ")
    print("and after", file=console.stream, flush=True)
    assert out.read_text() == "ours\na child's\nlast, "
    assert console.shows(b"last, and after\n")
    with captured({console.stream: str(out)}):
        print("again", file=console.stream, flush=True)
    assert console.shows(b"again\n")


def test_a_console_that_is_gone_fails_no_run(tmp_path: Path, console: Console) -> None:
    out, other = tmp_path / "out", Console()
    with captured({console.stream: str(out), other.stream: str(tmp_path / "err")}):
        console.close()
        print("nobody listens", file=console.stream, flush=True)
        time.sleep(2 * compute_logs._LOOK_SECONDS)
        print("somebody does", file=other.stream, flush=True)
        assert other.shows(b"somebody does\n")
    other.stream.close()
    assert out.read_text() == "nobody listens\n"


def test_a_console_that_takes_nothing_holds_up_the_end_for_a_moment_only(
    tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute_logs, "_LAST_SECONDS", 0.1)
    with captured({console.stream: str(tmp_path / "out")}):
        print("x" * 200_000, file=console.stream, flush=True)
    assert (tmp_path / "out").stat().st_size == 200_001
    os.set_blocking(console.end, False)
    eventually(lambda: not os.read(console.end, 200_000).strip(b"x"))


def test_a_stream_of_a_test_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with captured({sys.stdout: str(tmp_path / "out")}):
        sys.stdout.write("to the test\n")
    assert capsys.readouterr().out == "to the test\n"
    assert (tmp_path / "out").exists()
