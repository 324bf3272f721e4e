"""One tool's process, and the syncs that are asked of it."""

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from benchmarks.environment import ROOT


class ToolProcess:
    """``benchmarks.peers.runner`` in the environment that has the tool; ended with ``with``."""

    def __init__(self, python: Path, module: str, log: IO[str], settings_folder: Path) -> None:
        # Airflow keeps its settings in a folder; they must not come from, nor go to, the user's own.
        environment = {
            **os.environ,
            "AIRFLOW_HOME": str(settings_folder),
            "GSPREAD_PANDAS_CONFIG_DIR": str(settings_folder),
            "PYTHONUNBUFFERED": "1",
        }
        environment.pop("DAGSTER_HOME", None)
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.peers.runner", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        self._answer()

    def sync(self, target: dict[str, str], rows: int, steps: list[str], timeout_seconds: float) -> dict[str, Any]:
        """One sync in a process of its own: seconds, peak_memory_mb, error (None when all went well)."""
        order = {"target": target, "rows": rows, "steps": steps, "timeout_seconds": timeout_seconds}
        stdin = self._process.stdin
        if stdin is None:
            raise RuntimeError("The tool's process was started without a pipe.")
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(
                f"The tool's process ended (exit code {self._process.wait()}); its last words are in the log."
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> "ToolProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
