"""``python -m benchmarks.failures``: causes each failure on the running system, and looks at how it is told and ends.

The system stands as in production: the platform's database, the pipeline's and Dagster's database, and the spreadsheet
are servers of their own that nobody starts again but this program. Learners submit all the while, and people's notes
stand beside our columns. For each failure: when the control API, an alert and ``sheets-pipeline status`` tell it and
how; when it is over once the cause is gone; and whether the tabs are right and the notes
unharmed afterwards. Writes docs/failures.md. Filling a disk needs root, for a small file system in memory.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import sqlalchemy as sa
from google.auth.transport.requests import AuthorizedSession
from google.oauth2 import service_account

from benchmarks.crashes import Learners
from benchmarks.environment import ROOT
from benchmarks.machine import machine
from benchmarks.stack import NOT_INHERITED, Stack
from benchmarks.truth import Judge
from sheets_pipeline.database import triggers
from sheets_pipeline.database.demo import generate
from sheets_pipeline.database.engine import connect
from sheets_pipeline.local.family import end_family
from sheets_pipeline.local.postgres import EmbeddedPostgres
from sheets_pipeline.local.processes import FAMILY_MARK, free_port
from sheets_pipeline.local.services import Services
from sheets_pipeline.local_sheets.testing import LocalSheetsServer
from sheets_pipeline.settings import load_settings

HEALTH_SECONDS, INTERVAL_SECONDS = 15, 60
_LONGEST_SEEING, _LONGEST_RECOVERY = 300.0, 420.0
_COMMAND = str(Path(sys.executable).with_name("sheets-pipeline"))
_DISK_MEGABYTES = 600
#: A warning is no failure: after a minute of much work the quota is nearly used up, for example.
_FINE = ("healthy", "warning")
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


class Failure(NamedTuple):
    """What is done and undone. ``seconds`` is how long the cause lasts at least; ``harmless``: nothing is to be told."""

    name: str
    cause: Callable[[Ground], None]
    mend: Callable[[Ground], None]
    seconds: float = 60
    harmless: bool = False


def _unshare(ground: Ground) -> None:
    ground.sheets.share(ground.spreadsheet_id, ground.sheets.account_email, None)


def _share(ground: Ground) -> None:
    ground.sheets.share(ground.spreadsheet_id, ground.sheets.account_email, "writer")


_KEY = ("service-account.json", "token-secret")


def _revoke(ground: Ground) -> None:
    ground.sheets.kill()
    for name in _KEY:
        (ground.sheets.data_dir / name).rename(ground.folder / name)
    ground.sheets.start()


def _give_key_back(ground: Ground) -> None:
    ground.sheets.kill()
    for name in _KEY:
        (ground.folder / name).replace(ground.sheets.data_dir / name)
    ground.sheets.start()


def _delete(ground: Ground) -> None:
    ground.sheets.kill()
    (ground.sheets.data_dir / "spreadsheets").rename(ground.folder / "bin")
    ground.sheets.start()


def _restore(ground: Ground) -> None:
    ground.sheets.kill()
    shutil.rmtree(ground.sheets.data_dir / "spreadsheets", ignore_errors=True)
    (ground.folder / "bin").rename(ground.sheets.data_dir / "spreadsheets")
    ground.sheets.start()


def _rename(ground: Ground, old: str, new: str) -> None:
    session = ground.session
    sheets = session.get(f"{ground.sheet_url}?fields=sheets.properties", timeout=60).json()["sheets"]
    number = next(s["properties"]["sheetId"] for s in sheets if s["properties"]["title"] == old)
    properties = {"sheetId": number, "title": new}
    body = {"requests": [{"updateSheetProperties": {"properties": properties, "fields": "title"}}]}
    session.post(f"{ground.sheet_url}:batchUpdate", json=body, timeout=60).raise_for_status()


class _Glutton:
    """Another client of the same credential that asks for more than the whole quota."""

    stop = threading.Event()
    thread: threading.Thread | None = None

    @classmethod
    def start(cls, ground: Ground) -> None:
        cls.stop.clear()
        cls.thread = threading.Thread(target=cls._eat, args=(ground,), daemon=True)
        cls.thread.start()

    @classmethod
    def _eat(cls, ground: Ground) -> None:
        session = ground.session
        while not cls.stop.wait(0.4):
            session.get(f"{ground.sheet_url}/values/course_statistics!A1", timeout=60)
            session.post(f"{ground.sheet_url}/values/course_statistics!ZZ1:clear", timeout=60)

    @classmethod
    def end(cls, _ground: Ground) -> None:
        cls.stop.set()
        if cls.thread:
            cls.thread.join()


def _fill_disk(ground: Ground) -> None:
    with (ground.own.folder / "ballast").open("wb") as ballast:
        try:
            while True:
                ballast.write(b"\0" * 65_536)
                ballast.flush()
        except OSError:
            print("the disk is full", flush=True)


def _free_disk(ground: Ground) -> None:
    (ground.own.folder / "ballast").unlink()
    ground.own.ensure()


FAILURES = [
    Failure("the sharing is taken back", _unshare, _share),
    Failure("the key is revoked", _revoke, _give_key_back),
    Failure("the spreadsheet is deleted", _delete, _restore),
    Failure(
        "a tab is renamed by people",
        lambda ground: _rename(ground, "TranscriptRequests", "Transcripts (Anna)"),
        lambda ground: _rename(ground, "Transcripts (Anna)", "TranscriptRequests"),
        seconds=100,
        harmless=True,
    ),
    Failure(
        "the platform's database is stopped",
        lambda ground: _stop(ground.platform),
        lambda ground: _start(ground.platform),
    ),
    Failure("Google is down", lambda ground: ground.sheets.kill(), lambda ground: _up(ground.sheets), seconds=180),
    Failure("another client eats the quota", _Glutton.start, _Glutton.end, seconds=180),
    Failure("the disk of the pipeline's own database is full", _fill_disk, _free_disk),
]


def _stop(postgres: EmbeddedPostgres) -> None:
    postgres.stop()


def _start(postgres: EmbeddedPostgres) -> None:
    postgres.ensure()


def _up(sheets: LocalSheetsServer) -> None:
    sheets.start()


@dataclass
class Account:
    """What was seen of one failure; times in seconds after the cause, or after it was gone."""

    name: str
    told_by_api: float | None = None
    health: str = ""
    reason: str = ""
    #: What else was told later, numbers aside.
    later: dict[str, str] = field(default_factory=dict)
    circuit: str = ""
    told_by_alert: float | None = None
    alert: str = ""
    cli: str = ""
    lasted: float = 0
    over: float | None = None
    alert_over: float | None = None
    right: bool = False
    what: str = ""


def go_through(ground: Ground, failure: Failure) -> Account:
    """Cause it, look, mend it, look."""
    account = Account(failure.name)
    print(f"\n== {failure.name}", flush=True)
    began = time.monotonic()
    failure.cause(ground)
    while (passed := time.monotonic() - began) < failure.seconds or (
        not failure.harmless
        and passed < _LONGEST_SEEING
        and (account.told_by_api is None or account.told_by_alert is None)
    ):
        ground.keep_daemon()
        status = ground.status()
        if status and status.get("health") not in _FINE and account.told_by_api is None:
            account.told_by_api = time.monotonic() - began
            account.health, account.reason = str(status.get("health", "error")), _reason(status)
            print(f"{account.told_by_api:5.0f} s  API: {account.health}: {account.reason}", flush=True)
            account.cli = _cli()
            print(f"         CLI: {account.cli}", flush=True)
        elif status and status.get("health") not in _FINE and _gist(_reason(status)) != _gist(account.reason):
            account.later.setdefault(_gist(_reason(status)), f"{time.monotonic() - began:.0f} s: {_reason(status)}")
        circuit = str(status.get("circuit", {}).get("state", ""))
        account.circuit = circuit if circuit not in {"", "closed"} else account.circuit
        news = [one for one in ground.alerts.since(began) if "Over: " not in one[1]]
        if news and account.told_by_alert is None:
            account.told_by_alert, account.alert = news[0][0] - began, news[0][2]
            print(f"{account.told_by_alert:5.0f} s  alert: {account.alert}", flush=True)
        time.sleep(1)
    account.lasted = time.monotonic() - began
    mended = time.monotonic()
    failure.mend(ground)
    print(f"{account.lasted:5.0f} s  the cause is gone; circuit {account.circuit or 'closed'}", flush=True)
    is_caught_up = False
    while time.monotonic() - mended < _LONGEST_RECOVERY:
        ground.keep_daemon()
        if account.over is None and ground.status().get("health") in _FINE:
            account.over = time.monotonic() - mended
            print(f"{account.over:5.0f} s  healthy", flush=True)
        if over := [at for at, title, text in ground.alerts.since(mended) if "Over" in title or "Over" in text]:
            account.alert_over = over[-1] - mended
        if account.over is not None and not is_caught_up:
            is_caught_up, account.what = _is_right(ground)
        if is_caught_up and (account.alert_over is not None or account.told_by_alert is None):
            break
        time.sleep(2)
    account.right = is_caught_up
    told = [f"{title}: {text[:90]}" for _, title, text in ground.alerts.since(began)]
    print(f"right: {account.right} {account.what}; alerts: {json.dumps(told, indent=1)}", flush=True)
    return account


def _is_right(ground: Ground) -> tuple[bool, str]:
    """Learners rest for the look, because a tab is never right while they submit."""
    ground.learners.stop()
    try:
        wrong = ""
        for _ in range(15):
            try:
                right, wrong = ground.is_right()
            except (OSError, sa.exc.DBAPIError, KeyError, ValueError) as error:
                right, wrong = False, f"{type(error).__name__}: {error}"[:200]
            if right:
                return True, ""
            time.sleep(1)
        return False, wrong
    finally:
        ground.learners = Learners(ground.learners.url, ground.learners.per_second)
        ground.learners.start()


def _gist(reason: str) -> str:
    return re.sub(r"\d+|course_statistics|quiz_responses|TranscriptRequests|UserProfiles", "", reason)[:60]


def _reason(status: dict[str, Any]) -> str:
    return str(status.get("reason") or status.get("error") or status.get("detail") or status)


def _cli() -> str:
    """Exit code and first lines of ``sheets-pipeline status``."""
    done = subprocess.run([_COMMAND, "status"], cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return f"exit code {done.returncode}: {' '.join(lines[:2])}"


@contextmanager
def running_ground(folder: Path) -> Iterator[Ground]:
    """All servers and the pipeline; ended in reverse."""
    with ExitStack() as stack:
        own_folder = folder / "own"
        own_folder.mkdir()
        if os.geteuid() == 0:
            small = f"size={_DISK_MEGABYTES}m"
            subprocess.run(["mount", "-t", "tmpfs", "-o", small, "tmpfs", str(own_folder)], check=True)
            stack.callback(subprocess.run, ["umount", "-l", str(own_folder)], check=False)
        small_wal = {"max_wal_size": "128MB"}
        platform, own = EmbeddedPostgres(folder / "platform"), EmbeddedPostgres(own_folder, server_settings=small_wal)
        for server in (platform, own):
            stack.callback(server.stop)
        platform_url = platform.ensure().url("postgres")
        own_server = own.ensure({"pipeline": None, "dagster": None})
        engine = connect(platform_url)
        generate(engine, learners=500, courses=8, responses=5_000)
        triggers.install(engine)
        sheets = stack.enter_context(LocalSheetsServer(quota="on", auth="service-account"))
        spreadsheet_id = sheets.create_spreadsheet("Learning platform")
        shutil.copyfile(sheets.credentials_file, folder / "key.json")
        alerts = Alerts()
        stack.callback(alerts.server.shutdown)
        port = free_port()
        for name in NOT_INHERITED:
            os.environ.pop(name, None)
        os.environ |= {
            "DATABASE_URL": platform_url,
            "PIPELINE_DATABASE_URL": own_server.url("pipeline"),
            "DAGSTER_POSTGRES_URL": own_server.url("dagster"),
            "SPREADSHEET_ID": spreadsheet_id,
            "SHEETS_API_ENDPOINT": sheets.endpoint,
            "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "key.json"),
            "SYNC_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
            "SYNC_HEALTH_CHECK_INTERVAL": str(HEALTH_SECONDS),
            "ALERT_URLS": alerts.url,
            "CONTROL_API_PORT": str(port),
            "LOCAL_DATA_DIR": str(folder / "data"),
            "DAGSTER_HOME": str(folder),
        }
        shutil.copyfile(ROOT / "dagster.yaml", folder / "dagster.yaml")
        services = Services(
            database_url=platform_url,
            pipeline_database_url=own_server.url("pipeline"),
            dagster_postgres_url=own_server.url("dagster"),
            sheets_api_endpoint=sheets.endpoint,
            spreadsheet_id=spreadsheet_id,
            spreadsheet_url="",
            credentials_file=folder / "key.json",
        )
        dagster = Stack(folder, load_settings(), services)
        stack.callback(
            lambda: end_family(dagster.mark, [one.pid for one in (dagster.daemon, dagster.code_server) if one])
        )
        dagster.start_daemon()
        with (folder / "serve.log").open("ab") as log:
            serve = subprocess.Popen(
                [_COMMAND, "serve"],
                cwd=ROOT,
                env={**os.environ, FAMILY_MARK: dagster.mark},
                stdout=log,
                stderr=log,
            )
        stack.callback(serve.wait)
        stack.callback(serve.terminate)
        learners = Learners(platform_url, 0.5)
        judge = Judge(services, engine)
        yield Ground(
            *(folder, platform, own, sheets, spreadsheet_id, alerts, dagster, judge),
            f"http://127.0.0.1:{port}/sync/status",
            learners,
        )


def wait_until_healthy(ground: Ground, seconds: float = 300) -> None:
    """Before the first failure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ground.status().get("health") == "healthy":
            return
        time.sleep(2)
    raise RuntimeError(f"Not healthy after {seconds:.0f} s; see {ground.folder / 'daemon.log'}: {ground.status()}")


