"""The doctor's looks at Dagster's processes: what starts syncs by itself, and what holds the code."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import declared_credentials
from sheets_pipeline.dagster_runtime.connections import opened_instance
from sheets_pipeline.dagster_runtime.instance import hands_out_runs
from sheets_pipeline.database.host_processes import host_processes, sync_host_process
from sheets_pipeline.embedded.code_health import REMEDY, what_is_wrong
from sheets_pipeline.errors import DagsterRefused, DagsterUnreachable
from sheets_pipeline.monitoring.dagster_client import DagsterClient
from sheets_pipeline.monitoring.doctor import Finding, fail, ok, warn
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.monitoring.status import daemon_heard_at
from sheets_pipeline.sync.hosts import host_findings

#: Workers that say nothing for so long are not there.
_WORKERS_ANSWER_SECONDS = 1.0


def dagster_daemons(facts: Facts) -> Finding:
    """Schedules and sensors are being looked at."""
    with opened_instance() as instance:
        statuses, facts.daemon_heard_at = instance.get_daemon_statuses(), daemon_heard_at(instance)
    required = {name: status for name, status in statuses.items() if status.required}
    silent = sorted(name.lower() for name, status in required.items() if not status.healthy)
    if not silent:
        return ok(f"{len(required)} daemons report")
    return warn(
        f"silent: {', '.join(silent)}",
        "No sync starts by itself now. Start `sheets-pipeline daemon` (or `sheets-pipeline dev`), or look into its log.",
    )


def hosts(facts: Facts) -> Finding:
    """Daemon and workers have been heard of, on each host that had some in the last day."""
    if not sa.inspect(facts.state).has_table(sync_host_process.name):
        return ok("nothing is known yet")
    known = host_processes(facts.state)
    if found := host_findings(known, datetime.now(UTC), facts.daemon_heard_at, by_workers=hands_out_runs()):
        worst, *_ = found
        return (fail if worst.is_grave else warn)(" ".join(f"{one.title}: {one.detail}" for one in found), worst.remedy)
    heard = sorted({one.host for one in known if one.is_heard})
    return ok(f"{', '.join(heard)}" if heard else "none runs a daemon or worker of `sheets-pipeline`")


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


def workers(facts: Facts) -> Finding:
    """Somebody executes runs, where they are handed to workers: those of our code, and those of each label of hosts."""
    is_wanted, by_workers = facts.settings.celery_broker_url is not None, hands_out_runs()
    if not by_workers and not is_wanted:
        return ok("runs are executed on one host (CELERY_BROKER_URL is not set)")
    if not by_workers:
        return warn(
            "CELERY_BROKER_URL is set, and dagster.yaml names no CeleryHostsRunLauncher: all runs are executed on the host of "
            "Dagster's daemon",
            "Name it there as run_launcher (docs/run/many-hosts.md) and start the services again, or take the setting out.",
        )
    from kombu.exceptions import OperationalError

    from sheets_pipeline.dagster_runtime.celery_app import broker_url, celery_app
    from sheets_pipeline.dagster_runtime.fingerprint import code_version

    try:
        with celery_app(broker_url(facts.settings)) as app:
            answers = app.control.inspect(timeout=_WORKERS_ANSWER_SECONDS).active_queues() or {}
    except (OperationalError, OSError) as error:
        return fail(
            f"the broker does not answer ({type(error).__name__})", "Runs wait until it does: CELERY_BROKER_URL."
        )
    taken = {node: {queue["name"] for queue in queues} for node, queues in answers.items()}
    bound = {one.declaration.hosts: name for name, one in declared_credentials().items() if one.declaration.hosts}
    return served(taken, code_version(), bound)


def served(taken: Mapping[str, Collection[str]], version: str, bound: Mapping[str, str]) -> Finding:
    """What it means that workers take these queues.

    Args:
        taken: Name of the worker → names of its queues.
        version: Of our code.
        bound: Label of hosts → a credential that is bound to them.
    """
    from sheets_pipeline.dagster_runtime.celery_app import queues

    def number(label: str | None) -> int:
        return sum(queues(version, label)[1].name in names for names in taken.values())

    start = "Start `sheets-pipeline worker` there"
    if not number(None):
        others = f"; {len(taken)} with other code or declarations, or for events alone, are" if taken else ""
        return fail(f"no worker takes all runs of this code ({version}){others}", f"Runs wait. {start}.")
    if lonely := {label: name for label, name in bound.items() if not number(label)}:
        told = ", ".join(f"{label!r} (credential {name!r})" for label, name in sorted(lonely.items()))
        return fail(
            f"no worker serves the hosts {told}", f"Their spreadsheets wait. {start}, with HOST_LABELS set to it."
        )
    counts = [f"{number(None)} take runs", *(f"{number(label)} those of {label!r}" for label in sorted(bound))]
    return ok(", ".join(counts))
