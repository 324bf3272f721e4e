"""Checks tell what is wrong with a tab, and what to do, from what its last full sync saw."""

from typing import Any

import dagster as dg
import pytest

from sheets_pipeline.defs import checks
from sheets_pipeline.defs.checks import Verdict
from sheets_pipeline_tests.defs.test_jobs import COURSES, USERS, fill, run
from sheets_pipeline_tests.learning_platform import Platform

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize("judge", checks.JUDGES, ids=lambda judge: judge.__name__)
def test_a_tab_with_nothing_to_tell_passes_every_check(judge: checks.Judge) -> None:
    seen = {"rows_in_database": 5, "rows_in_tab": 5, "set_aside": 0, "created": True}
    assert judge(seen).problem is None


@pytest.mark.parametrize(
    ("judge", "seen", "severity", "says"),
    [
        pytest.param(
            checks.header_intact, {"renamed_columns": {"email": "Mail"}}, WARN, "Rename them back", id="renamed"
        ),
        pytest.param(checks.header_intact, {"released_columns": ["Mail"]}, WARN, "struck out", id="released"),
        pytest.param(checks.keys_stand_once, {"stray_rows": [2, 3]}, WARN, "lost their key", id="strays"),
        pytest.param(
            checks.row_count_equal,
            {"rows_in_database": 5, "rows_in_tab": 4, "set_aside": 1},
            WARN,
            "set aside",
            id="one set aside",
        ),
        pytest.param(
            checks.row_count_equal,
            {"rows_in_database": 5, "rows_in_tab": 7, "doubled_keys": {"3": [4, 9, 10]}},
            WARN,
            "copied",
            id="copies",
        ),
        pytest.param(
            checks.row_count_equal,
            {"rows_in_database": 5, "rows_in_tab": 4, "set_aside": 0},
            ERROR,
            "gave 5 rows, the tab shows 4",
            id="no explanation",
        ),
        pytest.param(checks.no_drift, {"drift_cells": 1, "drift_rows": 0}, WARN, "changed 1 cells", id="edited"),
        pytest.param(checks.no_drift, {"drift_cells": 0, "drift_rows": 2}, WARN, "deleted 2 rows", id="deleted"),
        pytest.param(
            checks.no_drift, {"created": True, "was_there_before": True}, WARN, "Version history", id="made anew"
        ),
        pytest.param(checks.within_limits, {"spreadsheet_cells": 8_000_000}, WARN, "8,000,000 of", id="cells"),
        pytest.param(checks.within_limits, {"spreadsheet_cells": 9_600_000}, ERROR, "empty rows", id="no room"),
        pytest.param(checks.within_limits, {"spreadsheet_tabs": 170}, WARN, "170 of 200 tabs", id="tabs"),
        pytest.param(checks.within_limits, {"long_texts": {"bio": 45_000}}, WARN, "45,000 of 50,000", id="long text"),
        pytest.param(checks.all_rows_are_written, {"set_aside": 2}, WARN, "2 rows are not in the tab", id="set aside"),
        pytest.param(checks.no_row_returns, {"returned_rows": 2}, WARN, "restore them in the database", id="back"),
        pytest.param(checks.keys_stand_once, {"doubled_keys": {"3": [4, 9]}}, WARN, "copies", id="doubled"),
    ],
)
def test_a_problem_is_told_with_its_remedy(
    judge: checks.Judge, seen: dict[str, Any], severity: dg.AssetCheckSeverity, says: str
) -> None:
    verdict = judge(seen)
    assert verdict.problem is not None
    assert says in verdict.problem
    assert verdict.severity == severity


def evaluations(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {
        (check.asset_key.to_user_string(), check.check_name): check for check in result.get_asset_check_evaluations()
    }


def test_checks_run_with_a_full_sync_and_by_themselves_without_a_request(platform: Platform) -> None:
    fill(platform)
    gid = platform.server.call("GET", f"/v4/spreadsheets/{platform.spreadsheet_id}?fields=sheets.properties")["sheets"]
    assert {sheet["properties"]["title"] for sheet in gid} >= {"UserProfiles"}
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}/values/UserProfiles!C2:C3?valueInputOption=RAW"
    platform.server.call("PUT", path, {"values": [["mine"], ["mine, too"]]})
    made = evaluations(run(platform, "full_sync", asset_selection=[USERS, COURSES]))
    assert {name for _, name in made} >= {judge.__name__ for judge in checks.JUDGES}
    drifted = made["user_profiles", "no_drift"]
    assert not drifted.passed
    assert drifted.metadata["drift_cells"].value == 2
    assert made["user_profiles", "row_count_equal"].passed
    assert made["course_statistics", "no_drift"].passed
    platform.server.reset_stats()
    again = evaluations(run(platform, "tab_checks"))
    assert not again["user_profiles", "no_drift"].passed
    assert platform.server.stats()["totals"]["reads"] == 0


def test_a_full_sync_is_judged_however_many_event_syncs_came_since(platform: Platform) -> None:
    fill(platform)
    for _ in range(3):
        platform.instance.report_runless_asset_event(
            dg.AssetMaterialization(USERS, metadata={"sync": "events", "set_aside": 0})
        )
    last = checks.last_full_sync(platform.instance, USERS)
    assert last is not None
    assert last[0]["rows_in_tab"] == 60


def test_a_tab_that_people_deleted_is_told_once_it_is_made_anew(platform: Platform) -> None:
    first = evaluations(run(platform, "full_sync", asset_selection=[USERS, COURSES]))
    assert first["user_profiles", "no_drift"].passed
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}"
    sheets = platform.server.call("GET", f"{path}?fields=sheets.properties")["sheets"]
    [gid] = [sheet["properties"]["sheetId"] for sheet in sheets if sheet["properties"]["title"] == "UserProfiles"]
    platform.server.call("POST", f"{path}:batchUpdate", {"requests": [{"deleteSheet": {"sheetId": gid}}]})
    second = evaluations(run(platform, "full_sync", asset_selection=[USERS, COURSES]))
    assert "made anew" in str(second["user_profiles", "no_drift"].description)
    assert second["course_statistics", "no_drift"].passed


def test_a_doubled_header_breaks_its_check_though_the_sync_failed(platform: Platform) -> None:
    fill(platform)
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}/values/UserProfiles!N1?valueInputOption=RAW"
    platform.server.call("PUT", path, {"values": [["email"]]})
    result = run(platform, "full_sync", asset_selection=[USERS])
    assert not result.success
    [broken] = checks.broken_checks(platform.instance, result.run_id)
    assert (broken.asset_key, broken.check_name, broken.passed) == (USERS, "header_intact", False)
    assert "Rename the column that is not" in str(broken.description)
    platform.instance.report_runless_asset_event(broken)
    key = dg.AssetCheckKey(USERS, "header_intact")
    [record] = platform.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.status.value == "FAILED"


def test_a_tab_that_was_never_synced_passes_no_check(platform: Platform) -> None:
    made = evaluations(run(platform, "tab_checks"))
    names = {judge.__name__ for judge in checks.JUDGES}
    assert not any(check.passed for (_, name), check in made.items() if name in names)
    assert "Start the job full_sync" in str(made["user_profiles", "no_drift"].description)


def test_a_verdict_without_problem_passes() -> None:
    assert checks.result_of("no_drift", Verdict()).passed
