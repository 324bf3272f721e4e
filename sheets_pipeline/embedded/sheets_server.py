"""Local Sheets as a server of the embedded default: one process per data folder, started on demand, shared by all.

Beside its data in ``local_sheets/`` stand ``local_sheets.json`` (port, process id, the demo spreadsheet's id),
``local_sheets.lock`` (held while somebody starts or stops it), ``local_sheets.life`` (held by the server while it lives)
and ``local_sheets.log``.
"""

import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sheets_pipeline.embedded.files import read_state, write_state
from sheets_pipeline.embedded.life import EmbeddedServer
from sheets_pipeline.embedded.probes import http_probe
from sheets_pipeline.embedded.supervision import Answer
from sheets_pipeline.errors import EmbeddedMissing, SheetsUnavailable
from sheets_pipeline.home import project_folder
from sheets_pipeline.processes import servers

#: The first tab of the spreadsheet.
_GREETING = (
    "This spreadsheet is kept by Local Sheets on your own machine.",
    "The declared tabs appear beside this one within a minute.",
    "Type notes next to the data, add columns, sort, colour: the pipeline leaves them alone.",
)

#: Where the server writes the key of its service account.
_KEY_FILE = "service-account.json"

_SCOPE = "https://www.googleapis.com/auth/spreadsheets"


@dataclass(frozen=True)
class SheetsServer:
    """A running Local Sheets and its demo spreadsheet."""

    endpoint: str
    pid: int
    spreadsheet_id: str
    credentials_file: Path

    @property
    def spreadsheet_url(self) -> str:
        """The page that shows the demo spreadsheet."""
        return f"{self.endpoint}/spreadsheets/d/{self.spreadsheet_id}/edit"


def check_installed() -> None:
    """Refuse to go on without the package.

    Raises:
        EmbeddedMissing: It is not installed.
    """
    if find_spec("local_sheets") is None:
        raise EmbeddedMissing("Local Sheets", "local-sheets", "SPREADSHEET_ID")


class EmbeddedSheets(EmbeddedServer):
    """The Local Sheets of the embedded default whose data folder (LOCAL_DATA_DIR) is ``folder``."""

    name = "Local Sheets"
    error = SheetsUnavailable
    port_taken = "address already in use"
    #: SIGTERM lets running requests end.
    ending = ((signal.SIGTERM, 10), (signal.SIGKILL, 10))

    def __init__(self, folder: Path) -> None:
        state, lock, life, log = (f"local_sheets.{end}" for end in ("json", "lock", "life", "log"))
        super().__init__(folder, (state, lock, life, log))
        self.data = self.folder / "local_sheets"

    def running(self) -> SheetsServer | None:
        """The server if it is up and its demo spreadsheet exists; milliseconds, no lock."""
        try:
            state = read_state(self._state_file) or {}
        except PermissionError as error:
            raise self._anothers(error) from None
        if not {"port", "pid", "spreadsheet_id", "credentials_file"} <= state.keys() or not self._listens(state):
            return None
        return SheetsServer(
            endpoint=_endpoint(state["port"]),
            pid=state["pid"],
            spreadsheet_id=state["spreadsheet_id"],
            credentials_file=Path(state["credentials_file"]),
        )

    def ensure(self) -> SheetsServer:
        """Start the server or attach to it; on the first start, create the demo spreadsheet.

        Raises:
            SheetsUnavailable: It did not start; the message shows the end of its log.
        """
        if server := self.running():
            return server
        self._make_folder()
        with self._locked():
            state = read_state(self._state_file) or {}
            if not self._listens(state):
                state = self._start(state)
            if not state.get("spreadsheet_id"):
                spreadsheet_id = _create_spreadsheet(_endpoint(state["port"]), Path(state["credentials_file"]))
                write_state(self._state_file, {**state, "spreadsheet_id": spreadsheet_id})
            server = self.running()
        if server is None:
            raise SheetsUnavailable(f"Local Sheets ended right after its start. See {self._log}.")
        return server

    def _data_folders(self) -> set[Path]:
        return {self.data}

    def _listens(self, state: dict[str, object]) -> bool:
        if not isinstance(state.get("port"), int) or not servers.is_held(self._life_lock):
            return False
        try:
            socket.create_connection(("127.0.0.1", int(str(state["port"]))), timeout=2).close()
        except OSError:
            return False
        return True

    def _start(self, state: dict[str, Any]) -> dict[str, Any]:
        check_installed()
        self._stop()  # one that lives and does not listen
        self.data.mkdir(mode=0o700, exist_ok=True)

        def command(port: int) -> list[str]:
            return [sys.executable, "-m", "local_sheets", f"--port={port}", f"--data-dir={self.data}"]

        state = {**state, "credentials_file": str(self.data / _KEY_FILE)}

        def answers(port: int) -> bool:
            return http_probe(_endpoint(port))() is Answer.OK

        return self._launch(state, command, answers, env={**os.environ, "PYTHONUNBUFFERED": "1"})

    def _stop(self) -> bool:
        if not servers.is_held(self._life_lock):
            return False
        import psutil

        pid = (read_state(self._state_file) or {}).get("pid")
        pid = pid or next((pid for pid in psutil.pids() if _is_server(pid, self.data)), None)
        self._end(pid, lambda pid: _is_server(pid, self.data))
        return True


