"""The running system that ``benchmarks.failures`` breaks: each part a server of its own, a webhook that hears alerts.

Platform database, pipeline and Dagster database, and spreadsheet are started here and by nobody else, as in production.
Filling a disk needs root, for a small file system in memory.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from google.auth.transport.requests import AuthorizedSession
from google.oauth2 import service_account

from benchmarks.crashes import Learners
from benchmarks.environment import ROOT
from benchmarks.stack import NOT_INHERITED, Stack
from benchmarks.truth import Judge
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database import triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.postgres import EmbeddedPostgres
from sheets_pipeline.embedded.services import Services
from sheets_pipeline.platform.demo import generate
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.processes.family import end_family
from sheets_pipeline.processes.servers import FAMILY_MARK, free_port
from sheets_pipeline.settings import load_settings

HEALTH_SECONDS, INTERVAL_SECONDS = 15, 60
COMMAND = str(Path(sys.executable).with_name("sheets-pipeline"))
_DISK_MEGABYTES = 600
_NOTE = "People's own note"
_SCOPES = ["https://www.googleapis.com/auth/spreadsheets"]


class Alerts:
    """A webhook that keeps what it is told, with times."""

    def __init__(self) -> None:
        self.received: list[tuple[float, str, str]] = []
        received = self.received

        class Webhook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                received.append((time.monotonic(), str(body["title"]), str(body["message"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/"

    def since(self, moment: float) -> list[tuple[float, str, str]]:
        return [one for one in self.received if one[0] >= moment]


@dataclass
class Ground:
    """The parts that fail, and the pipeline that has to bear it."""

    folder: Path
    platform: EmbeddedPostgres
    own: EmbeddedPostgres
    sheets: LocalSheetsServer
    spreadsheet_id: str
    alerts: Alerts
    stack: Stack
    judge: Judge
    status_url: str
    learners: Learners
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def session(self) -> AuthorizedSession:
        """Another client of the same credential."""
        key = json.loads((self.folder / "key.json").read_text())
        return AuthorizedSession(service_account.Credentials.from_service_account_info(key, scopes=_SCOPES))

    @property
    def sheet_url(self) -> str:
        return f"{self.sheets.endpoint}/v4/spreadsheets/{self.spreadsheet_id}"

    def status(self) -> dict[str, Any]:
        """What the control API says; an empty answer where it has none."""
        try:
            answer = httpx.get(self.status_url, timeout=20)
            return dict(answer.json()) if answer.headers["content-type"].startswith("application/json") else {}
        except (httpx.HTTPError, ValueError):
            return {}

    def keep_daemon(self) -> None:
        """Start the daemon again if it ended, as systemd or Kubernetes would."""
        if self.stack.daemon is not None and self.stack.daemon.poll() is not None:
            print(f"the daemon ended with {self.stack.daemon.returncode} and is started again", flush=True)
            self.stack.start_daemon()

    def people(self, session: AuthorizedSession, title: str) -> int:
        """The column in which people keep notes, as a number from 0; it stands behind ours."""
        answer = session.get(f"{self.sheet_url}/values/{title}!1:1", timeout=60).json()
        header = answer["values"][0]
        return header.index("notes") if "notes" in header else len(header)

    def write_notes(self) -> None:
        """A note beside each of the first learners."""
        session = self.session
        column = chr(ord("A") + self.people(session, "UserProfiles"))
        rows = [["notes"]] + [[f"{_NOTE} {number}"] for number in range(50)]
        answer = session.put(
            f"{self.sheet_url}/values/UserProfiles!{column}1:{column}51?valueInputOption=RAW",
            json={"values": rows},
            timeout=60,
        )
        answer.raise_for_status()
        self.notes = self.notes_now()

    def notes_now(self) -> dict[str, str]:
        """Key → note, as they stand now."""
        answer = self.judge.session.get(f"{self.sheet_url}/values/UserProfiles", timeout=60)
        answer.raise_for_status()
        header, *rows = answer.json()["values"]
        key, note = header.index("user_id"), header.index("notes")
        return {row[key]: row[note] for row in rows if len(row) > note and row[note]}

    def is_right(self) -> tuple[bool, str]:
        """Whether every tab shows what the database knows and every note stands where it stood."""
        verdicts = self.judge.verdicts()
        wrong = [f"{tab} {verdict}" for tab, verdict in verdicts.items() if not verdict.is_right]
        if self.notes_now() != self.notes:
            wrong.append("notes were harmed")
        return not wrong, "; ".join(wrong)


@contextmanager
def running_ground(folder: Path) -> Iterator[Ground]:
    """All servers and the pipeline; ended in reverse."""
    with ExitStack() as stack:
        platform, own = _databases(folder, stack)
        platform_url, own_server = platform.ensure().url("postgres"), own.ensure({"pipeline": None, "dagster": None})
        engine = connect(platform_url)
        generate(engine, learners=500, courses=8, responses=5_000)
        triggers.install(engine, WATCHED)
        sheets = stack.enter_context(LocalSheetsServer(quota="on", auth="service-account"))
        shutil.copyfile(sheets.credentials_file, folder / "key.json")
        services = Services(
            database_url=platform_url,
            pipeline_database_url=own_server.url("pipeline"),
            dagster_postgres_url=own_server.url("dagster"),
            sheets_api_endpoint=sheets.endpoint,
            spreadsheet_id=sheets.create_spreadsheet("Learning platform"),
            spreadsheet_url="",
            credentials_file=folder / "key.json",
        )
        alerts, port = Alerts(), free_port()
        stack.callback(alerts.server.shutdown)
        _set_environment(folder, services, alerts.url, port)
        dagster = _pipeline(folder, services, stack)
        learners, judge = Learners(platform_url, 0.5), Judge(services, engine)
        yield Ground(
            *(folder, platform, own, sheets, services.spreadsheet_id, alerts, dagster, judge),
            f"http://127.0.0.1:{port}/sync/status",
            learners,
        )


def _databases(folder: Path, stack: ExitStack) -> tuple[EmbeddedPostgres, EmbeddedPostgres]:
    """The platform's server and the pipeline's own, not started yet; for root the latter has a small disk."""
    own_folder = folder / "own"
    own_folder.mkdir()
    if os.geteuid() == 0:
        small = f"size={_DISK_MEGABYTES}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", small, "tmpfs", str(own_folder)], check=True)
        stack.callback(subprocess.run, ["umount", "-l", str(own_folder)], check=False)
    platform = EmbeddedPostgres(folder / "platform")
    own = EmbeddedPostgres(own_folder, server_settings={"max_wal_size": "128MB"})
    for server in (platform, own):
        stack.callback(server.stop)
    return platform, own


def _set_environment(folder: Path, services: Services, alert_url: str, port: int) -> None:
    for name in NOT_INHERITED:
        os.environ.pop(name, None)
    os.environ |= {
        "DATABASE_URL": services.database_url,
        "PIPELINE_DATABASE_URL": services.pipeline_database_url,
        "DAGSTER_POSTGRES_URL": services.dagster_postgres_url,
        "SPREADSHEET_ID": services.spreadsheet_id,
        "SHEETS_API_ENDPOINT": str(services.sheets_api_endpoint),
        "GOOGLE_APPLICATION_CREDENTIALS": str(services.credentials_file),
        "SYNC_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
        "SYNC_HEALTH_CHECK_INTERVAL": str(HEALTH_SECONDS),
        "ALERT_URLS": alert_url,
        "CONTROL_API_PORT": str(port),
        "LOCAL_DATA_DIR": str(folder / "data"),
        "DAGSTER_HOME": str(folder),
    }


def _pipeline(folder: Path, services: Services, stack: ExitStack) -> Stack:
    """Dagster and the control API, as the environment describes them."""
    shutil.copyfile(ROOT / "dagster.yaml", folder / "dagster.yaml")
    dagster = Stack(folder, load_settings(), services)
    stack.callback(lambda: end_family(dagster.mark, [one.pid for one in (dagster.daemon, dagster.code_server) if one]))
    dagster.start_daemon()
    with (folder / "serve.log").open("ab") as log:
        serve = subprocess.Popen(
            [COMMAND, "serve"], cwd=ROOT, env={**os.environ, FAMILY_MARK: dagster.mark}, stdout=log, stderr=log
        )
    stack.callback(serve.wait)
    stack.callback(serve.terminate)
    return dagster


def wait_until_healthy(ground: Ground, seconds: float = 300) -> None:
    """Before the first failure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ground.status().get("health") == "healthy":
            return
        time.sleep(2)
    raise RuntimeError(f"Not healthy after {seconds:.0f} s; see {ground.folder / 'daemon.log'}: {ground.status()}")
