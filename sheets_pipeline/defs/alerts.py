"""Sensor ``alerts``: tells people of incidents, once when they begin and once when they are over.

What each target has been told is the sensor's cursor, which Dagster stores with the tick: a restart repeats nothing, and
an incident of the pipeline's own database can be told, too. A crash between sending and storing repeats one message.
"""

import json

import dagster as dg
import sqlalchemy as sa

from sheets_pipeline.dagster_runtime.connections import shared
from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.leases import leases, sync_hold
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.monitoring import alerts
from sheets_pipeline.monitoring.alerts import ALERT_SENSOR, Incidents
from sheets_pipeline.monitoring.status import collect
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.settings import load_settings


def incidents_now(instance: dg.DagsterInstance, pipeline: PipelineResource) -> Incidents:
    """All that is wrong now; that nobody can tell is an incident itself."""
    try:
        opened = pipeline.opened()
        status = collect(instance, opened)
        return alerts.incidents(status, pause_limit_reached=pause_limit_reached(opened))
    except Exception as error:  # whatever it is, people are to hear of it
        return alerts.evaluation_failed(error)


def pause_limit_reached(opened: Pipeline) -> bool:
    """Whether somebody holds a pause now, and one was lately ended by its limit."""
    if not leases(opened.state):
        return False
    with opened.state.connect() as connection:
        since = database_time(connection) - max(opened.settings.sync_pause_limit_seconds, 60)
        query = sa.select(sa.func.count()).where(sync_hold.c.turn_at >= since)
        return bool(connection.scalar(query))


def tick(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SkipReason:
    """One look; its skip reason says what goes on."""
    settings = load_settings()
    if settings.alert_urls is None:
        return dg.SkipReason("ALERT_URLS is not set, so nobody is told of incidents.")
    now = incidents_now(shared(context), pipeline)
    urls = alerts.targets(settings.alert_urls.get_secret_value())
    record, failed = alerts.tell(alerts.told_from(context.cursor), urls, now, context.log)
    context.update_cursor(json.dumps(record, sort_keys=True))
    going_on = ", ".join(incident.title for incident in now.values()) or "nothing"
    problems = f" Not told yet, tried again at the next check: {'; '.join(failed)}." if failed else ""
    return dg.SkipReason(f"Going on: {going_on}.{problems}")


@dg.definitions
def alert_sensor() -> dg.Definitions:
    """The sensor, on by default."""
    sensor = dg.SensorDefinition(
        name=ALERT_SENSOR,
        evaluation_fn=tick,
        minimum_interval_seconds=load_settings().sync_health_check_interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells ALERT_URLS when syncs stop, a tab is stale, rows or events are set aside, and when that is over.",
    )
    return dg.Definitions(sensors=[sensor])
