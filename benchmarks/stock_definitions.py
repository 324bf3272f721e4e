"""The project as stock Dagster would run it: the same jobs, and a sensor that looks and returns instead of waiting."""

import dagster as dg

from sheets_pipeline import definitions as project
from sheets_pipeline.database import events
from sheets_pipeline.defs.event_sync import event_sync
from sheets_pipeline.defs.resources import PipelineResource

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


# The default interval is 30 s; 1 s makes the daemon look as often as it can, every 5 s.
@dg.sensor(job=event_sync, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def pending_events(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.RunRequest | dg.SkipReason:
    """One run for all that is pending, while no such run is under way."""
    with pipeline.opened().platform.connect() as connection:
        if not events.count(connection):
            return dg.SkipReason("No events are pending.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name="event_sync", statuses=_UNDER_WAY)):
        return dg.SkipReason("An event_sync run is under way.")
    return dg.RunRequest()


@dg.definitions
def defs() -> dg.Definitions:
    """The project's definitions with this sensor in place of its own."""
    ours = project.defs()
    others = [sensor for sensor in ours.sensors or [] if sensor.name != "pending_events"]
    return dg.Definitions(
        assets=ours.assets,
        asset_checks=ours.asset_checks,
        jobs=ours.jobs,
        schedules=ours.schedules,
        sensors=[*others, pending_events],
        resources=ours.resources,
        executor=ours.executor,
        loggers=ours.loggers,
    )
