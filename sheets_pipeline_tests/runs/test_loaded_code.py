"""Declarations that change while Dagster runs: syncs go on with what is loaded, and people are told to reload."""

import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster_shared.error import SerializableErrorInfo

from sheets_pipeline.components import declarations
from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.control import operations as operations_module
from sheets_pipeline.control.operations import Operations
from sheets_pipeline.defs.full_sync import request_full_sync
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.errors import UnknownTab
from sheets_pipeline.monitoring import status as status_module
from sheets_pipeline.monitoring.status import collect
from sheets_pipeline.runs import loaded_code
from sheets_pipeline.runs.loaded_code import LoadedCode, difference
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sync.health import Health
from sheets_pipeline_tests.components.test_broken_declarations import Declare, declare, module
from sheets_pipeline_tests.learning_platform import Platform

__all__ = ["declare"]


@pytest.mark.parametrize(
    ("on_disk", "says"),
    [
        ({"a.py": "1", "b.py": "2"}, None),
        ({"a.py": "1", "b.py": "2", "c.py": "3"}, "(new: c.py (Cats))"),
        ({"a.py": "1", "b.py": "9"}, "(changed: b.py (Birds, Bees))"),
        ({"a.py": "1"}, "(deleted: b.py (Birds, Bees))"),
        ({"a.py": "9", "d.yaml": "1"}, "(new: d.yaml; changed: a.py; deleted: b.py (Birds, Bees))"),
    ],
)
def test_what_differs_on_disk_is_named_with_its_tabs(on_disk: dict[str, str], says: str | None) -> None:
    loaded = LoadedCode({"a.py": "1", "b.py": "2"}, {"b.py": ["Birds", "Bees"]})
    told = difference(loaded, on_disk, {"c.py": ["Cats"]})
    assert (told is None) is (says is None)
    assert says is None or (told is not None and says in told and told.endswith("Reload the code location."))


def test_modules_added_and_deleted_while_dagster_runs_stop_no_tick_and_are_told(
    platform: Platform, declare: Declare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(loaded_code, "_noted", {})
    monkeypatch.setattr(status_module, "daemon_heard_at", lambda _instance: datetime.now(UTC))
    declare(old=module("Old one", "old"))
    kept = tab_assets()

    def requested() -> set[dg.AssetKey]:
        answer = request_full_sync(platform.instance, PipelineResource(), datetime(2026, 3, 1, tzinfo=UTC))
        assert isinstance(answer, dg.RunRequest), answer
        return set(answer.asset_selection or ())

    assert requested() == set(kept)
    assert collect(platform.instance, platform.pipeline).stale_code is None
    (tmp_path / "modules" / "old.py").unlink()
    (tmp_path / "modules" / "late.py").write_text(module("Late one", "late"))
    assert requested() == set(kept) - {dg.AssetKey("old")}
    current = collect(platform.instance, platform.pipeline)
    assert current.health is Health.WARNING
    assert current.stale_code
    assert "new: late.py; deleted: old.py (Old one)" in current.stale_code
    loaded_code.follow(platform.instance, platform.pipeline)  # not reloaded yet: all who show tabs go on as they are
    assert "Old one" in collect(platform.instance, platform.pipeline).tabs
    note_as_reloaded(platform)
    loaded_code.follow(platform.instance, platform.pipeline)
    current = collect(platform.instance, platform.pipeline)
    assert {"Old one", "Late one"} & set(current.tabs) == {"Late one"}
    assert current.stale_code is None


def test_the_control_api_knows_a_new_tab_once_the_code_location_is_reloaded(
    platform: Platform, declare: Declare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    declare(old=module("Old one", "old"))
    monkeypatch.setattr(operations_module, "STATUS_SHARED_SECONDS", 0)
    operations = Operations(load_settings(), lambda: platform.pipeline, platform.instance)
    assert "Old one" in operations.status().tabs
    (tmp_path / "modules" / "late.py").write_text(module("Late one", "late"))
    with pytest.raises(UnknownTab):
        operations.check_tab("Late one")
    note_as_reloaded(platform)
    operations.check_tab("Late one")  # with nobody looking at the status meanwhile
    (tmp_path / "modules" / "later.py").write_text(module("Later one", "later"))
    note_as_reloaded(platform)
    assert "Later one" in {tab_asset.tab.title for tab_asset in operations._chosen([])[0]}
    (tmp_path / "modules" / "old.py").unlink()
    note_as_reloaded(platform)
    assert {"Old one", "Late one"} & set(operations.status().tabs) == {"Late one"}


def test_a_source_beside_the_demos_tabs_is_told_and_known_once_the_code_location_is_reloaded(
    platform: Platform, declare: Declare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    declare(old=module("Old one", "old"))
    monkeypatch.chdir(tmp_path)
    operations = Operations(load_settings(), lambda: platform.pipeline, platform.instance)
    note_as_reloaded(platform)
    assert (operations.sources(), operations.stale_code()) == ([], None)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "law.yaml").write_text("sources: [{id: law, name: Law, url: abcdefghijklmnop}]")
    assert operations.sources() == []
    assert "(new: sources/law.yaml)" in (operations.stale_code() or "")
    note_as_reloaded(platform)
    assert [source.id for source in operations.sources()] == ["law"]
    assert operations.stale_code() is None


def note_as_reloaded(platform: Platform) -> None:
    """What a code server that has loaded the files on disk notes."""
    text = json.dumps({"files": declarations.files(), "titles": {}})
    platform.instance.daemon_cursor_storage.set_cursor_values({loaded_code._key(platform.pipeline): text})


def test_a_tick_that_fails_is_told(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_module, "daemon_heard_at", lambda _instance: datetime.now(UTC))
    target = LoadableTargetOrigin(module_name="sheets_pipeline.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, "sheets_pipeline")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "full_sync_schedule")
    state = InstigatorState(
        origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, ScheduleInstigatorData("* * * * *")
    )
    platform.instance.add_instigator_state(state)
    cause = SerializableErrorInfo("Ada Secret", [], "DagsterInvalidSubsetError", None)
    error = SerializableErrorInfo("why", [], "ScheduleExecutionError", cause)
    for at, (outcome, given) in enumerate([(TickStatus.SKIPPED, None), (TickStatus.FAILURE, error)]):
        platform.instance.create_tick(
            TickData(
                state.instigator_origin_id, state.instigator_name, state.instigator_type, outcome, at + 1.0,
                error=given, selector_id=state.selector_id,
            )
        )  # fmt: skip
    current = collect(platform.instance, platform.pipeline)
    assert current.health is Health.DEGRADED
    assert "full_sync_schedule failed with DagsterInvalidSubsetError" in current.reason
    assert "Secret" not in str(current.failed_ticks)


def test_a_code_server_that_was_away_is_told_from_an_error_in_the_code() -> None:
    away = loaded_code.tick_failure("overdue_full_sync", ["DagsterUserCodeUnreachableError", "_InactiveRpcError"])
    assert "did not answer" in away
    assert "RpcError" not in away
    assert "failed with ZeroDivisionError" in loaded_code.tick_failure(
        "s", ["SensorExecutionError", "ZeroDivisionError"]
    )
    assert "failed with an unexpected error" in loaded_code.tick_failure("s", [])
