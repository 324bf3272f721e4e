"""Sources in Dagster: one run for all that is due, a partition and a data version for each, checks over all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sheets_pipeline.components import tab_asset
from sheets_pipeline.components.tab_asset import declared_sources
from sheets_pipeline.database import source_tasks
from sheets_pipeline.defs import sources as sources_module
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.sources import PARTITIONS, SOURCE_KEY, due_sources, sources
from sheets_pipeline.sources import reading as reading_module
from sheets_pipeline.sources.processing import process
from sheets_pipeline_tests.learning_platform import Platform, platform
from sheets_pipeline_tests.sources.kept import kept_in

__all__ = ["kept_in", "platform"]


@pytest.fixture
def declared(platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Platform]:
    """Two sources of one spreadsheet, and one that cannot be used."""
    monkeypatch.setattr(reading_module, "SETTLE_SECONDS", 0.01)
    (tmp_path / "sources").mkdir()
    for name, cells in (("people", "A:B"), ("scores", "D:E")):
        text = f"type: sheets_pipeline.Source\nattributes: {{id: {name}, url: {platform.spreadsheet_id}, range: 'A1:B9'}}\n"
        (tmp_path / "sources" / f"{name}.yaml").write_text(text.replace("A1:B9", cells))
    (tmp_path / "sources" / "wrong.yaml").write_text("type: sheets_pipeline.Source\nattributes: {id: wrong}\n")
    tab_asset.reload_tabs()
    put(platform, 2)
    yield platform
    monkeypatch.undo()
    tab_asset.reload_tabs()


MATERIALIZED, FAILED = "MATERIALIZED", "FAILED"


def status(platform: Platform) -> dict[str, str]:
    """How Dagster's page shows each partition."""
    names = ["people", "scores", "wrong"]
    partitions = dg.DynamicPartitionsDefinition(name=PARTITIONS)
    found = platform.instance.get_status_by_partition(SOURCE_KEY, names, partitions) or {}
    return {name: one.value if one else "missing" for name, one in found.items()}


def put(platform: Platform, score: int) -> None:
    rows = [["id", "name", "", "id", "score"], [1, "Ada", "", 1, score]]
    body = {"valueInputOption": "USER_ENTERED", "data": [{"range": "A1", "values": rows}]}
    platform.server.call("POST", f"/v4/spreadsheets/{platform.spreadsheet_id}/values:batchUpdate", body)


def look(platform: Platform) -> Any:
    with dg.build_sensor_context(instance=platform.instance) as context:
        return due_sources(context, pipeline=PipelineResource())


def run(platform: Platform, *, tags: dict[str, str] | None = None, **config: Any) -> dg.ExecuteInProcessResult:
    job = dg.Definitions(
        assets=sources().assets, jobs=[sources_module.source_sync], resources={"pipeline": PipelineResource()}
    ).resolve_job_def("source_sync")
    given = {"ops": {"read_sources": {"config": config}}}
    return job.execute_in_process(instance=platform.instance, raise_on_error=False, run_config=given, tags=tags)


def test_one_run_reads_all_that_is_due_and_tells_what_changed(kept_in: str, declared: Platform):
    asked = look(declared)
    assert len(asked.run_requests) == 1
    [added] = asked.dynamic_partitions_requests
    assert sorted(added.partition_keys) == ["people", "scores", "wrong"]
    declared.instance.add_dynamic_partitions(PARTITIONS, added.partition_keys)

    first = run(declared)
    assert not first.success  # of the one that cannot be used
    versions = {event.partition: event.materialization.tags["dagster/data_version"] for event in materialized(first)}
    assert versions.keys() == {"people", "scores"}
    assert status(declared) == {"people": MATERIALIZED, "scores": MATERIALIZED, "wrong": FAILED}
    assert "The next source is due at" in str(look(declared).skip_reason)

    put(declared, 3)
    for name in ("people", "scores"):
        source_tasks.ask(declared.pipeline.state, "", [name])
    second = run(declared)
    assert second.success
    [changed] = materialized(second)
    assert changed.partition == "scores"
    metadata = changed.materialization.metadata
    assert changed.materialization.tags["dagster/data_version"] != versions["scores"]
    assert (metadata["dagster/row_count"].value, metadata["version"].value) == (1, 2)
    assert "Ada" not in json.dumps([str(event) for event in second.all_events])
    checks = {one.check_name: one.passed for one in second.get_asset_check_evaluations()}
    assert checks == {
        "sources_can_be_read": False,  # wrong
        "columns_are_as_before": True,
        "sources_are_fresh": True,
        "row_counts_are_plausible": True,
    }


