"""What ``benchmarks.scale`` runs on: PostgreSQL, Local Sheets and a list of spreadsheets with four tabs each.

Each credential has a key of its own, and each Google project so many of them, as teams have. Local Sheets answers after as
long as Google takes, and counts what arrives; it refuses nothing, so that the pipeline's own budgets are what holds.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy as sa

from benchmarks.environment import ROOT
from benchmarks.many_spreadsheets import LISTS, TAB
from benchmarks.own_postgres import own_postgres
from benchmarks.scale_plan import TABS, Plan
from benchmarks.stack import NOT_INHERITED
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.engine import connect

_CREDENTIAL = """\
type: sheets_pipeline.Credential
attributes: {{name: robot{number}, key_file: {path}}}
"""

_LIMITS = (
    "SHEETS_READS_PER_MINUTE",
    "SHEETS_WRITES_PER_MINUTE",
    "SHEETS_PROJECT_READS_PER_MINUTE",
    "SHEETS_PROJECT_WRITES_PER_MINUTE",
)


@dataclass(frozen=True)
class Ground:
    """The running servers."""

    folder: Path
    plan: Plan
    url: str
    engine: sa.Engine
    sheets: LocalSheetsServer
    #: Of each spreadsheet, in the order of its number.
    spreadsheet_ids: list[str]
    database_pid: int

    def processor_seconds(self) -> dict[str, float]:
        """What PostgreSQL and Local Sheets have used so far; sessions that ended are counted by the server's process."""
        return {
            "database": _family_seconds(psutil.Process(self.database_pid)),
            "sheets": _seconds(psutil.Process(self.sheets.pid)),
        }

    def transactions(self) -> int:
        """That the database has ended so far."""
        with self.engine.connect() as connection:
            query = "select sum(xact_commit + xact_rollback) from pg_stat_database"
            return int(connection.exec_driver_sql(query).scalar() or 0)

    def submit(self, numbers: list[int], score: int) -> None:
        """Give these learners a score, one transaction for each."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for number in numbers:
                connection.exec_driver_sql("update learner set score = %s, at = now() where id = %s", (score, number))
            connection.exec_driver_sql(
                "select pg_stat_force_next_flush()"
            )  # they count from now on, not a second later

    def learner(self, spreadsheet: int, row: int) -> int:
        """The key of a row, both counted from 0."""
        return spreadsheet + 1 + row * self.plan.spreadsheets


@contextmanager
def running_ground(plan: Plan, latency_seconds: float) -> Iterator[Ground]:
    """Servers, declarations and data; nothing is in the spreadsheets yet."""
    for setting in (*NOT_INHERITED, *_LIMITS):
        os.environ.pop(setting, None)
    with (
        own_postgres("scale", {"max_connections": "200"}) as (folder, server),
        LocalSheetsServer(auth="service-account", latency_ms=latency_seconds * 1000) as sheets,
    ):
        url = server.url("postgres")
        keys = [_key(sheets, number, plan) for number in range(plan.credentials)]
        _declare(folder, keys)
        shutil.copyfile(ROOT / "dagster.yaml", folder / "dagster.yaml")
        os.environ |= {
            "DATABASE_URL": url,
            "DAGSTER_POSTGRES_URL": url,
            "SPREADSHEET_ID": sheets.create_spreadsheet("Default"),
            "SHEETS_API_ENDPOINT": sheets.endpoint,
            "GOOGLE_APPLICATION_CREDENTIALS": str(sheets.credentials_file),
            "PROJECT_DIR": str(folder),
            "DAGSTER_HOME": str(folder),
            "LOCAL_DATA_DIR": str(folder / "data"),
            "SYNC_INTERVAL_SECONDS": "86400",  # the plan's full syncs are asked for, not waited for
        }
        engine = connect(url)
        spreadsheet_ids = _fill_database(engine, sheets, keys, plan)
        command = [str(Path(sys.executable).with_name("sheets-pipeline")), "db", "install"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        yield Ground(folder, plan, url, engine, sheets, spreadsheet_ids, _postmaster(folder))
        engine.dispose()


@contextmanager
def without_limits() -> Iterator[None]:
    """In this block the pipelines that are opened have all the quota that they want."""
    os.environ |= dict.fromkeys(_LIMITS, "100000")
    try:
        yield
    finally:
        for setting in _LIMITS:
            del os.environ[setting]


@contextmanager
def clocked(ground: Ground) -> Iterator[dict[str, float]]:
    """Seconds that pass in the block, processor seconds of each part, transactions of the database, requests."""
    result: dict[str, float] = {}
    before, transactions = ground.processor_seconds(), ground.transactions()
    ground.sheets.reset_stats()
    own, began = time.process_time(), time.monotonic()
    yield result
    result |= {"seconds": time.monotonic() - began, "pipeline": time.process_time() - own}
    result |= {part: seconds - before[part] for part, seconds in ground.processor_seconds().items()}
    result["transactions"] = ground.transactions() - transactions
    totals = ground.sheets.stats()["totals"]
    result |= {"reads": totals["reads"], "writes": totals["writes"]}


def _key(sheets: LocalSheetsServer, number: int, plan: Plan) -> Path:
    """A key of one of the projects; Local Sheets makes all of them in one."""
    path = sheets.add_account(f"robot{number}")
    key = json.loads(path.read_text()) | {"project_id": f"team-{number * plan.projects // plan.credentials}"}
    path.write_text(json.dumps(key))
    return path


def _declare(folder: Path, keys: list[Path]) -> None:
    (folder / "tabs").mkdir()
    documents = [LISTS, *(_CREDENTIAL.format(number=i, path=path) for i, path in enumerate(keys))]
    documents += [TAB.format(number=i) for i in range(1, TABS + 1)]
    (folder / "tabs" / "school.yaml").write_text("---\n".join(documents))


def _fill_database(engine: sa.Engine, sheets: LocalSheetsServer, keys: list[Path], plan: Plan) -> list[str]:
    emails = [json.loads(key.read_text())["client_email"] for key in keys]
    ids = []
    with engine.begin() as connection:
        connection.exec_driver_sql("create table course (id int primary key, sheet text, credential text)")
        connection.exec_driver_sql(
            "create table learner (id int primary key, course int, name text, score int, at timestamptz)"
        )
        for i in range(plan.spreadsheets):
            ids.append(sheets.create_spreadsheet(f"Course {i}"))
            sheets.share(ids[-1], emails[i % plan.credentials])
            values = (i, ids[-1], f"robot{i % plan.credentials}")
            connection.exec_driver_sql("insert into course values (%s, %s, %s)", values)
        connection.exec_driver_sql(
            f"insert into learner select i, mod(i - 1, {plan.spreadsheets}), 'Learner ' || i, 0, now() "
            f"from generate_series(1, {plan.spreadsheets * plan.rows}) i"
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze learner")
    return ids


def _postmaster(folder: Path) -> int:
    [pid_file] = folder.glob("postgres/**/postmaster.pid")
    return int(pid_file.read_text().split()[0])


def _family_seconds(process: psutil.Process) -> float:
    total = _seconds(process) + sum(process.cpu_times()[2:4])
    for child in process.children(recursive=True):
        try:
            total += _seconds(child)
        except psutil.NoSuchProcess:
            continue
    return total


def _seconds(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))
