"""Local Sheets for tests: a server of one's own on a free port, and fixtures that pytest finds by itself.

    def test_it(local_sheets):
        spreadsheet_id = local_sheets.create_spreadsheet("Orders")
        ...  # point the client at local_sheets.endpoint and local_sheets.credentials_file

``new_local_sheets`` is a fixture that starts servers with options of their own.
"""

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from local_sheets.testing_scripts import ScriptOfSpreadsheet

_START_SECONDS = 60.0
_STOP_SECONDS = 5.0


class LocalSheetsServer:
    """A server as a child process, with a data folder that is removed at the end unless it was given.

    Args:
        quota: As on the command line: ``off``, ``on`` or ``reads=60,writes=60``.
        auth: ``off`` or ``service-account``.
        latency_ms: Wait so long before each answer.
        data_dir: Where spreadsheets and keys are kept; a temporary folder if None.
        port: A free one if 0; after ``restart()`` the server has the same port again.
    """

    def __init__(
        self,
        *,
        quota: str = "off",
        auth: str = "off",
        latency_ms: float = 0,
        data_dir: Path | None = None,
        port: int = 0,
        options: tuple[str, ...] = (),
    ) -> None:
        self._temporary = data_dir is None
        self.data_dir = Path(tempfile.mkdtemp(prefix="local-sheets-")) if data_dir is None else data_dir
        self._arguments = [
            f"--quota={quota}",
            f"--auth={auth}",
            f"--latency={latency_ms}",
            "--stop-with-parent",
            *options,
        ]
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = ""

    # -- life

    def start(self) -> "LocalSheetsServer":
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: It ended or did not answer within a minute.
        """
        command = [sys.executable, "-m", "local_sheets", f"--data-dir={self.data_dir}"]
        with (self.data_dir / "server.stderr").open("ab") as errors:
            self._process = subprocess.Popen(
                [*command, f"--port={self._port}", *self._arguments], stdout=subprocess.PIPE, stderr=errors
            )
        self.endpoint = self._read_address(self._process)
        self._port = int(self.endpoint.rpartition(":")[2])
        self.call("GET", "/_local/health")
        return self

    def _read_address(self, process: subprocess.Popen[bytes]) -> str:
        if process.stdout is None:
            raise RuntimeError("Local Sheets was started without a pipe to read its address from.")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(_START_SECONDS) else b""
        name, _, address = line.decode().partition(":")
        if name != "Local Sheets":
            self.kill()
            said = (self.data_dir / "server.stderr").read_text(errors="replace").strip()
            self.stop()
            raise RuntimeError(f"Local Sheets did not start: {said or 'it said nothing'}")
        return address.strip()

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        return self._running().pid

    @property
    def port(self) -> int:
        return self._port

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("Local Sheets is not running: call start() first.")
        return self._process

    def stop(self) -> None:
        """Stop the server; a temporary data folder is removed."""
        self._end(signal.SIGTERM)
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def kill(self) -> None:
        """``kill -9``: the data stays, ``start()`` brings the server back on the same port."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            os.kill(process.pid, how)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def restart(self) -> "LocalSheetsServer":
        """Stop and start again, same port, same data."""
        self._end(signal.SIGTERM)
        return self.start()

    def __enter__(self) -> "LocalSheetsServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- who calls

    @property
    def credentials_file(self) -> Path:
        """Key file of the service account; with ``auth="off"`` it works as well, and is not needed."""
        return self.data_dir / "service-account.json"

    @property
    def account_email(self) -> str:
        """The service account that spreadsheets are to be shared with."""
        return str(json.loads(self.credentials_file.read_text())["client_email"])

    def add_account(self, name: str) -> Path:
        """Another service account; gives its key file."""
        self.call("POST", "/_local/accounts", {"name": name})
        return self.data_dir / "accounts" / f"{name}.json"

    # -- spreadsheets

    def create_spreadsheet(self, title: str = "Test", *tabs: str, share: bool = True) -> str:
        """A new spreadsheet with these tabs (``Sheet1`` if none), shared with the service account; gives its id."""
        body = {"title": title, "tabs": list(tabs), "share": [self.account_email] if share else []}
        return str(self.call("POST", "/_local/spreadsheets", body)["spreadsheetId"])

    def share(self, spreadsheet_id: str, email: str, role: str | None = "writer") -> None:
        """Share a spreadsheet, or with None take that back."""
        body = {"emailAddress": email, "role": role}
        self.call("PUT", f"/_local/spreadsheets/{spreadsheet_id}/permissions", body)

    def allow_import(self, spreadsheet_id: str, donor_id: str) -> None:
        """Let a spreadsheet's IMPORTRANGE read another one, as a person does by *Allow access*."""
        self.call("PUT", f"/_local/spreadsheets/{spreadsheet_id}/imports/{donor_id}")

    def script(self, spreadsheet_id: str) -> ScriptOfSpreadsheet:
        """The spreadsheet's Apps Script, and a person at its page."""
        return ScriptOfSpreadsheet(self.call, self._read_page, spreadsheet_id)

    def _read_page(self, path: str) -> str:
        with urllib.request.urlopen(self.endpoint + path, timeout=60) as answer:  # noqa: S310
            return str(answer.read().decode())

    # -- faults and figures

    def faults(self, *rules: dict[str, Any], **rule: Any) -> None:
        """Set faults: ``faults(action="error", status=503, count=2, kind="write")``; see ``server/faults.py``.

        Raises:
            ValueError: A rule makes no sense.
        """
        wanted = [*rules, *([rule] if rule else [])]
        try:
            self.call("POST", "/_local/faults", wanted)
        except urllib.error.HTTPError as error:
            raise ValueError(json.loads(error.read())["error"]["message"]) from None

    def clear_faults(self) -> None:
        self.call("DELETE", "/_local/faults")

    def fault_state(self) -> dict[str, Any]:
        """Rules, what was injected, and counts."""
        found: dict[str, Any] = self.call("GET", "/_local/faults")
        return found

    def notifications(self, *, after_seconds: float | None = None) -> dict[str, Any]:
        """Drive's channels, what waits for them and what was sent; from now on so long after a change, if a time is given."""
        body = None if after_seconds is None else {"afterSeconds": after_seconds}
        found: dict[str, Any] = self.call("GET" if body is None else "PUT", "/_local/notifications", body)
        return found

    def deliver_notifications(self) -> None:
        """Send now what waits for Drive's channels."""
        self.call("POST", "/_local/notifications")

    def stats(self) -> dict[str, Any]:
        """Requests of the last minute and totals, as counted by the server."""
        found: dict[str, Any] = self.call("GET", "/_local/stats")
        return found

    def requests(self, after: int = 0) -> list[dict[str, Any]]:
        """The last requests to the API, oldest first."""
        found: list[dict[str, Any]] = self.call("GET", f"/_local/requests?after={after}")
        return found

    def reset_stats(self) -> None:
        """Forget requests and totals (not the quota's minute)."""
        self.call("DELETE", "/_local/requests")

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """One HTTP request with a JSON answer.

        Raises:
            urllib.error.HTTPError: The answer is an error.
        """
        data = None if body is None else json.dumps(body).encode()
        given = {"content-type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.endpoint + path, data=data, method=method, headers=given)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())

    def wait_until(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: It does not within the time.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"Still not so after {seconds} seconds.")
            time.sleep(0.02)


@pytest.fixture
def local_sheets() -> Iterator[LocalSheetsServer]:
    """A server without quota and sign-in, for one test."""
    with LocalSheetsServer() as server:
        yield server


@pytest.fixture
def new_local_sheets() -> Iterator[Callable[..., LocalSheetsServer]]:
    """Starts servers with the options of ``LocalSheetsServer``; all are stopped at the end of the test."""
    started: list[LocalSheetsServer] = []

    def start(**options: Any) -> LocalSheetsServer:
        server = LocalSheetsServer(**options)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()
