"""``python -m benchmarks.failures``: causes each failure on the running system, and looks at how it is told and ends.

The system stands as in production: the platform's database, the pipeline's and Dagster's database, and the spreadsheet
are servers of their own that nobody starts again but this program. Learners submit all the while, and people's notes
stand beside our columns. For each failure: when the control API, an alert and ``sheets-pipeline status`` tell it and
how; when it is over once the cause is gone; and whether the tabs are right and the notes
unharmed afterwards. Writes docs/measured/failures.md. Filling a disk needs root, for a small file system in memory.
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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from benchmarks.crashes import Learners
from benchmarks.environment import MEASURED, ROOT, output_folder
from benchmarks.ground import COMMAND, HEALTH_SECONDS, INTERVAL_SECONDS, Ground, running_ground, wait_until_healthy
from benchmarks.machine import machine
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.embedded.postgres import EmbeddedPostgres

_LONGEST_SEEING, _LONGEST_RECOVERY = 300.0, 420.0
#: A warning is no failure: after a minute of much work the quota is nearly used up, for example.
_FINE = ("healthy", "warning")


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
    with (ground.own.folder / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(b"\0" * 65_536)
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
    done = subprocess.run([COMMAND, "status"], cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return f"exit code {done.returncode}: {' '.join(lines[:2])}"


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
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
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
