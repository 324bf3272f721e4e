"""The doctor finds each thing that is wrong, says what to do, never hangs and never shows a secret."""

import dataclasses
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.cli.main import main
from sheets_pipeline.database import leases
from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.host_processes import sync_host_process
from sheets_pipeline.database.triggers import install
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.embedded.services import Services
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.monitoring import doctor_checks
from sheets_pipeline.monitoring.doctor import Check, Finding, Level, Result, examine, ok, secrets_in, warn
from sheets_pipeline.monitoring.doctor_checks import CHECKS
from sheets_pipeline.monitoring.doctor_dagster import hosts, served, workers
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.platform.demo import generate
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.settings import Settings, load_settings
from sheets_pipeline.sync.hosts import DAEMON, WORKS
from sheets_pipeline.sync.marks import Owner, owner_requests


def run(*checks: Check, secrets: tuple[str, ...] = ()) -> list[Result]:
    return list(examine(checks, None, lambda: secrets))


def raising(error: Exception) -> Any:
    def check(_facts: Any) -> Finding:
        raise error

    return check


# --- running checks ---------------------------------------------------------------------------------------------------


def test_checks_go_on_after_a_failure_and_those_that_need_it_are_skipped() -> None:
    results = run(
        Check("database", raising(DatabaseError("The database is away. Start it."))),
        Check("tables", lambda _: ok("there"), needs=("database",)),
        Check("rows", lambda _: ok("there"), needs=("tables",)),
        Check("clock", lambda _: ok("right")),
    )
    assert [result.finding.level for result in results] == ["fail", "skipped", "skipped", "ok"]
    assert results[0].finding.message == "The database is away. Start it."
    assert results[1].finding.message == "needs database"


def test_a_warning_stops_nothing() -> None:
    results = run(Check("a", lambda _: warn("odd", "look")), Check("b", lambda _: ok("fine"), needs=("a",)))
    assert [result.finding.level for result in results] == ["warn", "ok"]


def test_a_check_that_hangs_is_given_up_and_fails() -> None:
    forever = threading.Event()

    def hangs(_facts: Any) -> Finding:
        forever.wait(30)
        return ok("too late")

    began = time.monotonic()
    [result, after] = run(Check("slow", hangs, seconds=0.1), Check("next", lambda _: ok("fine")))
    assert time.monotonic() - began < 15
    assert result.finding.level is Level.FAIL
    assert "no answer within 0.1 s" in result.finding.message
    assert after.finding.level is Level.OK
    forever.set()


def test_a_broken_check_is_one_failure() -> None:
    [result, after] = run(Check("broken", raising(KeyError("x"))), Check("next", lambda _: ok("fine")))
    assert result.finding.level is Level.FAIL
    assert "unexpected KeyError" in result.finding.message
    assert after.finding.level is Level.OK


# --- secrets ----------------------------------------------------------------------------------------------------------


@example(password="verify-full")  # what is no secret as an option of a URL is one as its password
@given(password=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=6, max_size=30))
def test_a_password_is_struck_out_however_it_is_written(password: str) -> None:
    url = sa.URL.create("postgresql", "someone", password, "db.example.org", 5432, "name")
    written = url.render_as_string(hide_password=False)
    message = f"|{password}|{written}|{url.password}|"
    [result] = run(Check("a", raising(RuntimeError(message))), secrets=tuple(secrets_in(written)))
    assert password not in result.finding.message.replace("unexpected RuntimeError", "")
    assert written not in result.finding.message


def test_the_key_of_a_service_account_is_struck_out() -> None:
    key = json.dumps({"type": "service_account", "private_key": "-----BEGIN abcdefgh", "private_key_id": "deadbeef99"})
    [result] = run(Check("a", raising(RuntimeError("-----BEGIN abcdefgh deadbeef99"))), secrets=tuple(secrets_in(key)))
    assert "abcdefgh" not in result.finding.message
    assert "deadbeef99" not in result.finding.message


# --- the checks, on real servers --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sheets() -> Iterator[LocalSheetsServer]:
    with LocalSheetsServer(auth="service-account") as server:
        yield server


