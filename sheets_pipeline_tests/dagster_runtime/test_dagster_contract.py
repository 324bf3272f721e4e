"""What of Dagster's private parts is used, and that this version has it with the shape that is relied on.

Dagster promises nothing of modules whose name begins with ``_``, nor of the inside of dagster-postgres, dagster-webserver
and dagster-graphql. All such imports stand in ``sheets_pipeline/dagster_runtime/``, and each is named here. What fails here
under a new version of Dagster is what to mend before its bounds in ``pyproject.toml`` move (docs/run/dagster-versions.md).
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import sheets_pipeline
from sheets_pipeline.dagster_runtime import coordinator, run_launcher, storage, warm_process

PACKAGE = Path(sheets_pipeline.__file__).parent


@dataclass(frozen=True)
class Used:
    """A private name, what for, the parameters that we pass it or take in its place, and what we read of it."""

    name: str
    what_for: str
    takes: str = ""
    has: str = ""


USED = [
    # Schedules and sensors: are they off, how did their ticks go?
    Used(
        "dagster._core.definitions.run_request:InstigatorType", "sensors alone are asked for", has="SENSOR"
    ),
    Used(
        "dagster._core.scheduler.instigation:InstigatorState", "what is known of a schedule or sensor",
        has="instigator_name instigator_origin_id selector_id instigator_data is_running origin status with_status",
    ),
    Used("dagster._core.scheduler.instigation:InstigatorStatus", "on or off", has="RUNNING DECLARED_IN_CODE STOPPED"),
    Used("dagster._core.scheduler.instigation:SensorInstigatorData", "its last look", has="last_tick_timestamp"),
    Used(
        "dagster._core.remote_origin:RemoteInstigatorOrigin", "whose state it is", takes="repository_origin instigator_name"
    ),
    Used("dagster._core.scheduler.instigation:TickStatus", "how a tick went", has="STARTED FAILURE"),
    # Launching and queueing runs
    Used("dagster._core.launcher.default_run_launcher:DefaultRunLauncher", "what our launcher extends", takes="inst_data"),
    Used(
        "dagster_celery.launcher:CeleryRunLauncher", "what our launcher for several hosts extends",
        takes="default_queue broker backend include config_source inst_data",
    ),
    Used("dagster._core.launcher.base:LaunchRunContext", "the run to launch", has="dagster_run workspace"),
    Used("dagster._core.launcher.base:CheckRunHealthResult", "health of a worker", takes="status msg run_worker_id"),
    Used("dagster._core.launcher.base:WorkerStatus", "health of a worker", has="RUNNING SUCCESS NOT_FOUND"),
    Used("dagster._core.run_coordinator.base:SubmitRunContext", "a new run", has="dagster_run workspace"),
    Used("dagster._core.run_coordinator.queued_run_coordinator:QueuedRunCoordinator", "what our coordinator extends"),
    Used("dagster._core.events:EngineEventData", "the process id beside the event of a launch", takes="metadata"),
    Used("dagster._core.events:DagsterEventType", "finds that event again once the host is back", has="ENGINE_EVENT"),
    Used(
        "dagster._core.events:AssetMaterializationPlannedData", "a partition that a run was to materialize",
        takes="asset_key partition",
    ),
    Used("dagster._core.events:DagsterEvent", "tells of it", has="build_asset_materialization_planned_event"),
    Used("dagster._core.remote_origin:ManagedGrpcPythonEnvCodeLocationOrigin", "code servers that the daemon replaces"),
    # Executing a run in a process of ours
    Used(
        "dagster._cli.api:_execute_run_command_body", "executes a run to its end",
        takes="run_id instance write_stream_fn set_exit_code_on_failure",
    ),
    Used("dagster._core.definitions.reconstruct:ReconstructableJob", "a job, built in advance", has="get_definition"),
    Used("dagster._utils.hosted_user_process:recon_job_from_origin", "finds the job of a run", takes="origin"),
    Used("dagster._utils.interrupts:capture_interrupts", "lets a run end in order"),
    Used(
        "dagster._grpc.types:ExecuteRunArgs", "what to execute",
        takes="job_origin run_id instance_ref", has="job_origin run_id instance_ref",
    ),
    Used("dagster._serdes:serialize_value", "hands it to the worker", takes="val"),
    Used("dagster._serdes:deserialize_value", "takes it there", takes="val as_type"),
    Used("dagster._core.definitions.repository_definition:RepositoryLoadData", "what a run's job is built with"),
    Used("dagster._core.instance:InstanceRef", "where the storage is", has="storage_data _replace"),
    # The instance of a project's folder
    Used("dagster._core.instance.config:dagster_instance_config", "reads our dagster.yaml", takes="base_dir"),
    Used("dagster._core.instance.ref:InstanceRef", "Dagster's own classes", has="config_defaults"),
    Used("dagster._core.instance.ref:configurable_class_data", "one class of a dagster.yaml", takes="config_field"),
    Used("dagster._core.instance.ref:configurable_storage_data", "its storage", takes="config_field defaults"),
    # Storage
    Used(
        "dagster._serdes:ConfigurableClassData", "a class that dagster.yaml names",
        takes="module_name class_name config_yaml", has="module_name class_name config_dict",
    ),
    Used("dagster._config:UserConfigSchema", "type of a configuration's description"),
    Used("dagster._config.config_schema:UserConfigSchema", "type of a configuration's description"),
    Used("dagster._core.storage.local_compute_log_manager:LocalComputeLogManager", "what runs print", takes="base_dir inst_data",
         has="get_captured_local_path complete_artifact_path"),
    Used("dagster._core.storage.local_compute_log_manager:IO_TYPE_EXTENSION", "names of the files of what runs print"),
    Used("dagster._core.storage.compute_log_manager:CapturedLogContext", "what is printed", takes="log_key"),
    Used("dagster._core.storage.compute_log_manager:ComputeIOType", "what is printed", has="STDOUT STDERR"),
    Used("dagster._core.execution.compute_logs:redirect_to_file", "prints into a file", takes="stream filepath"),
    Used("dagster._utils:ensure_file", "makes a file and its folder", takes="path"),
    Used("dagster._utils:touch_file", "marks what is printed as complete", takes="path"),
    Used("dagster._core.storage.root:LocalArtifactStorage", "files beside the storage", takes="base_dir inst_data"),
    Used(
        "dagster_postgres.storage:DagsterPostgresStorage", "the storage that ours extends",
        takes="postgres_url should_autocreate_tables inst_data",
    ),
    Used(
        "dagster_postgres.run_storage:PostgresRunStorage", "runs",
        takes="postgres_url should_autocreate_tables", has="connect",
    ),
    Used(
        "dagster_postgres.event_log:PostgresEventLogStorage", "events",
        takes="postgres_url should_autocreate_tables", has="index_connection",
    ),
    Used("dagster_postgres.schedule_storage:PostgresScheduleStorage", "ticks", takes="postgres_url should_autocreate_tables"),
    # Cleaning the storage up
    Used("dagster._core.instance.utils:RUNLESS_RUN_ID", "events that belong to no run"),
    Used("dagster._core.storage.runs.schema:RunsTable", "runs", has="c.run_id"),
    Used(
        "dagster._core.storage.event_log.schema:SqlEventLogStorageTable", "events",
        has="c.id c.run_id c.asset_key c.dagster_event_type c.timestamp",
    ),
    Used("dagster._core.storage.event_log.schema:AssetEventTagsTable", "tags of events", has="c.event_id"),
    Used(
        "dagster._core.storage.event_log.schema:AssetCheckExecutionsTable", "evaluations of checks",
        has="c.id c.asset_key c.check_name c.create_timestamp",
    ),
    # The webserver with a guard in front
    Used(
        "dagster_webserver:cli", "its entry, where the function that serves is replaced by ours",
        has="main host_dagster_ui_with_workspace_process_context _lifespan "
        "DEFAULT_WEBSERVER_HOST DEFAULT_WEBSERVER_PORT WEBSERVER_LOGGER_NAME",
    ),
    Used(
        "dagster_webserver.app:create_app_from_workspace_process_context", "the application that is guarded",
        takes="workspace_process_context path_prefix live_data_poll_rate kwargs",
    ),
    Used("dagster._core.workspace.context:IWorkspaceProcessContext", "type of its argument"),
    Used("dagster._utils:find_free_port", "the port where the usual one is taken"),
    Used("dagster._utils:is_port_in_use", "whether it is", takes="host port"),
]  # fmt: skip

#: Methods of Dagster's that ours stand in for: gone or renamed, ours would silently not be called any more.
REPLACED = [
    (run_launcher.WarmRunLauncher, "config_type from_config_value register_instance launch_run terminate dispose"),
    (run_launcher.WarmRunLauncher, "supports_check_run_worker_health check_run_worker_health"),
    (coordinator.EventsFirstRunCoordinator, "register_instance submit_run"),
    (storage.Runs, "optimize_for_webserver"),
    (storage.PipelineStorage, "config_type from_config_value"),
    (storage.PipelineArtifacts, "config_type from_config_value"),
    (storage.PipelineComputeLogs, "config_type from_config_value capture_logs"),
]


def is_private(module: str) -> bool:
    """Whether Dagster promises nothing of a module."""
    first, *rest = module.split(".")
    if first == "dagster":
        return any(part.startswith("_") for part in rest)
    return first.startswith("dagster_")


def private_imports(file: Path) -> Iterator[str]:
    """``module:name`` of each, from the source."""
    text = file.read_text()
    for node in ast.walk(ast.parse(text)) if "dagster" in text else ():
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if is_private(node.module) or is_private(f"{node.module}.{alias.name}"):
                    yield f"{node.module}:{alias.name}"
        elif isinstance(node, ast.Import):
            yield from (f"{alias.name}:" for alias in node.names if is_private(alias.name))


def test_no_other_room_imports_what_dagster_may_change_at_any_time() -> None:
    runtime = PACKAGE / "dagster_runtime"
    result = {
        str(file.relative_to(PACKAGE)): names
        for file in PACKAGE.rglob("*.py")
        if runtime not in file.parents and (names := list(private_imports(file)))
    }
    assert result == {}, "Put a small function into sheets_pipeline/dagster_runtime/ and name the import in this file."


def test_all_that_is_imported_is_named_here_and_nothing_else() -> None:
    imported = {name for file in (PACKAGE / "dagster_runtime").rglob("*.py") for name in private_imports(file)}
    assert imported == {used.name for used in USED}


@pytest.mark.parametrize("used", USED, ids=lambda used: used.name)
def test_it_is_there_with_the_shape_that_is_relied_on(used: Used) -> None:
    module, _, name = used.name.partition(":")
    if module == "dagster_webserver":
        importlib.import_module(f"{module}.{name}")
    thing = getattr(importlib.import_module(module), name)
    missing = [attribute for attribute in used.has.split() if not has(thing, attribute)]
    assert missing == [], f"{used.name}, used for: {used.what_for}"
    assert set(used.takes.split()) <= set(parameters(thing)), f"{used.name}, used for: {used.what_for}"


def has(thing: Any, dotted: str) -> bool:
    for name in dotted.split("."):
        if not hasattr(thing, name):
            return name in getattr(thing, "__annotations__", {})
        thing = getattr(thing, name)
    return True


def parameters(thing: Any) -> list[str]:
    try:
        names = list(inspect.signature(thing).parameters)
        # Dagster makes the constructor of a record when it is first called.
        return list(thing.__annotations__) if names == ["args", "kwargs"] and isinstance(thing, type) else names
    except (TypeError, ValueError):  # a table, a type alias
        return []


@pytest.mark.parametrize(
    ("ours", "method"), [pytest.param(ours, name, id=f"{ours.__name__}.{name}") for ours, names in REPLACED for name in names.split()]
)  # fmt: skip
def test_what_ours_stands_in_for_is_called_in_the_same_way(ours: type, method: str) -> None:
    theirs = next((base for base in ours.__mro__[1:] if method in vars(base)), None)
    assert method in vars(ours)
    assert theirs is not None, f"{method} is none of Dagster's any more"
    own, replaced = getattr(ours, method), getattr(theirs, method)
    if callable(own):
        count = len(inspect.signature(replaced).parameters)
        assert len(inspect.signature(own).parameters) == count


@pytest.mark.parametrize(
    ("theirs", "method"), [pytest.param(theirs, name, id=name) for theirs, names in storage.LOOKS.items() for name in names.split()]
)  # fmt: skip
def test_what_is_looked_up_only_once_is_asked_of_the_catalog_by_dagster(theirs: type, method: str) -> None:
    taken = [name for name in inspect.signature(getattr(theirs, method)).parameters if name != "self"]
    assert taken in ([], ["conn"], ["conn", "column_name"], ["migration_name"])
    assert inspect.signature(getattr(theirs, method)).return_annotation in (bool, "bool", inspect.Parameter.empty)


def test_every_method_that_stands_in_for_one_of_dagsters_is_named_here() -> None:
    listed = {(ours, name) for ours, names in REPLACED for name in names.split()}
    replaced = {
        (ours, name)
        for ours, _ in REPLACED
        for name, value in vars(ours).items()
        if (callable(value) or isinstance(value, (property, classmethod)))
        and not name.startswith("__")
        and any(name in vars(base) for base in ours.__mro__[1:])
    }
    assert replaced == listed


def test_the_webserver_serves_by_the_function_that_the_guard_replaces() -> None:
    from dagster_webserver import cli

    from sheets_pipeline.dagster_runtime.webserver import serve_guarded

    theirs = inspect.signature(cli.host_dagster_ui_with_workspace_process_context)
    assert list(inspect.signature(serve_guarded).parameters) == list(theirs.parameters)
    calls = re.findall(r"(?<!def )host_dagster_ui_with_workspace_process_context\(", inspect.getsource(cli))
    assert calls, "Dagster serves by another function: ours would stand in for nothing"


def test_the_storage_keeps_its_three_parts_where_ours_are_put() -> None:
    kept = object.__new__(storage.PipelineStorage)
    kept._run_storage, kept._event_log_storage, kept._schedule_storage = "runs", "events", "ticks"  # type: ignore[assignment]
    parts: list[object] = [kept.run_storage, kept.event_log_storage, kept.schedule_storage]
    assert parts == ["runs", "events", "ticks"]


def test_the_launcher_and_the_coordinator_know_their_instance_and_the_launcher_its_runs(tmp_path: Path) -> None:
    launcher = run_launcher.WarmRunLauncher()
    assert launcher._run_ids == set()
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        launcher.register_instance(instance)
        assert launcher.has_instance
        assert launcher._instance is instance
        launcher.dispose()
        queue = coordinator.EventsFirstRunCoordinator()
        queue.register_instance(instance)
        assert queue._instance is instance


@pytest.mark.parametrize(
    ("method", "takes"),
    [
        ("all_instigator_state", "instigator_type instigator_statuses"),
        ("add_instigator_state", "state"),
        ("update_instigator_state", "state"),
        ("get_ticks", "origin_id selector_id limit"),
        ("purge_ticks", "origin_id selector_id before"),
        ("optimize_for_webserver", "statement_timeout pool_recycle max_overflow"),
        ("get_ref", ""),
        ("from_ref", "instance_ref"),
        ("from_config", "config_dir"),
        ("launch_run", "run_id workspace"),
        ("report_engine_event", "message dagster_run engine_event_data cls"),
        ("report_run_canceling", "run"),
        ("report_run_canceled", "dagster_run message"),
        ("report_run_failed", "dagster_run message"),
        ("get_asset_records", ""),
        ("get_daemon_statuses", ""),
        ("all_logs", "run_id of_type"),
    ],
)
def test_the_instance_which_is_public_only_by_name_answers_what_it_is_asked(method: str, takes: str) -> None:
    assert set(takes.split()) <= set(parameters(getattr(dg.DagsterInstance, method)))


@pytest.mark.parametrize("module", warm_process._ALWAYS_NEEDED)
def test_what_a_run_imports_beside_its_own_code_is_there_to_be_imported_in_advance(module: str) -> None:
    importlib.import_module(module)
