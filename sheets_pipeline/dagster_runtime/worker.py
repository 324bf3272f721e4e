"""A run worker: executes one run in this process, and reports the run as failed when a worker died.

``python -m sheets_pipeline.dagster_runtime.worker NICE`` is the cold start: it reads what to execute from standard input, because
that holds the passwords of Dagster's storage and command lines are public. Its argument is how far to lower its priority.
"""

import importlib
import json
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack

import dagster as dg
from dagster._cli.api import _execute_run_command_body
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.definitions.repository_definition import RepositoryLoadData
from dagster._core.instance import InstanceRef
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, deserialize_value, serialize_value
from dagster._utils.hosted_user_process import recon_job_from_origin
from dagster._utils.interrupts import capture_interrupts
from dagster_postgres.storage import DagsterPostgresStorage

from sheets_pipeline import tracing
from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG, begin_ahead, begin_beside
from sheets_pipeline.dagster_runtime.connections import keep_connections, open_connections
from sheets_pipeline.errors import ProcessDied
from sheets_pipeline.processes import abandoned_threads
from sheets_pipeline.processes.identity import WORKER_TAG, WorkerIdentity
from sheets_pipeline.processes.priority import lower

logger = logging.getLogger(__name__)


def execute(serialized_args: str) -> int:
    """Execute a run to its end; gives the exit code of the process, 0 also for a run that failed."""
    args = deserialize_value(serialized_args, ExecuteRunArgs)
    with capture_interrupts(), dg.DagsterInstance.from_ref(_ref(args)) as instance:
        keep_connections(instance)
        return execute_in(args, instance)


def stand_by(expected: str, receive: Callable[[], str]) -> int:
    """Execute the run that ``receive`` waits for, with all opened that a run will need; 0 where none comes.

    Args:
        expected: Arguments of an earlier run: of the same storage, unless something has changed.
        receive: Gives those of the run; raises ``EOFError`` once there will be none.
    """
    begin_ahead()
    known = deserialize_value(expected, ExecuteRunArgs)
    with ExitStack() as opened:
        instance = _opened_ahead(known, opened)
        try:
            serialized_args = receive()
        except EOFError:
            return 0
        begin_beside()
        args = deserialize_value(serialized_args, ExecuteRunArgs)
        if instance is None or args.instance_ref != known.instance_ref:
            return execute(serialized_args)
        with capture_interrupts():
            return execute_in(args, instance)


def _opened_ahead(args: ExecuteRunArgs, opened: ExitStack) -> dg.DagsterInstance | None:
    """None where it cannot be opened: a storage that is away now may be back when there is a run."""
    try:
        instance = opened.enter_context(dg.DagsterInstance.from_ref(_ref(args)))
        keep_connections(instance)
        open_connections(instance, args.run_id)
    except Exception as error:
        logger.info("Dagster's storage was not opened ahead (%s).", type(error).__name__)
        return None
    return instance


def execute_in(args: ExecuteRunArgs, instance: dg.DagsterInstance) -> int:
    """Execute a run of an instance that is open; as ``execute``."""
    # Before anything else of the run, so that nobody overwrites the tag with an older state of the run.
    instance.add_run_tags(args.run_id, {WORKER_TAG: WorkerIdentity.of_this_process().as_tag()})
    try:
        return _execute_run_command_body(args.run_id, instance, lambda _event: None, set_exit_code_on_failure=False)
    finally:
        tracing.end()


def build_ahead(instance: dg.DagsterInstance) -> None:
    """Build the job of the last run that was not to wait, as Dagster built it: the next run finds it in Dagster's cache."""
    for run in instance.get_runs(dg.RunsFilter(tags={AT_ONCE_TAG: "true"}), limit=1):
        if run.job_code_origin is not None:
            args = serialize_value(ExecuteRunArgs(run.job_code_origin, run.run_id, None))
            job_of(args, load_data_of(run, instance)).get_definition()


def load_data_of(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str | None:
    """What Dagster noted when it loaded the run's repository, serialized; None where it noted nothing."""
    if not run.has_repository_load_data or run.execution_plan_snapshot_id is None:
        return None
    plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
    return serialize_value(plan.repository_load_data) if plan.repository_load_data else None


def job_of(serialized_args: str, load_data: str | None = None) -> ReconstructableJob:
    """The job of a run, not built yet; with ``load_data`` as Dagster builds it in a run whose repository has some."""
    job = recon_job_from_origin(deserialize_value(serialized_args, ExecuteRunArgs).job_origin)
    return job.with_repository_load_data(deserialize_value(load_data, RepositoryLoadData)) if load_data else job


def report_death(serialized_args: str, how: str) -> None:
    """Mark the run of a dead worker as failed, or as canceled where that was asked for; none that has ended."""
    args = deserialize_value(serialized_args, ExecuteRunArgs)
    with dg.DagsterInstance.from_ref(_ref(args)) as instance:
        report_death_to(instance, args.run_id, how)


def report_death_to(instance: dg.DagsterInstance, run_id: str, how: str) -> None:
    """``report_death`` where an instance is at hand."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, f"The run worker ended: {how}.")
    else:
        instance.add_run_tags(run_id, ProcessDied.tags)
        instance.report_run_failed(run, f"The run worker died: {how}.")


def describe_exit(exit_code: int) -> str:
    """``-9`` → ``signal SIGKILL``; ``1`` → ``exit code 1``."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"signal {-exit_code}"


def _ref(args: ExecuteRunArgs) -> InstanceRef:
    if args.instance_ref is None:
        raise ValueError(
            "the run came without a reference to Dagster's storage; launch it from an instance that has one"
        )
    storage = args.instance_ref.storage_data
    if storage is None:
        return args.instance_ref
    kind = getattr(importlib.import_module(storage.module_name), storage.class_name)
    if not issubclass(kind, DagsterPostgresStorage):
        return args.instance_ref
    # There is a run, so there are tables: looking for them would cost three more connections.
    config = json.dumps({**storage.config_dict, "should_autocreate_tables": False})
    known = ConfigurableClassData(storage.module_name, storage.class_name, config)
    return args.instance_ref._replace(storage_data=known)


if __name__ == "__main__":
    lower(int(sys.argv[1]))
    code = execute(sys.stdin.read())
    abandoned_threads.end_process(code)
    sys.exit(code)
