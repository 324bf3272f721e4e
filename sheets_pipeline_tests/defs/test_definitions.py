"""Everything that shows in the Dagster UI loads, and is on by default."""

import dagster as dg
import pytest

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.definitions import defs
from sheets_pipeline.errors import SettingsError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    for name in ("SYNC_INTERVAL_SECONDS", "SYNC_ENABLE_USER_PROFILES", "SYNC_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)


def test_all_definitions_load_without_any_service() -> None:
    dg.Definitions.validate_loadable(defs())


def test_schedule_and_sensors_are_on_by_default() -> None:
    loaded = defs()
    schedule = loaded.resolve_schedule_def("full_sync_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "*/5 * * * *"
    for name in ("pending_events", "overdue_full_sync", "tab_UserProfiles"):
        assert loaded.resolve_sensor_def(name).default_status == dg.DefaultSensorStatus.RUNNING


def test_the_interval_and_the_retries_follow_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_INTERVAL_SECONDS", "3600")
    monkeypatch.setenv("SYNC_MAX_RETRIES", "7")
    loaded = defs()
    assert loaded.resolve_schedule_def("full_sync_schedule").cron_schedule == "0 * * * *"
    assert loaded.resolve_job_def("full_sync").tags["dagster/max_retries"] == "7"


def test_a_tab_that_is_switched_off_is_not_in_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_ENABLE_USER_PROFILES", "false")
    keys = defs().resolve_job_def("full_sync").asset_layer.executable_asset_keys
    assert dg.AssetKey("user_profiles") not in keys
    assert dg.AssetKey("course_statistics") in keys


def test_a_wrong_setting_stops_the_load_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_INTERVAL_SECONDS", "420")
    with pytest.raises(Exception, match="nearest valid values are 360 or 600") as caught:
        defs()
    assert isinstance(caught.value, SettingsError) or isinstance(caught.value.__cause__, SettingsError)


@pytest.mark.parametrize("found", tab_assets().values(), ids=lambda found: found.tab.title)
def test_every_tab_is_described(found: object) -> None:
    spec = found.asset.get_asset_spec()  # type: ignore[attr-defined]
    assert spec.description
    assert spec.group_name == "google_sheets"
    schema = spec.metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns] == [c.name for c in found.tab.columns]  # type: ignore[attr-defined]


def test_watched_tables_stand_upstream_of_their_tabs_and_are_nobodys_to_run() -> None:
    loaded = defs()
    graph = loaded.resolve_asset_graph()
    users = graph.get(dg.AssetKey(["database", "users"]))
    assert {"user_profiles", "quiz_responses"} <= {key.path[-1] for key in users.child_keys}
    assert (users.is_executable, users.is_external) == (False, True)
    assert users.metadata["dagster/table_name"] == "users"
    assert "users" in (users.description or "")
    keys = loaded.resolve_job_def("full_sync").asset_layer.executable_asset_keys
    assert keys == {found.key for found in tab_assets().values()}


def test_a_full_sync_begins_with_the_tabs_that_stand_first() -> None:
    nodes = defs().resolve_job_def("full_sync").nodes
    priority = {node.name: int(node.definition.tags.get("dagster/priority", "0")) for node in nodes}
    tabs = sorted(
        (name for name in priority if name in {key.path[-1] for key in tab_assets()}), key=lambda name: -priority[name]
    )
    assert tabs == ["user_profiles", "course_statistics", "transcript_requests", "quiz_responses"]