def render(about: dict[str, Any], accounts: list[Account]) -> str:
    """The report as Markdown."""

    def seconds(value: float | None) -> str:
        return "-" if value is None else f"{value:.0f} s"

    lines = [
        "# Each failure, caused on the running system",
        "",
        f"Made by `python -m benchmarks.failures` on {about['date']}: {about['cores']} cores, {about['memory_gib']} GiB. "
        f"A full sync every {INTERVAL_SECONDS} s, health checked every {HEALTH_SECONDS} s, a submission every 2 s all the "
        "while, people's notes beside our columns. *Told* counts from the cause, *over* from when the cause was gone; "
        "*right* means that afterwards every row of every tab was what the database knows, once, and every note stood "
        "where it had stood.",
        "",
        "| failure | lasted | told by the API | by an alert | health | circuit | healthy again | alert that it is over | right |",
        "|---|---:|---:|---:|---|---|---:|---:|---|",
    ]
    lines += [
        f"| {a.name} | {seconds(a.lasted)} | {seconds(a.told_by_api)} | {seconds(a.told_by_alert)} | {a.health or 'healthy'} "
        f"| {a.circuit or 'closed'} | {seconds(a.over)} | {seconds(a.alert_over)} | {'yes' if a.right else 'NO: ' + a.what} |"
        for a in accounts
    ]
    lines += ["", "What people read:", ""]
    for account in accounts:
        if account.reason:
            lines += [
                f"**{account.name[0].upper()}{account.name[1:]}**",
                "",
                f"- Status and dashboard: {_one_line(account.reason)}",
                *(f"- later, after {_one_line(text)}" for text in account.later.values()),
                f"- `sheets-pipeline status`: {_one_line(account.cli)}",
                f"- Alert: {_one_line(account.alert) or 'none'}",
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def _one_line(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= 400 else f"{text[:399]}…"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failures", description=__doc__)
    parser.add_argument("--only", nargs="*", help="words in the names of failures; the report is then only printed")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="folder of the report")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    chosen = [f for f in FAILURES if not arguments.only or any(word in f.name for word in arguments.only)]
    if os.geteuid() != 0:
        chosen = [f for f in chosen if f.cause is not _fill_disk]
    about = machine()
    folder = Path(tempfile.mkdtemp(prefix="failures-"))
    try:
        with running_ground(folder) as ground:
            wait_until_healthy(ground)
            ground.write_notes()
            ground.learners.start()
            accounts = [go_through(ground, failure) for failure in chosen]
            ground.learners.stop()
            page = render(about, accounts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not arguments.only:
        (arguments.output / "failures.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
