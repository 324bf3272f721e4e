"""Ticks of sensors share one Dagster instance, which opens its storage once."""

from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import instance_for_test

from sheets_pipeline.dagster_runtime.connections import shared


def test_ticks_on_one_storage_open_it_once(monkeypatch: pytest.MonkeyPatch):
    opened: list[Any] = []
    original = dg.DagsterInstance.from_ref

    def opening(ref: Any) -> dg.DagsterInstance:
        opened.append(ref)
        return original(ref)

    monkeypatch.setattr(dg.DagsterInstance, "from_ref", opening)
    with instance_for_test() as instance:
        ref = instance.get_ref()

        def tick() -> dg.DagsterInstance:
            return shared(dg.SensorEvaluationContext(ref, None, None, None, None))

        first = tick()
        assert tick() is first
        assert opened == [ref]
        assert first.get_ref() == ref


def test_an_instance_in_memory_is_used_as_it_is():
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance)
        assert shared(context) is instance
