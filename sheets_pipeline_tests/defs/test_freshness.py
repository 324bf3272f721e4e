"""Every tab's asset says when it is stale, whose it is, and where its code and its spreadsheet are."""

from datetime import timedelta

import dagster as dg
import pytest

from sheets_pipeline.definitions import defs
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.settings import load_settings

USERS = dg.AssetKey("user_profiles")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    for name in ("SYNC_INTERVAL_SECONDS", "SYNC_OWNERS", "SPREADSHEET_ID", "SHEETS_API_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


def spec_of(key: dg.AssetKey) -> dg.AssetSpec:
    [spec] = [spec for spec in defs().resolve_all_asset_specs() if spec.key == key]
    return spec


def test_a_tab_is_stale_after_two_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_INTERVAL_SECONDS", "600")
    expected = dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=1200), warn_window=timedelta(seconds=900))
    assert spec_of(USERS).freshness_policy == expected


def test_every_valid_interval_gives_a_valid_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in ("60", "86400"):
        monkeypatch.setenv("SYNC_INTERVAL_SECONDS", seconds)
        assert spec_of(USERS).freshness_policy


def test_owners_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(spec_of(USERS).owners) == []
    monkeypatch.setenv("SYNC_OWNERS", "team:data, ops@example.org")
    assert list(spec_of(USERS).owners) == ["team:data", "ops@example.org"]


def test_a_wrong_owner_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_OWNERS", "team:data,data people")
    with pytest.raises(SettingsError, match="'data people' is neither"):
        load_settings()


def test_the_asset_links_to_its_code_and_its_spreadsheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPREADSHEET_ID", "abc")
    spec = spec_of(USERS)
    [reference] = spec.metadata["dagster/code_references"].code_references
    assert reference.file_path.endswith("tabs/user_profiles.py")
    assert spec.metadata["spreadsheet"].value == "https://docs.google.com/spreadsheets/d/abc/edit"
    assert spec.tags["sheets_pipeline/tab"] == "UserProfiles"
