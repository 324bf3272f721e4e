"""Job ``full_sync``, its schedule (every SYNC_INTERVAL_SECONDS), and the sensor that starts the very first one."""

import dagster as dg

from sheets_pipeline.defs.tab_asset import tab_assets
from sheets_pipeline.settings import Settings, load_settings


def cron(interval_seconds: int) -> str:
    """The cron expression of an interval that ``Settings`` has found valid (300 → ``*/5 * * * *``)."""
    minutes = interval_seconds // 60
    if minutes < 60:
        return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    hours = minutes // 60
    return f"0 */{hours} * * *" if 1 < hours < 24 else "0 * * * *" if hours == 1 else "0 0 * * *"


def enabled_keys(settings: Settings) -> list[dg.AssetKey]:
    """Assets whose tab is switched on."""
    return [
        found.key for found in tab_assets().values() if found.tab.switch is None or getattr(settings, found.tab.switch)
    ]


@dg.definitions
def full_sync() -> dg.Definitions:
    """The job and its schedule, on by default."""
    settings = load_settings()
    job = dg.define_asset_job(
        "full_sync",
        selection=dg.AssetSelection.assets(*enabled_keys(settings)),
        description="Makes every tab as the database says; writes only what differs, repairs drift.",
        tags={"dagster/max_retries": str(settings.sync_max_retries), "sheets_pipeline/sync": "full"},
    )
    schedule = dg.ScheduleDefinition(
        name="full_sync_schedule",
        job=job,
        cron_schedule=cron(settings.sync_interval_seconds),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"All tabs, every {settings.sync_interval_seconds // 60} minutes.",
    )
    return dg.Definitions(jobs=[job], schedules=[schedule], sensors=[first_start])


@dg.sensor(
    job_name="full_sync",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for one full_sync when there has never been one, so that a new instance need not wait for the "
    "schedule.",
)
def first_start(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """The very first full sync."""
    if context.instance.get_run_ids(dg.RunsFilter(job_name="full_sync"), limit=1):
        return dg.SkipReason("There has been a full sync; the schedule does the rest.")
    return dg.RunRequest(run_key="first")
