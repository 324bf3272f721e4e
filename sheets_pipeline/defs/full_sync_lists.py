"""Per list of spreadsheets: the job ``full_sync_<list>`` and the sensor of the same name, which also keeps its partitions.

A spreadsheet that joins the list becomes a partition of each tab that stands in it, and is filled at once; one that leaves
it is a partition no more, and stays as it is. No reload is needed. The job is one step whatever the length of the list.
"""

import json
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.dagster_runtime.at_once import HOSTS_TAG
from sheets_pipeline.dagster_runtime.connections import shared
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.defs.checks_of_lists import list_checks
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import CONSOLE, RUN_CONFIG
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import bound, gate, governor
from sheets_pipeline.runs.edit_looks import look_everywhere
from sheets_pipeline.runs.failures import explained, wait_before_retry
from sheets_pipeline.runs.list_sync import PARTS_TAG, TABS_TAG, list_job, raise_failures, sync_list
from sheets_pipeline.runs.run_tags import run_tags
from sheets_pipeline.runs.switches import FULL_SYNC_SCHEDULE, enabled_tabs, interval_seconds, lists_in_use
from sheets_pipeline.runs.targets import spreadsheets_of
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.turns import last_tick

_LOOK_SECONDS = 10

#: After a run of certain hosts that failed, the next one waits so long.
_REST_SECONDS = 60


def _tabs_on(instance: dg.DagsterInstance, list_name: str) -> list[TabAsset]:
    return [
        one
        for one in enabled_tabs(instance)
        if isinstance(one.tab.spreadsheet, Each) and one.tab.spreadsheet.spreadsheets == list_name and not one.problem
    ]


def _job(list_name: str) -> dg.JobDefinition:
    name = list_job(list_name)

    @dg.op(
        name=f"sync_{name}", description=f"Writes the tabs of each spreadsheet of {list_name}.", out=dg.Out(dg.Nothing)
    )
    def sync(context: dg.OpExecutionContext, pipeline: PipelineResource) -> Iterator[Any]:
        wait_before_retry(context, pipeline.opened, list_name)
        tags = context.run.tags
        with explained(context.instance, context.run.run_id, pipeline.opened, spreadsheet=list_name):
            wanted = json.loads(tags.get(TABS_TAG, "null"))
            tabs = [one for one in _tabs_on(context.instance, list_name) if wanted is None or one.tab.name in wanted]
            chosen = json.loads(tags.get(PARTS_TAG, "null"))
            done = sync_list(pipeline.opened(), tabs, context, chosen=chosen, allowance=pipeline.allowance(tags))
            pipeline.done_in_list(done.reports, done.errors)
            if pipeline.opened().settings.edits_on and any(one.tab.edited for one in tabs):
                look_everywhere(pipeline.opened())
                apply_due(pipeline.opened())
            yield from done.materializations  # what is only logged is lost where the step fails
            if chosen is None and not pipeline.allowance(tags).dry_run:
                yield from list_checks(pipeline.opened(), tabs, done)
            raise_failures(done, context)
        yield dg.Output(None, metadata=done.metadata)

    @dg.job(
        name=name,
        description=f"Brings the tabs in each spreadsheet of {list_name} in step with the database; one step for all.",
        tags={"dagster/max_retries": "0", "sheets_pipeline/sync": "full"},
        executor_def=dg.in_process_executor,
        logger_defs={"console": CONSOLE},
        config=RUN_CONFIG,
    )
    def job() -> None:
        sync()

    return job


