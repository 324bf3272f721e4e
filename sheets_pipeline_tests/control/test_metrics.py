"""Metrics: what they count, and that the dashboard and alert rules of the docs name no others."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from sheets_pipeline.control.metrics import Metrics
from sheets_pipeline.database.history import SyncRecord
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.health import Health, QuotaUse, Status
from sheets_pipeline.sync.numbers import SyncNumbers
from sheets_pipeline_tests.control.stage import Stage

GRAFANA = Path(__file__).parents[2] / "docs" / "grafana"
_NAME = re.compile(r"sheets_pipeline_\w+")


def values(stage: Stage) -> dict[str, float]:
    """Samples by name and labels, as ``name{label=value,...}``."""
    result = {}
    for family in text_string_to_metric_families(stage.client.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            result[f"{sample.name}{{{labels}}}"] = sample.value
    return result


def test_each_sync_is_counted_once_and_removed_records_change_nothing(stage: Stage) -> None:
    key = "sheets_pipeline_syncs_total{kind=full,outcome=success,tab=UserProfiles}"
    failed = "sheets_pipeline_sync_errors_total{error=HeaderMismatch,tab=UserProfiles}"
    before = values(stage)
    stage.succeed("UserProfiles")
    stage.fail("UserProfiles")
    after = values(stage)
    assert after[key] == before[key] + 1
    assert after[failed] == before.get(failed, 0) + 2
    assert values(stage)[key] == after[key]
    stage.begin()
    assert values(stage)[key] == after[key] + 1


def test_rows_are_counted_by_what_became_of_them() -> None:
    metrics, later = Metrics(["orders"]), datetime.now(UTC) + timedelta(seconds=1)
    fields: dict[str, Any] = dict.fromkeys(SyncRecord._fields)
    fields |= {"id": 1, "tab": "orders", "kind": "full", "outcome": "success", "started_at": later, "ended_at": later}
    metrics.absorb([SyncRecord(**fields | {"numbers": SyncNumbers(inserts=3, updates=4, deletes=5)})])
    text = metrics.render(None).decode()
    for change, number in (("inserts", 3), ("updates", 4), ("deletes", 5)):
        assert f'sheets_pipeline_rows_changed_total{{change="{change}",tab="orders"}} {number}.0' in text


@pytest.mark.parametrize(("used", "left"), [(59, 1), (60, 0), (75, 0)])
def test_quota_left_is_never_below_nothing(used: int, left: int) -> None:
    """More than the limit may have been used: other processes had a higher one, or it was lowered."""
    queue: dict[str, Any] = {"pending_by_priority": {}, "oldest_seconds": None, "set_aside": 0}
    quota = [QuotaUse("read", used, 60), QuotaUse("write", 0, 60)]
    status = Status(Health.HEALTHY, "", Circuit(), None, {}, queue, quota, datetime.now(UTC))
    text = Metrics([]).render(status).decode()
    assert f'sheets_pipeline_quota_left_requests{{kind="read"}} {left}.0' in text
    assert 'sheets_pipeline_quota_left_requests{kind="write"} 60.0' in text


def test_gauges_tell_the_state_of_the_moment(stage: Stage) -> None:
    list(submit_quizzes(stage.pipeline.platform, 2, 100))
    stage.fail("UserProfiles")
    stage.post("/sync/pause", seconds=60)
    stage.hear(one=1, two=90)
    now = values(stage)
    assert now["sheets_pipeline_tab_health{tab=UserProfiles}"] == 2
    assert now["sheets_pipeline_tab_consecutive_failures{tab=UserProfiles}"] == 2
    assert now["sheets_pipeline_paused{}"] == 1
    assert [now[f"sheets_pipeline_host_works{{host={host},role=worker}}"] for host in ("one", "two")] == [1, 0]
    assert 90 <= now["sheets_pipeline_host_silent_seconds{host=two,role=worker}"] < 120
    assert now["sheets_pipeline_circuit_state{state=closed}"] == 1
    assert sum(value for name, value in now.items() if name.startswith("sheets_pipeline_queue_events")) >= 2
    limit, left, used = (
        now[f"sheets_pipeline_quota_{what}_requests{{kind=read}}"] for what in ("limit", "left", "used")
    )
    assert (limit, used > 0, left) == (10_000, True, limit - used)


def test_the_dashboard_and_alert_rules_name_only_metrics_that_exist(stage: Stage) -> None:
    stage.fail("UserProfiles", 1)
    stage.hear(one=1)
    names = {name.partition("{")[0] for name in values(stage)}
    dashboard = json.loads((GRAFANA / "dashboard.json").read_text())
    rules = [
        rule for group in yaml.safe_load((GRAFANA / "alerts.yml").read_text())["groups"] for rule in group["rules"]
    ]
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    expressions += [rule["expr"] for rule in rules]
    asked = {name for expression in expressions for name in _NAME.findall(expression)}
    assert len(asked) > 10
    assert asked <= names
    assert all({"summary", "description"} <= set(rule["annotations"]) for rule in rules)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
