"""Asset ``sheet_source`` with a partition for each source, the job ``source_sync`` that reads what is due, and its sensor.

One run takes all that is due, however many sources that are; those of one spreadsheet share their request. A changed source is
materialized with its content's hash as data version, so ``AutomationCondition.data_version_changed()`` starts what is built
on it; one that was checked and is unchanged keeps the data version that it has. A project without sources has none of this.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.components.tab_asset import declared_sources
from sheets_pipeline.dagster_runtime.at_once import HOSTS_TAG
from sheets_pipeline.dagster_runtime.connections import shared
from sheets_pipeline.dagster_runtime.failed_partitions import note_failed
from sheets_pipeline.database import source_notices, source_tasks
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import CONSOLE, RUN_CONFIG
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import gate
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sources.due import due, next_at
from sheets_pipeline.sources.hosts import source_hosts
from sheets_pipeline.sources.judging import CHECKS, judged
from sheets_pipeline.sources.processing import Processed, process
from sheets_pipeline.sources.showing import retries_of
from sheets_pipeline.sources.telling import tell_due

SOURCE_KEY = dg.AssetKey("sheet_source")
#: Dagster's tag.
DATA_VERSION_TAG = "dagster/data_version"
#: Name of the partitions, of the job, and of its sensor.
PARTITIONS, JOB, SENSOR = "sheet_sources", "source_sync", "due_sources"

_LOOK_SECONDS = 10
_LISTED = 20


class SourceSyncConfig(dg.Config):
    """Which sources are read."""

    ids: list[str] = Field([], description="Ids of sources to read now; all that are due where left out.")


#: How somebody in this process wants sources to be read: spreadsheets at a time, and whom to tell of each that is done.
_wishes: list[tuple[int | None, Callable[[Processed], None]]] = []


@contextmanager
def reading_with(max_workers: int | None, progress: Callable[[Processed], None]) -> Iterator[None]:
    """While the job runs in this process for somebody who waits for it."""
    _wishes.append((max_workers, progress))
    try:
        yield
    finally:
        _wishes.pop()


def due_now(opened: Pipeline) -> list[DeclaredSource]:
    """Sources that are to be read now, the most urgent first."""
    source_tasks.end_dead(opened.state)
    tasks, known = source_tasks.latest(opened.state), source_tasks.known(opened.state)
    return due(declared_sources(), tasks, known, datetime.now(UTC), retries_of(opened.settings))


def _due_at(opened: Pipeline, hosts: str | None) -> list[DeclaredSource]:
    """Those that are due and that a run with this tag, None for one without, is for."""
    return [one for one in due_now(opened) if source_hosts(one, opened.settings) == hosts]


def events_of(
    done: Sequence[Processed], opened: Pipeline, shown: Mapping[str, str]
) -> Iterator[dg.AssetMaterialization]:
    """A materialization for each source whose latest version is not the one that is ``shown``.

    Also where somebody stored it by a command, or the process that stored it died before it said so.
    """
    for one in done:
        if (
            one.version is None
            or one.task.state != "completed"
            or shown.get(one.declared.id) == one.version.content_hash
        ):
            continue
        yield dg.AssetMaterialization(
            asset_key=SOURCE_KEY,
            partition=one.declared.id,
            description=None if one.task.changed else "Checked, unchanged.",
            metadata=metadata_of(one, opened),
            tags={DATA_VERSION_TAG: one.version.content_hash},
        )


def _shown(instance: dg.DagsterInstance) -> dict[str, str]:
    """Source → the data version that Dagster shows of it."""
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    found = instance.event_log_storage.get_latest_tags_by_partition(SOURCE_KEY, kind, [DATA_VERSION_TAG])
    return {partition: tags[DATA_VERSION_TAG] for partition, tags in found.items() if DATA_VERSION_TAG in tags}


def metadata_of(one: Processed, opened: Pipeline) -> dict[str, Any]:
    """Counts, hash, columns and a link; no cells."""
    version, source = one.version, one.declared.source
    if version is None or source is None:
        return {}
    columns = [
        dg.TableColumn(column.name, column.type.value, None if column.header == column.name else column.header)
        for column in version.columns
    ]
    result = one.task.result or {}
    numbers = {name: result[name] for name in ("new_bytes", "previous_rows") if result.get(name) is not None}
    notes = {"notes": result["notes"][:_LISTED]} if result.get("notes") else {}
    return {
        "dagster/row_count": version.rows,
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "version": version.number,
        "content_hash": version.content_hash,
        "changed": bool(one.task.changed),
        "spreadsheet": dg.MetadataValue.url(opened.address_of(source.spreadsheet_id)),
        **numbers,
        **notes,
    }


def check_results(opened: Pipeline) -> Iterator[dg.AssetCheckEvaluation]:
    """What holds of all sources now, by their newest tasks."""
    for verdict in judged(declared_sources(), source_tasks.latest(opened.state), datetime.now(UTC)):
        severity = dg.AssetCheckSeverity.ERROR if verdict.is_error else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckEvaluation(
            asset_key=SOURCE_KEY,
            check_name=verdict.check,
            passed=not verdict.wrong,
            severity=severity,
            description=verdict.told,
            metadata={"with_a_problem": len(verdict.wrong)},
        )


def _raise_failures(done: Sequence[Processed]) -> None:
    if failed := [one for one in done if one.task.state == "failed"]:
        told = " ".join(str(one.task.error) for one in failed[:_LISTED])
        text = f"{len(failed)} of {len(done)} sources could not be read. {told}"
        raise dg.Failure(text, metadata=_numbers(done), allow_retries=False)


def _numbers(done: Sequence[Processed]) -> dict[str, Any]:
    return {
        "checked": len(done),
        "changed": sum(bool(one.task.changed) for one in done),
        "failed": sum(one.task.state == "failed" for one in done),
        "held": sum(one.is_held for one in done),
    }


@dg.op(name="read_sources", description="Reads the sources that are due.", out=dg.Out(dg.Nothing))
def read_due_sources(
    context: dg.OpExecutionContext, config: SourceSyncConfig, pipeline: PipelineResource
) -> Iterator[Any]:
    """What is wrong with a source fails the run, after all others were read."""
    opened = pipeline.opened()
    wanted = set(config.ids)
    sources = (
        [one for one in declared_sources() if one.id in wanted]
        if wanted
        else _due_at(opened, context.run.tags.get(HOSTS_TAG))
    )
    workers, wished = _wishes[-1] if _wishes else (None, None)

    def tell(one: Processed) -> None:
        _log(context, one)
        if wished is not None:
            wished(one)

    done = process(opened, sources, run_id=context.run.run_id, max_workers=workers, progress=tell)
    tell_due(opened.state, declared_sources())  # also what an earlier run left
    shown = {} if wanted else _shown(context.instance)  # by hand, each that was read is told
    yield from events_of(done, opened, shown)  # what is only logged is lost where the step fails
    yield from check_results(opened)
    note_failed(context, SOURCE_KEY, [one.declared.id for one in done if one.task.state == "failed"])
    _raise_failures(done)
    yield dg.Output(None, metadata=_numbers(done))


def _log(context: dg.OpExecutionContext, one: Processed) -> None:
    if one.task.state == "failed":
        context.log.warning("%s", one.task.error)
    elif one.task.changed:
        context.log.info("%s: version %s, %s rows", one.declared.id, one.version and one.version.number, one.task.rows)


@dg.job(
    name=JOB,
    description="Reads the sources that are due and stores what has changed. Started by the sensor due_sources.",
    # The sensor asks again for what failed.
    tags={"dagster/max_retries": "0"},
    executor_def=dg.in_process_executor,
    logger_defs={"console": CONSOLE},
    config=RUN_CONFIG,
)
def source_sync() -> None:
    """One step, however many sources are due."""
    read_due_sources()


def _asset() -> dg.AssetsDefinition:
    settings = load_settings()

    @dg.asset(
        key=SOURCE_KEY,
        description="Spreadsheets of others, read into the store of sources: one partition each.",
        partitions_def=dg.DynamicPartitionsDefinition(name=PARTITIONS),
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        group_name="sources",
        owners=settings.owners,
        kinds={"googlesheets", "elasticsearch" if settings.sources_store == "elasticsearch" else "postgres"},
    )
    def sheet_source(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> Iterator[Any]:
        opened, wanted = pipeline.opened(), set(context.partition_keys)
        sources = [one for one in declared_sources() if one.id in wanted]
        done = process(
            opened, sources, run_id=context.run.run_id, progress=lambda one: _log(context.op_execution_context, one)
        )
        for event in events_of(done, opened, {}):
            context.op_execution_context.log_event(event)
        _raise_failures(done)
        yield from ()

    return sheet_source


def _check(name: str, description: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(name=name, asset=SOURCE_KEY, description=description)
    def check(pipeline: PipelineResource) -> dg.AssetCheckResult:
        [found] = [one for one in check_results(pipeline.opened()) if one.check_name == name]
        return dg.AssetCheckResult(
            passed=found.passed, severity=found.severity, description=found.description, metadata=found.metadata
        )

    return check


def _look(instance: dg.DagsterInstance, opened: Pipeline) -> dg.SensorResult:
    declared = declared_sources()
    there, wanted = set(instance.get_dynamic_partitions(PARTITIONS)), [one.id for one in declared]
    new, gone = [name for name in wanted if name not in there], sorted(there - set(wanted))
    partitions = dg.DynamicPartitionsDefinition(name=PARTITIONS)
    changes: list[Any] = [partitions.build_add_request(new)] if new else []
    changes += [partitions.build_delete_request(gone)] if gone else []
    wanted_by = {source_hosts(one, opened.settings) for one in due_now(opened)}
    if source_notices.any_due(opened.state):
        wanted_by.add(None)
    if not wanted_by:
        return dg.SensorResult(skip_reason=_until(opened, declared), dynamic_partitions_requests=changes)
    under_way = instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=gate.UNDER_WAY))
    free = wanted_by - {run.tags.get(HOSTS_TAG) for run in under_way}
    if not free:
        return dg.SensorResult(skip_reason="Sources are due; a run is under way.", dynamic_partitions_requests=changes)
    runs = [dg.RunRequest(tags={HOSTS_TAG: label} if label else {}) for label in sorted(free, key=str)]
    return dg.SensorResult(runs, dynamic_partitions_requests=changes)


def _until(opened: Pipeline, declared: Sequence[DeclaredSource]) -> str:
    tasks, known = source_tasks.latest(opened.state), source_tasks.known(opened.state)
    moments = [next_at(one, tasks.get(one.id), known.get(one.id), retries_of(opened.settings)) for one in declared]
    soonest = min((moment for moment in moments if moment is not None), default=None)
    return f"The next source is due at {soonest:%H:%M:%S} UTC." if soonest else "No source is to be read."


@dg.sensor(
    name=SENSOR,
    job=source_sync,
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps a partition for each source, and asks for one run of all that are due.",
)
def due_sources(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult | dg.SkipReason:
    """One run for all that is due, while no such run is under way; one more for each label of hosts that only can read some."""
    try:
        return _look(shared(context), pipeline.opened())
    except gate.UNREACHABLE as error:
        return dg.SkipReason(gate.in_one_line(error))


@dg.definitions
def sources() -> dg.Definitions:
    """Nothing where no source is declared."""
    if not declared_sources():
        return dg.Definitions()
    checks = [_check(name, description) for name, description in CHECKS.items()]
    return dg.Definitions(assets=[_asset()], asset_checks=checks, jobs=[source_sync], sensors=[due_sources])
