"""Reading sources as one Dagster run without the UI, so that the asset's page shows what came of it."""

from collections.abc import Callable, Collection

from sheets_pipeline.dagster_runtime.connections import opened_instance
from sheets_pipeline.database import source_tasks
from sheets_pipeline.database.source_tasks import Task
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.resources import lending
from sheets_pipeline.defs.sources import JOB, PARTITIONS, reading_with
from sheets_pipeline.sources.api import Sources
from sheets_pipeline.sources.chosen import chosen
from sheets_pipeline.sources.processing import Processed


def run_sources(
    sources: Sources, ids: Collection[str], max_workers: int | None, progress: Callable[[Processed], None]
) -> list[Task]:
    """Read these sources of the project, all that are not switched off where none is named.

    Raises:
        UnknownSource: There is none with such an id.
        SheetsPipelineError: A setting is wrong, or a database cannot be reached.
    """
    wanted = [one.id for one in chosen(sources.declared, ids)]
    config = {
        "ops": {"read_sources": {"config": {"ids": wanted}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    pipeline = sources.pipeline
    with opened_instance() as instance, lending(lambda: pipeline), reading_with(max_workers, progress):
        instance.add_dynamic_partitions(PARTITIONS, wanted)
        job = defs().resolve_job_def(JOB)
        result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=config)
    by_source = {task.source: task for task in source_tasks.recent(pipeline.state, run_id=result.run_id, limit=10_000)}
    return [by_source[name] for name in wanted if name in by_source]
