"""A Local Sheets of the test's own, as a process."""

import os
import signal
import subprocess
import sys
from pathlib import Path


class running_server:  # noqa: N801 -- used as a function
    """Starts a server with its data in a folder; gives its address; stops it by its process id."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self._command = [sys.executable, "-m", "local_sheets", "--port", "0"]
        self._command += ["--data-dir", str(data_dir), "--auth", "off", *options]

    def __enter__(self) -> str:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()
        assert first_line.startswith("Local Sheets: "), first_line
        return first_line.removeprefix("Local Sheets: ").strip()

    def __exit__(self, *_: object) -> None:
        os.kill(self._process.pid, signal.SIGTERM)
        self._process.communicate(timeout=60)