def _endpoint(port: object) -> str:
    return f"http://127.0.0.1:{port}"


def _is_server(pid: int, data: Path) -> bool:
    """Whether a process is the Local Sheets of this data folder (its id may be somebody else's by now)."""
    import psutil

    try:
        return f"--data-dir={data}" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _create_spreadsheet(endpoint: str, credentials_file: Path) -> str:
    """Create the demo spreadsheet as, and so shared with, the generated service account; returns its id."""
    token = _post(f"{endpoint}/token", data=_grant(json.loads(credentials_file.read_text())))
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    created = _post(f"{endpoint}/v4/spreadsheets", json=_demo_spreadsheet(), headers=bearer)
    return str(created["spreadsheetId"])


def _demo_spreadsheet() -> dict[str, Any]:
    """What people see first, until they turn to a tab that the pipeline keeps; of a project it has the name."""
    project = project_folder()
    title = "Learning platform (demo)" if project is None else project.resolve().name
    change = "run `sheets-pipeline simulate`" if project is None else "change a row of the database"
    greeting = (*_GREETING, f"Then {change} and watch the cells that change.")
    rows = [{"values": [{"userEnteredValue": {"stringValue": line}}]} for line in greeting]
    first_tab = {
        "properties": {"title": "Start here", "gridProperties": {"rowCount": 100, "columnCount": 12}},
        "data": [{"rowData": rows}],
    }
    return {"properties": {"title": title, "timeZone": "Etc/UTC"}, "sheets": [first_tab]}


def _grant(key: dict[str, str]) -> dict[str, str]:
    """The signed request for a token. google-auth's own client would look up Google's servers besides."""
    from google.auth import crypt, jwt

    now = int(time.time())
    claims = {"iss": key["client_email"], "aud": key["token_uri"], "iat": now, "exp": now + 300, "scope": _SCOPE}
    assertion = jwt.encode(crypt.RSASigner.from_service_account_info(key), claims)
    return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion.decode()}


def _post(url: str, **request: Any) -> dict[str, Any]:
    import requests  # which attaching need not wait for

    session = requests.Session()
    session.trust_env = False  # a proxy knows no way to this machine
    try:
        response = session.post(url, timeout=30, **request)
    except requests.RequestException as error:
        raise SheetsUnavailable(f"Local Sheets did not answer {url}: {error}") from None
    if response.status_code != 200:
        raise SheetsUnavailable(
            f"Local Sheets refused {url}: {response.status_code} {response.text[:300]}", status=response.status_code
        )
    answer: dict[str, Any] = response.json()
    return answer
