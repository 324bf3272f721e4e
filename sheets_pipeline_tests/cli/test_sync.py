"""What ``sheets-pipeline sync`` tells people: rows set aside, refused deletes, dates, a title that no tab has."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sheets_pipeline.cli import output, run_sync
from sheets_pipeline.cli.main import main
from sheets_pipeline.errors import GuardRefused
from sheets_pipeline.settings import Settings
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import ColumnType
from sheets_pipeline.sync.titles import nearest, no_such_tab
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform"]

KNOWN = ["UserProfiles", "course_statistics", "Student progress", "Prüfungen"]


@pytest.mark.parametrize(
    ("title", "meant"),
    [
        ("userprofiles", "UserProfiles"),
        ("user_profiles", "UserProfiles"),
        ("UserProfile", "UserProfiles"),
        ("course-statistics", "course_statistics"),
        ("student", "Student progress"),
        ("Pruefungen", "Prüfungen"),
        ("zzz", None),
        ("", None),
        ("🎓", None),
    ],
)
def test_the_title_that_was_probably_meant_is_named(title: str, meant: str | None) -> None:
    assert nearest(title, KNOWN) == meant
    assert ("Did you mean" in no_such_tab(title, KNOWN)) is (meant is not None)


def test_of_many_titles_only_some_are_listed() -> None:
    assert no_such_tab("zzz", [f"tab {i}" for i in range(45)]).endswith(" and 25 more.")


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--json",)])
def test_a_title_that_no_tab_has_is_a_wrong_call_and_starts_nothing(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    result = CliRunner().invoke(main, ["sync", "--tab", "user profiles", *options])
    assert result.exit_code == 2
    assert "Did you mean 'UserProfiles'?" in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("cell", "kind", "shown"),
    [
        (46023, ColumnType.DATE, "2026-01-01"),
        (46023.5, ColumnType.DATETIME, "2026-01-01 12:00:00"),
        (46023.5, ColumnType.DECIMAL, 46023.5),
        ("soon", ColumnType.DATE, "soon"),
        (None, ColumnType.DATE, None),
        (True, ColumnType.DATE, True),
        (1e12, ColumnType.DATE, 1e12),
    ],
)
def test_dates_are_shown_as_dates(cell: Any, kind: ColumnType, shown: Any) -> None:
    assert output.shown(cell, kind) == shown


def test_a_plan_shows_dates_in_inserts_and_updates_and_lists_the_rows_of_a_refused_delete(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = SyncReport("T", rows=2, inserts=1, updates=1)
    plan.columns = {"id": ("C", ColumnType.INTEGER), "at": ("A", ColumnType.DATETIME)}
    plan.sample = [("insert", None, "9", "", None, [9, 46023.5]), ("update", 2, "7\x1f8", "A", 46023.5, 46024.5)]
    refused = GuardRefused("U", "25 of 30 rows would be deleted.")
    refused.deletes = tuple((row, f"k{row}\x1f7") for row in range(2, 27))
    plans: dict[str, Any] = {"T": plan, "U": refused}
    output.print_plans(plans)
    told = capsys.readouterr().out
    assert "'2026-01-01 12:00:00'" in told
    assert "row 2, key 7, 8  column A: '2026-01-01 12:00:00' → '2026-01-02 12:00:00'" in told
    assert "delete row 2, key k2, 7\n" in told
    assert "row 21, key k21, 7" in told
    assert "row 22" not in told
    assert "... and 5 more rows" in told
    found = output.plans_as_json(plans, 1.0)
    assert found["tabs"]["T"]["changes"][1]["new"] == "2026-01-02 12:00:00"
    assert found["tabs"]["T"]["changes"][1]["key"] == ["7", "8"]
    assert len(found["refused_deletes"]["U"]) == 25
    assert found["refused_deletes"]["U"][0] == {"row_number": 2, "key": ["k2", "7"]}


def test_a_sync_says_which_rows_were_set_aside_and_why(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with platform.engine.begin() as connection:
        connection.execute(sa.text("alter table users alter column full_name type text"))
        connection.execute(sa.text("update users set full_name = repeat('x', 50001) where id = 3"))
    monkeypatch.setattr(run_sync, "opened_instance", lambda: nullcontext(platform.instance))
    result = run_sync.run_sync(["UserProfiles"], None) | {"seconds": 1.0}
    [row] = result["tabs"]["UserProfiles"]["set_aside_rows"]
    assert row["key"] == "3"
    assert "50,001 characters" in row["reason"]
    output.print_sync(result)
    assert "set aside UserProfiles, key 3: full_name has 50,001 characters" in capsys.readouterr().out


def test_a_refused_sync_is_told_from_a_failed_one(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_sync, "opened_instance", lambda: nullcontext(platform.instance))

    def sync(*options: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(main, ["sync", "--tab", "quiz_responses", "--json", *options])
        told = json.loads(result.stdout)
        return result.exit_code, told["status"], told["errors"].get("quiz_responses", "")

    assert sync() == (0, "success", "")
    with platform.engine.begin() as connection:
        connection.execute(sa.text("delete from quiz_responses"))
    for options in ((), ("--dry-run",)):
        code, status, error = sync(*options)
        assert (code, status) == (1, "refused")
        assert "--allow-deletes 400" in error
    result = CliRunner().invoke(main, ["sync", "--tab", "quiz_responses"])
    assert (result.exit_code, "refused in " in result.stdout) == (1, True)
    with platform.engine.begin() as connection:
        connection.execute(sa.text("alter table quiz_responses rename to responses"))
    for options in ((), ("--dry-run",)):
        assert sync(*options)[:2] == (1, "failed")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Tab 'Orders': expected rows.", "Expected rows."),
        ("Tab 'Other': x", "Tab 'Other': x"),
        ("it is away", "it is away"),
    ],
)
def test_a_tab_is_named_once(message: str, shown: str) -> None:
    assert output._of_tab("Orders", message) == shown
