"""The commands ``sheets-pipeline source``."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from pyarrow import parquet

from sheets_pipeline.cli import run_sources
from sheets_pipeline.cli.main import main
from sheets_pipeline.cli.source_output import write_table
from sheets_pipeline.components import tab_asset
from sheets_pipeline.defs.sources import SOURCE_KEY
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.sources import reading as reading_module
from sheets_pipeline.sources.api import Table
from sheets_pipeline.sources.content import SourceColumn
from sheets_pipeline.sources.store import Version
from sheets_pipeline.sync.source import CellType
from sheets_pipeline_tests.learning_platform import Platform, platform
from sheets_pipeline_tests.sources.kept import kept_in
from sheets_pipeline_tests.sources.test_api import CONFIG
from sheets_pipeline_tests.sources.test_processing import put

__all__ = ["kept_in", "platform"]


@pytest.fixture
def ground(platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Platform]:
    """A project with the source ``policies``, and the tab that it reads."""
    monkeypatch.setattr(reading_module, "SETTLE_SECONDS", 0.01)
    opened = platform.pipeline
    monkeypatch.setattr(Pipeline, "open", classmethod(lambda _: opened))
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "all.yaml").write_text(CONFIG.format(id=platform.spreadsheet_id))
    tab_asset.reload_tabs()
    put(platform, [["policy", "days", "since"], ["GDPR", 30, "2018-05-25"], ["'=SOX", 7.5, ""]])
    yield platform
    monkeypatch.undo()
    tab_asset.reload_tabs()


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["source", *words])


def read(*words: str) -> Any:
    result = call(*words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


FILE = ("--config", "sources/all.yaml")


def test_a_file_of_sources_is_processed_looked_at_compared_and_cleaned_up(kept_in: str, ground: Platform):
    [task] = read("process", "sources/all.yaml", "--source-ids", "policies", "--max-workers", "2", "--json")
    assert (task["state"], task["rows"], task["changed"]) == ("completed", 2, True)
    put(ground, [["policy", "days", "since"], ["GDPR", 14, "2018-05-25"]])
    assert "1 changed, 0 failed" in call("process", "sources/all.yaml", "--verbose").output
    assert [one["source"] for one in read("status", *FILE, "--json")] == ["policies"]
    assert read("status", "--task-id", task["task_id"], "--json") == [task]
    assert "version 2" in call("status", "--source-id", "policies").output
    found = read("diff", "policies", task["content_hash"][:10], *FILE, "--json")
    assert (found["changed"], found["deleted"], found["inserted"]) == (1, 1, 0)
    assert found["rows"][0]["cells"] == [{"column": "days", "before": 30, "after": 14}]
    assert "days: 30 → 14" in call("diff", "policies", task["content_hash"], *FILE).output
    words = ("restore", "policies", task["content_hash"][:10], "--tab", "Policies of then", *FILE)
    assert "2 inserts" in call(*words, "--dry-run").output
    assert read(*words, "--json")["inserts"] == 2
    assert [row[0] for row in ground.values("Policies of then!A1:A9")] == ["policy", "GDPR", "=SOX"]
    assert read("data", "policies", "--search", "gdpr", "--format", "json", *FILE)[0]["days"] == 14
    assert len(read("data", "policies", "--content-hash", task["content_hash"], "--format", "json", *FILE)) == 2
    limited = Path("sources/all.yaml")
    limited.write_text(limited.read_text() + "    keep_versions: 1\n")
    assert read("cleanup", "--max-age-hours", "0", *FILE, "--json") == {"tasks": 1, "versions": 1}
    assert "no version" in call("data", "policies", "--content-hash", task["content_hash"], *FILE).stderr
    is_postgresql = sa.inspect(ground.pipeline.state).has_table("sheet_source_version")
    assert is_postgresql == (kept_in == "postgresql")


def test_rows_are_printed_in_each_format(ground: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    read("process", "sources/all.yaml", "--json")
    rows = read("data", "policies", "--format", "json")
    assert rows[0] == {"policy": "GDPR", "days": 30, "since": "2018-05-25"}
    lines = list(csv.reader(io.StringIO(call("data", "policies", "--format", "csv").stdout)))
    assert lines[:2] == [["policy", "days", "since"], ["GDPR", "30", "2018-05-25"]]
    assert "1 of 2 rows" in call("data", "policies", "--limit", "1").output
    assert len(read("data", "policies", "--search", "gdpr", "--format", "json")) == 1
    assert call("data", "policies", "--format", "csv", "-o", str(tmp_path / "a.csv")).exit_code == 0
    assert (tmp_path / "a.csv").read_text().startswith("policy,days")
    assert call("data", "policies", "--format", "parquet", "-o", str(tmp_path / "a.parquet")).exit_code == 0
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist()[0] == {
        "policy": "GDPR",
        "days": 30,
        "since": date(2018, 5, 25),
    }
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    missing = call("data", "policies", "--format", "parquet", "-o", "x.parquet")
    assert missing.exit_code == 1
    assert "pip install 'sheets-pipeline[parquet]'" in missing.stderr


def test_parquet_holds_every_type_and_texts_of_what_it_has_none_for(tmp_path: Path):
    cells: dict[str, tuple[CellType, list[Any], list[Any]]] = {
        "integer": (CellType.INTEGER, [1, None, -(2**40)], [1, None, -(2**40)]),
        "huge": (CellType.INTEGER, [1, 10**30, None], ["1", str(10**30), None]),
        "decimal": (CellType.DECIMAL, [Decimal(1), Decimal("1.25"), None], [Decimal(1), Decimal("1.25"), None]),
        "boolean": (CellType.BOOLEAN, [True, None, False], [True, None, False]),
        "date": (
            CellType.DATE,
            [date(2026, 1, 2), None, date(1899, 12, 30)],
            [date(2026, 1, 2), None, date(1899, 12, 30)],
        ),
        "datetime": (CellType.DATETIME, 3 * [datetime(2026, 1, 2, 3, 4, 5)], 3 * [datetime(2026, 1, 2, 3, 4, 5)]),
        "time": (CellType.TIME, 3 * [time(3, 4)], 3 * [time(3, 4)]),
        "mixed": (CellType.MIXED, [1, "a", True], ["1", "a", "true"]),
        "empty": (CellType.EMPTY, 3 * [None], 3 * [None]),
        "text": (CellType.TEXT, ["007", "😀", "=1"], ["007", "😀", "=1"]),
    }
    columns = tuple(SourceColumn(name, name, kind) for name, (kind, _, _) in cells.items())
    version = Version("s", 1, "0" * 64, columns, 3, datetime.now(UTC))
    rows = list(zip(*(given for _, given, _ in cells.values()), strict=True))
    write_table(Table(version, rows), "parquet", tmp_path / "all.parquet")
    assert parquet.read_table(tmp_path / "all.parquet").to_pydict() == {
        name: expected for name, (_, _, expected) in cells.items()
    }


def test_sources_of_the_project_are_read_as_a_run_of_dagsters(ground: Platform, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run_sources, "opened_instance", lambda: nullcontext(ground.instance))
    said = call("process", "--json")
    assert "DEBUG" not in said.stderr
    [task] = json.loads(said.stdout)
    run_id, _, source = task["task_id"].partition(":")
    assert source == "policies"
    assert ground.instance.get_run_by_id(run_id) is not None
    event = ground.instance.get_latest_materialization_event(SOURCE_KEY)
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.tags == {"dagster/data_version": task["content_hash"]}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("process", "sources/all.yaml", "--source-ids", "policy"), 2, "Did you mean 'policies'?"),
        (("data", "policies"), 1, "Process it first"),
        (("data", "nothing"), 1, "lists the sources"),
        (("status", "--task-id", "run:policies"), 1, "there is no task"),
        (("status", "--task-id", "a", "--source-id", "b"), 2, "Give one of them"),
        (("status", "--source-id", "polices"), 2, "Did you mean"),
        (("process", "nowhere.yaml"), 2, "does not exist"),
        (("data", "policies", "--environment", "staging"), 1, "SOURCES_DATABASE_URL_STAGING"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_remedy(ground: Platform, words: tuple[str, ...], code: int, said: str):
    result = call(*words)
    assert (result.exit_code, said in result.output) == (code, True), result.output


def test_declarations_are_checked_without_reading(ground: Platform, tmp_path: Path):
    for folder in ((), (".",), ("sources",)):
        assert read("check", *folder, "--json")[0]["problem"] is None
    (tmp_path / "wrong.yaml").write_text(
        "type: sheets_pipeline.Source\nattributes: {id: a, url: https://example.org}\n"
    )
    wrong = call("check", "wrong.yaml")
    assert wrong.exit_code == 1
    assert "wrong.yaml, line 2" in wrong.output