@pytest.fixture
def healthy(tmp_path: Path, sheets: LocalSheetsServer) -> Facts:
    """Facts of a platform and a spreadsheet where all is well."""
    url = f"sqlite:///{tmp_path}/platform.db"
    engine = connect(url)
    generate(engine, learners=3, responses=5)
    install(engine, WATCHED)
    install_state(engine)
    engine.dispose()
    facts = Facts()
    facts.settings = Settings(_env_file=None, local_data_dir=tmp_path)
    facts.services = Services(
        url, url, "", sheets.endpoint, sheets.create_spreadsheet("Doctor"), "http://x", sheets.credentials_file
    )
    return facts


def check(facts: Facts, *names: str, **changes: Any) -> dict[str, Finding]:
    """What these checks find, run in their order without what they need."""
    chosen = [dataclasses.replace(c, needs=(), **changes) for c in CHECKS if c.name in names]
    return {result.name: result.finding for result in examine(chosen, facts)}


OF_THE_DATABASE = ("platform database", "watched tables", "triggers", "database load", "pipeline tables", "pauses")
OF_GOOGLE = ("clock", "credentials", "spreadsheet", "owner", "writable")


def test_where_all_is_well_all_is_ok(healthy: Facts) -> None:
    findings = check(healthy, "disk space", "versions", *OF_THE_DATABASE, *OF_GOOGLE, "quota")
    assert {name: finding for name, finding in findings.items() if finding.level is not Level.OK} == {}
    assert "'Doctor'" in findings["spreadsheet"].message
    assert "locale" in findings["spreadsheet"].message


def test_a_spreadsheet_of_another_installation_is_told_with_the_remedy(
    healthy: Facts, sheets: LocalSheetsServer
) -> None:
    other = Owner("f9e8d7c6b5", "database 'staging' on staging.example.org", "2026-03-01 12:00:00 UTC")
    requests = owner_requests(other, healthy.services.spreadsheet_id, replaces=False)
    check(healthy, "pipeline tables", "credentials", "spreadsheet")
    healthy.client.write(":batchUpdate", body=orjson.dumps({"requests": requests}))
    finding = check(healthy, "pipeline tables", "credentials", "spreadsheet", "owner")["owner"]
    assert finding.level is Level.FAIL
    assert "'staging' on staging.example.org, since 2026-03-01" in finding.message
    assert "sync --take-over" in str(finding.remedy)


def test_looking_changes_nothing_in_the_spreadsheet(healthy: Facts, sheets: LocalSheetsServer) -> None:
    check(healthy, "credentials", "spreadsheet")
    before = healthy.client.read()
    assert check(healthy, "writable")["writable"].level is Level.OK
    assert healthy.client.read() == before