def _sensor(list_name: str, job: dg.JobDefinition) -> dg.SensorDefinition:
    @dg.sensor(
        name=job.name,
        job=job,
        minimum_interval_seconds=_LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Keeps a partition for each spreadsheet of {list_name}, and asks for their full syncs.",
    )
    def sensor(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult | dg.SkipReason:
        try:
            return _look(shared(context), pipeline.opened(), list_name, job.name)
        except (ValueError, *gate.UNREACHABLE) as error:
            return dg.SkipReason(str(error) if isinstance(error, ValueError) else gate.in_one_line(error))

    return sensor


def _look(instance: dg.DagsterInstance, opened: Pipeline, list_name: str, name: str) -> dg.SensorResult | dg.SkipReason:
    listed = spreadsheets_of(opened, list_name)
    wanted = list(dict.fromkeys(str(one.part) for one in listed))
    there = set(instance.get_dynamic_partitions(list_name))
    new, gone = [part for part in wanted if part not in there], sorted(there - set(wanted))
    partitions = dg.DynamicPartitionsDefinition(name=list_name)
    changes = [partitions.build_add_request(new)] if new else []
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = [*changes]
    requests += [partitions.build_delete_request(gone)] if gone else []
    run = _request(instance, opened, list_name, name, new)
    runs = [*([] if isinstance(run, str) else [run]), *_of_hosts(instance, opened, list_name, name)]
    if isinstance(run, str) and not runs:
        return dg.SensorResult(skip_reason=run, dynamic_partitions_requests=requests)
    return dg.SensorResult(runs, dynamic_partitions_requests=requests)


def _of_hosts(instance: dg.DagsterInstance, opened: Pipeline, list_name: str, name: str) -> Iterator[dg.RunRequest]:
    """Runs of what others have left to the hosts that reach it; one at a time for each label."""
    if FULL_SYNC_SCHEDULE in switched_off(instance):
        return
    for label, (parts, names) in bound.wanted_runs(opened, _tabs_on(instance, list_name)).items():
        newest = instance.get_run_records(dg.RunsFilter(job_name=name, tags={HOSTS_TAG: label}), limit=1)
        if newest and not (newest[0].dagster_run.is_success or _has_rested(newest[0])):
            continue
        tags = {HOSTS_TAG: label, PARTS_TAG: json.dumps(sorted(parts)), TABS_TAG: json.dumps(sorted(names))}
        yield dg.RunRequest(tags=run_tags(opened, others=True) | tags)


def _has_rested(record: dg.RunRecord) -> bool:
    """Whether a run has ended, and that a while ago."""
    return record.dagster_run.is_finished and time.time() - (record.end_time or 0) > _REST_SECONDS


def _is_under_way(instance: dg.DagsterInstance, name: str) -> bool:
    """Whether a run is that is not one of certain hosts."""
    runs = instance.get_runs(dg.RunsFilter(job_name=name, statuses=gate.UNDER_WAY))
    return any(HOSTS_TAG not in run.tags for run in runs)


def _request(
    instance: dg.DagsterInstance, opened: Pipeline, list_name: str, name: str, new: Collection[str]
) -> dg.RunRequest | str:
    """A run of the tabs whose tick it is, for all spreadsheets or the new ones; else why there is none now."""
    if FULL_SYNC_SCHEDULE in switched_off(instance):
        return f"Full syncs are switched off ({FULL_SYNC_SCHEDULE})."
    if _is_under_way(instance, name):
        return "A full sync of the list is under way."
    tabs = _tabs_on(instance, list_name)
    newest = instance.get_run_records(dg.RunsFilter(job_name=name), limit=_LOOKED_AT)
    now = datetime.now(UTC)
    due = [
        one.tab.name
        for one in tabs
        if not _is_done(one, newest, last_tick(now, interval_seconds(one.tab, opened.settings)))
    ]
    if not due and not new:
        return "No tab of the list is due."
    if reason := governor.may_start(opened.state, opened.platform, opened.settings, "full").reason:
        return reason
    tags = {TABS_TAG: json.dumps(sorted(due))} if due else {PARTS_TAG: json.dumps(sorted(new))}
    return dg.RunRequest(tags=run_tags(opened, others=True) | tags)


#: Runs in which each tab's newest is looked for.
_LOOKED_AT = 50


def _is_done(one: TabAsset, newest: Collection[dg.RunRecord], tick: datetime) -> bool:
    """Whether a run of all spreadsheets was asked for since the tick."""
    for record in newest:
        tags = record.dagster_run.tags
        if record.create_timestamp.astimezone(UTC) < tick:
            return False
        if PARTS_TAG not in tags and (TABS_TAG not in tags or one.tab.name in json.loads(tags[TABS_TAG])):
            return True
    return False


@dg.definitions
def full_sync_lists() -> dg.Definitions:
    """A job and a sensor for each list that tabs stand in."""
    jobs = {name: _job(name) for name in lists_in_use(load_settings())}
    return dg.Definitions(jobs=list(jobs.values()), sensors=[_sensor(name, job) for name, job in jobs.items()])