def test_a_version_that_was_stored_elsewhere_is_shown_by_the_next_run_once(declared: Platform):
    """By a command, or by a process that died before it said so."""
    opened = declared.pipeline
    process(opened, [one for one in declared_sources() if one.id == "people"])
    for partitions in (["people", "scores"], []):
        source_tasks.ask(opened.state, "", ["people", "scores"])
        assert sorted(event.partition for event in materialized(run(declared))) == partitions
    put(declared, 3)
    process(opened, [one for one in declared_sources() if one.id == "scores"])
    source_tasks.ask(opened.state, "", ["people", "scores"])
    [event] = materialized(run(declared))
    assert (event.partition, event.materialization.description) == ("scores", "Checked, unchanged.")


def materialized(result: dg.ExecuteInProcessResult) -> list[Any]:
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    return [_Event(event) for event in result.all_events if event.event_type is kind]


class _Event:
    def __init__(self, event: dg.DagsterEvent) -> None:
        self.materialization = event.step_materialization_data.materialization
        self.partition = self.materialization.partition


def test_by_hand_each_named_source_is_materialized(declared: Platform):
    run(declared, ids=["people"])
    again = run(declared, ids=["people"])
    [event] = materialized(again)
    assert event.materialization.description == "Checked, unchanged."
    assert event.materialization.metadata["changed"].value is False


def test_partitions_of_one_run_are_materialized_by_the_asset(declared: Platform):
    declared.instance.add_dynamic_partitions(PARTITIONS, ["people", "scores"])
    result = dg.materialize(
        [*sources().assets],  # type: ignore[misc]
        partition_key="people",
        instance=declared.instance,
        resources={"pipeline": PipelineResource()},
    )
    assert [event.partition for event in materialized(result)] == ["people"]
    assert declared.instance.get_latest_materialization_event(SOURCE_KEY) is not None


def test_a_source_whose_key_is_on_certain_hosts_is_read_by_a_run_of_theirs(
    declared: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "sources" / "wrong.yaml").unlink()
    (tmp_path / "sources" / "scores.yaml").write_text(
        f"type: sheets_pipeline.Source\nattributes: {{id: scores, url: {declared.spreadsheet_id}, range: 'D:E', credential: a}}\n"
        f"---\ntype: sheets_pipeline.Credential\nattributes: {{name: a, key_file: {declared.server.credentials_file}, hosts: school_a}}\n"
    )
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    tab_asset.reload_tabs()
    theirs = {"sheets_pipeline/hosts": "school_a"}
    asked = sorted(run_request.tags.get("sheets_pipeline/hosts", "") for run_request in look(declared).run_requests)
    assert asked == ["", "school_a"]
    assert run(declared).success  # it leaves the other one
    assert [dict(one.tags).get("sheets_pipeline/hosts") for one in look(declared).run_requests] == ["school_a"]
    failed = run(declared, ids=["scores"])  # by hand, on a host without the label
    assert "on hosts with the label 'school_a'" in str(failed.all_node_events)
    [opened] = declared.opened
    monkeypatch.setattr(opened, "settings", opened.settings.model_copy(update={"host_labels": "school_a"}))
    assert run(declared, tags=theirs).success  # asked for again by the one that failed
    assert not look(declared).run_requests


def test_a_project_without_sources_has_none_of_this(platform: Platform):
    found = sources()
    assert not (found.assets)
    assert not (found.sensors)
    assert not (found.jobs)
    assert not (found.asset_checks)