def test_missing_triggers_name_the_command(healthy: Facts) -> None:
    with connect(healthy.services.database_url).begin() as connection:
        name = connection.scalar(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1"))
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    finding = check(healthy, "platform database", "triggers")["triggers"]
    assert finding.level is Level.FAIL
    assert str(name) in finding.message
    assert "sheets-pipeline db install" in finding.remedy


def test_a_column_that_triggers_cannot_read_is_named_and_not_said_to_be_mended_by_installing(healthy: Facts) -> None:
    with connect(healthy.services.database_url).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users RENAME COLUMN email TO email_address")
    install(connect(healthy.services.database_url), WATCHED)
    finding = check(healthy, "platform database", "triggers")["triggers"]
    assert finding.level is Level.FAIL
    assert "users.email is missing" in finding.message
    assert "db install" not in finding.remedy


def test_missing_tables_are_named(healthy: Facts) -> None:
    with connect(healthy.services.database_url).begin() as connection:
        connection.exec_driver_sql("DROP TABLE course_completions")
    finding = check(healthy, "platform database", "watched tables")["watched tables"]
    assert finding.level is Level.FAIL
    assert "course_completions" in finding.message


def test_a_spreadsheet_that_is_not_there_is_a_failure_with_a_remedy(healthy: Facts) -> None:
    healthy.services = dataclasses.replace(healthy.services, spreadsheet_id="no-such-spreadsheet-at-all")
    finding = check(healthy, "credentials", "spreadsheet")["spreadsheet"]
    assert finding.level is Level.FAIL
    assert "SPREADSHEET_ID" in finding.message


def test_a_spreadsheet_that_is_shared_for_reading_only_is_not_writable(
    healthy: Facts, sheets: LocalSheetsServer
) -> None:
    spreadsheet_id = sheets.create_spreadsheet("Read only", share=False)
    sheets.share(spreadsheet_id, sheets.account_email, "reader")
    healthy.services = dataclasses.replace(healthy.services, spreadsheet_id=spreadsheet_id)
    findings = check(healthy, "credentials", "spreadsheet", "writable")
    assert findings["spreadsheet"].level is Level.OK
    assert findings["writable"].level is Level.FAIL
    assert "Editor" in findings["writable"].message


def test_a_key_that_was_deleted_is_a_failure_with_a_remedy(healthy: Facts, tmp_path: Path) -> None:
    key = json.loads(Path(str(healthy.services.credentials_file)).read_text())
    key["client_email"] = "nobody@nowhere.iam.gserviceaccount.com"
    (tmp_path / "key.json").write_text(json.dumps(key))
    healthy.services = dataclasses.replace(healthy.services, credentials_file=tmp_path / "key.json")
    finding = check(healthy, "credentials")["credentials"]
    assert finding.level is Level.FAIL
    assert "nobody@nowhere" in finding.message
    assert "create a new key" in finding.message


def test_a_silent_host_is_told_as_a_warning_and_as_a_failure_where_nobody_does_its_work(healthy: Facts) -> None:
    assert (
        check(healthy, "pipeline tables", "hosts")["hosts"].message
        == "none runs a daemon or worker of `sheets-pipeline`"
    )
    values = {"role": DAEMON, "process": "", "state": WORKS, "code": "v1", "since": 0.0}
    with healthy.state.begin() as connection:
        now = database_time(connection)
        for host, ago in (("one", 1), ("two", 90)):
            connection.execute(sync_host_process.insert().values(id=host, host=host, heard_at=now - ago, **values))
    found = hosts(healthy)
    assert (found.level, found.message.partition(" since")[0]) == (
        Level.WARN,
        "Host two is silent: nothing was heard of its daemon",
    )
    with healthy.state.begin() as connection:
        connection.execute(sync_host_process.delete().where(sync_host_process.c.host == "one"))
    found = hosts(healthy)
    assert (found.level, found.remedy.partition(" (")[0]) == (Level.FAIL, "Start `sheets-pipeline daemon`")
    with healthy.state.begin() as connection:
        connection.execute(sync_host_process.delete())


def test_a_broker_that_the_launcher_does_not_use_is_told(healthy: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers(healthy).message == "runs are executed on one host (CELERY_BROKER_URL is not set)"
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    healthy.settings = load_settings()
    found = workers(healthy)
    assert (found.level, found.message.partition(":")[0]) == (
        Level.WARN,
        "CELERY_BROKER_URL is set, and dagster.yaml names no CeleryHostsRunLauncher",
    )


def test_a_pause_is_told(healthy: Facts) -> None:
    leases.take(connect(healthy.services.pipeline_database_url), "web-1", 60)
    finding = check(healthy, "pipeline tables", "pauses")["pauses"]
    assert finding.level is Level.WARN
    assert "web-1" in finding.message


def test_a_wrong_clock_is_told(healthy: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    for off, level in ((60, Level.WARN), (-600, Level.FAIL)):
        monkeypatch.setattr(time, "time", lambda off=off: real() + off)
        assert check(healthy, "clock")["clock"].level is level
    finding = check(healthy, "platform database")["platform database"]
    assert "its clock is" in finding.message


def test_little_quota_and_quota_beyond_googles_are_told(healthy: Facts) -> None:
    check(healthy, "credentials", "pipeline tables")
    few = Settings(_env_file=None, sheets_reads_per_minute=3)
    many = Settings(_env_file=None, sheets_writes_per_minute=400)
    healthy.settings = few
    assert "SHEETS_READS_PER_MINUTE" in check(healthy, "quota")["quota"].remedy
    healthy.settings = many
    healthy.services = dataclasses.replace(healthy.services, sheets_api_endpoint=None)
    assert "SHEETS_WRITES_PER_MINUTE" in check(healthy, "quota")["quota"].remedy


def test_a_full_disk_is_a_failure(healthy: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 50 * 1024**2})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert check(healthy, "disk space")["disk space"].level is Level.FAIL


def test_a_database_server_without_room_is_a_failure(healthy: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor_checks, "why_disk_is_full", lambda _engine: "The database x has no room left on its disk."
    )
    findings = check(healthy, "platform database", "pipeline tables")
    assert {finding.level for finding in findings.values()} == {Level.FAIL}
    assert "no room left" in findings["pipeline tables"].message


def test_a_database_host_that_accepts_and_says_nothing_does_not_hang_the_doctor(healthy: Facts) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://someone:correct-horse@127.0.0.1:{silent.getsockname()[1]}/name"
        healthy.services = dataclasses.replace(healthy.services, database_url=url)
        findings = check(healthy, "platform database", seconds=0.5)
        findings |= check(healthy, "clock")
    assert findings["platform database"].level is Level.FAIL
    assert "no answer within 0.5 s" in findings["platform database"].message
    assert findings["clock"].level is Level.OK


# --- the command ------------------------------------------------------------------------------------------------------

SECRETS = {"password": "correct-horse-1", "token": "battery-staple-2", "alert": "webhook-secret-3"}


def test_the_command_reports_all_as_json_ends_with_1_on_failure_and_shows_no_secret(
    tmp_path: Path, sheets: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    dead = f"postgresql://someone:{SECRETS['password']}@127.0.0.1:1/name"
    values = {
        "DATABASE_URL": f"{dead}?sslpassword={SECRETS['token']}",
        "PIPELINE_DATABASE_URL": dead,
        "DAGSTER_POSTGRES_URL": dead,
        "SPREADSHEET_ID": sheets.create_spreadsheet("Doctor"),
        "SHEETS_API_ENDPOINT": sheets.endpoint,
        "GOOGLE_APPLICATION_CREDENTIALS": str(sheets.credentials_file),
        "CONTROL_API_TOKEN": SECRETS["token"],
        "ALERT_URLS": f"json://user:{SECRETS['alert']}@127.0.0.1:1/",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert load_settings().database_url is not None
    done = CliRunner().invoke(main, ["doctor", "--json"])
    assert done.exit_code == 1, done.output
    report = json.loads(done.stdout)
    levels = {line["name"]: line["level"] for line in report["checks"]}
    assert report["ok"] is False
    assert [levels[name] for name in ("platform database", "pipeline tables", "dagster storage")] == ["fail"] * 3
    assert levels["triggers"] == "skipped"
    assert levels["writable"] == "ok"
    assert all(line["message"] for line in report["checks"])
    text = CliRunner().invoke(main, ["doctor"]).output
    assert "skipped triggers" in text
    for secret in SECRETS.values():
        assert secret not in done.output + text


def test_each_check_stands_behind_those_that_it_needs() -> None:
    seen: set[str] = set()
    for one in CHECKS:
        assert set(one.needs) <= seen, one.name
        assert one.name not in seen
        seen.add(one.name)


@pytest.mark.parametrize(
    ("taken", "level", "text"),
    [
        pytest.param({}, "fail", "no worker takes all runs of this code (v1)", id="nobody answers"),
        pytest.param({"a": ("v0",)}, "fail", "1 with other code or declarations", id="other code"),
        pytest.param(
            {"a": ("v1",)}, "fail", "no worker serves the hosts 'school' (credential 'teacher')", id="no host"
        ),
        pytest.param({"a": ("v1.at.school",)}, "fail", "no worker takes all runs", id="nobody for all others"),
        pytest.param({"a": ("v1",), "b": ("v1", "v1.at.school")}, "ok", "2 take runs, 1 those of 'school'", id="well"),
    ],
)
def test_whether_workers_serve_all_hosts_is_told(taken: dict[str, tuple[str, ...]], level: Level, text: str) -> None:
    queues = {
        node: [f"sheets_pipeline.{one}.{kind}" for one in of for kind in ("events", "runs")]
        for node, of in taken.items()
    }
    finding = served(queues, "v1", {"school": "teacher"})
    assert finding.level == level
    assert text in finding.message
