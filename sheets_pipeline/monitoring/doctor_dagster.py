"""The doctor's looks at Dagster's processes: what starts syncs by itself, and what holds the code."""

from sheets_pipeline.embedded.code_health import REMEDY, what_is_wrong
from sheets_pipeline.errors import DagsterRefused, DagsterUnreachable
from sheets_pipeline.monitoring.dagster_client import DagsterClient
from sheets_pipeline.monitoring.doctor import Finding, fail, ok, warn
from sheets_pipeline.monitoring.doctor_facts import Facts


def dagster_daemons(_facts: Facts) -> Finding:
    """Schedules and sensors are being looked at."""
    from sheets_pipeline.dagster_runtime.connections import opened_instance

    with opened_instance() as instance:
        statuses = instance.get_daemon_statuses()
    required = {name: status for name, status in statuses.items() if status.required}
    silent = sorted(name.lower() for name, status in required.items() if not status.healthy)
    if not silent:
        return ok(f"{len(required)} daemons report")
    return warn(
        f"silent: {', '.join(silent)}",
        "No sync starts by itself now. Start `sheets-pipeline dev` (or `dagster-daemon run`), or look into its log.",
    )


def code_location(facts: Facts) -> Finding:
    """The code server answers and holds our jobs."""
    if problem := what_is_wrong(facts.settings):
        return fail(problem, REMEDY)
    client = DagsterClient(facts.settings)
    if client.address() is None:
        return ok("not looked at: no `sheets-pipeline dev` runs and DAGSTER_URL is not set")
    try:
        ours = client.definitions()
    except (DagsterUnreachable, DagsterRefused) as error:
        return fail(str(error), "No sync starts by itself now.")
    return ok(f"{ours.location} answers")
