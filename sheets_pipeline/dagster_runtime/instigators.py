"""What Dagster's storage says of schedules and sensors (its "instigators"): which are off, and how their ticks went."""

from collections.abc import Collection

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RemoteInstigatorOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData, TickStatus

_ON = {InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE}


def switched_off(instance: dg.DagsterInstance, location: str | None = None) -> set[str]:
    """Names of those that are off; of one code location, where several share the storage."""
    states = instance.all_instigator_state(instigator_statuses={InstigatorStatus.STOPPED})
    return {state.instigator_name for state in states if location in (None, _location(state))}


def carry_over_off(instance: dg.DagsterInstance, former: str, name: str) -> bool:
    """Switch a renamed sensor off where people had switched it off under its former name, unless they have set it since."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    known = {state.origin: state for state in states}
    is_carried = False
    for state in states:
        origin = RemoteInstigatorOrigin(state.origin.repository_origin, name)
        now = known.get(origin)
        if state.instigator_name != former or state.status is not InstigatorStatus.STOPPED:
            continue
        if now is None:
            data = SensorInstigatorData()
            instance.add_instigator_state(
                InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.STOPPED, data)
            )
        elif now.status is InstigatorStatus.DECLARED_IN_CODE:
            instance.update_instigator_state(now.with_status(InstigatorStatus.STOPPED))
        is_carried |= now is None or now.status is InstigatorStatus.DECLARED_IN_CODE
    return is_carried


def failures_of_last_ticks(instance: dg.DagsterInstance, names: Collection[str]) -> list[tuple[str, list[str]]]:
    """Those of ``names`` that are on and whose last tick failed.

    Each with the classes of its error and of what that was raised from, but no message, which may quote anything.
    """
    failures = []
    for state in instance.all_instigator_state(instigator_statuses=_ON):
        if state.instigator_name not in names:
            continue
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2)
        newest = next((tick for tick in ticks if tick.status != TickStatus.STARTED), None)
        if newest is not None and newest.status == TickStatus.FAILURE:
            kinds, error = list[str](), newest.error
            while error is not None:
                kinds.append(error.cls_name or "an unexpected error")
                error = error.cause
            failures.append((state.instigator_name, kinds))
    return failures


def last_look_of_sensor(instance: dg.DagsterInstance, name: str) -> float | None:
    """When a sensor last finished a look (seconds since 1970); None where it never did, or is off."""
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        data = state.instigator_data
        if state.instigator_name == name and state.is_running and isinstance(data, SensorInstigatorData):
            return data.last_tick_timestamp or None
    return None


def _location(state: InstigatorState) -> str:
    return state.origin.repository_origin.code_location_origin.location_name
