"""Processing sources: each is a task that is read, typed, stored as a version where it changed, and told to others.

Those of one spreadsheet are read together, a few spreadsheets at a time. What is wrong with one source is its own. In this
order: the version is stored; then, in one transaction, others are noted as to be told and the task is completed. Wherever a
process is killed, the next reading finds what is left to do, by the hash that others were last told.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.database import source_tasks
from sheets_pipeline.database.source_tasks import ALIVE_SECONDS, Known, Task
from sheets_pipeline.errors import SheetsPipelineError, SourceProblem
from sheets_pipeline.logs import bound
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.sources.due import together
from sheets_pipeline.sources.hosts import credential_of, why_not_here
from sheets_pipeline.sources.into import write_into
from sheets_pipeline.sources.reading import Reading, Result, keep, read_group
from sheets_pipeline.sources.schema import schema_change
from sheets_pipeline.sources.store import SourceStore, Version
from sheets_pipeline.sources.stores import open_store
from sheets_pipeline.sources.telling import note_change, tell_due
from sheets_pipeline.sync.source import OnSchemaChange, Source

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of one source: its task, and its latest version with the one before."""

    declared: DeclaredSource
    task: Task
    version: Version | None = None
    before: Version | None = None
    #: Columns that came, went or have another type, in words.
    schema_change: str | None = None
    #: Whether the reading was held back because of them.
    is_held: bool = False


Progress = Callable[[Processed], None]


@dataclass(slots=True)
class _Round:
    pipeline: Pipeline
    environment: str
    run_id: str
    progress: Progress | None
    store: SourceStore | None = None
    known: dict[str, Known] = field(default_factory=dict)
    done: dict[str, Processed] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> sa.Engine:
        return self.pipeline.state


def process(
    pipeline: Pipeline,
    sources: Sequence[DeclaredSource],
    *,
    run_id: str | None = None,
    max_workers: int | None = None,
    environment: str = "",
    progress: Progress | None = None,
) -> list[Processed]:
    """Read sources now, whether they are due or not; what fails is in the result, in the order that was given.

    Args:
        pipeline: What they are read and stored with.
        sources: Those that cannot be used are tasks that fail.
        run_id: Of the Dagster run; a new id where there is none.
        max_workers: Spreadsheets at a time; SOURCES_MAX_WORKERS where left out.
        environment: Name of the store; that of the settings where left out.
        progress: Called for each source that is done, by one thread at a time.
    """
    current = _Round(pipeline, environment, run_id or str(uuid.uuid4()), progress)
    source_tasks.end_dead(current.state)
    source_tasks.begin(current.state, environment, current.run_id, [one.id for one in sources])
    current.known = source_tasks.known(current.state, environment)
    workers = max_workers or pipeline.settings.sources_max_workers
    with _alive(current), ThreadPoolExecutor(workers, thread_name_prefix="sources") as pool:
        groups = together(sources)
        _open_store(current)
        list(pool.map(lambda group: copy_context().run(_group, current, group), groups))
    tell_due(current.state, sources, environment)
    return [current.done[one.id] for one in sources]


@contextmanager
def _alive(current: _Round) -> Iterator[None]:
    """Say that this process lives, for as long as the block lasts."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(ALIVE_SECONDS):
            try:
                source_tasks.keep_alive(current.state, current.run_id)
            except Exception as error:  # whatever it is, it is tried again
                logger.warning("Tasks of sources could not be renewed: %s", type(error).__name__)

    thread = threading.Thread(target=renew, name="source tasks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _open_store(current: _Round) -> None:
    try:
        current.store = open_store(current.pipeline, current.environment)
    except SheetsPipelineError as error:
        logger.warning("The store of sources cannot be opened: %s", error)


def _group(current: _Round, group: Sequence[DeclaredSource]) -> None:
    """Those of one spreadsheet."""
    source_tasks.start(current.state, current.environment, current.run_id, [one.id for one in group])
    try:
        usable = [one.source for one in group if one.source is not None]
        results: Mapping[str, Result | Exception] = _read(current, group, usable) if usable else {}
    except Exception as error:  # of the spreadsheet: its sources fail with it, and no other
        results = {one.id: error for one in group}
    for one in group:
        with bound(source=one.id, run_id=current.run_id):
            _finish(current, one, results.get(one.id))


def _read(current: _Round, group: Sequence[DeclaredSource], sources: Sequence[Source]) -> Mapping[str, Result]:
    if problem := why_not_here(group[0], current.pipeline.settings):
        source_tasks.ask(current.state, current.environment, [one.id for one in sources])
        raise SourceProblem(group[0].id, problem)
    store = current.store or open_store(current.pipeline, current.environment)  # says why it cannot be opened
    return read_group(current.pipeline, credential_of(group[0]), sources, store)


def _finish(current: _Round, one: DeclaredSource, result: Result | Exception | None) -> None:
    """Store what was read and complete the task, or fail it."""
    try:
        if one.source is None:
            raise SourceProblem(one.id, f"it cannot be used. {one.problem}")
        if not isinstance(result, Reading):
            raise result or SourceProblem(one.id, "nothing was read.")
        done = _stored(current, one, one.source, result)
    except Exception as error:  # whatever it is, the other sources go on
        if not isinstance(error, SheetsPipelineError):
            logger.exception("Source %r failed", one.id)
        done = _failed(current, one, error)
    with current.lock:
        current.done[one.id] = done
        if current.progress is not None:
            current.progress(done)


def _failed(current: _Round, one: DeclaredSource, error: Exception) -> Processed:
    try:
        with current.state.begin() as connection:
            source_tasks.fail(connection, current.run_id, one.id, error)
        return Processed(one, _task(current, one))
    except (SheetsPipelineError, sa.exc.DBAPIError) as second:  # the first error must be the one that is seen
        logger.warning("The failed task of %r could not be noted: %s", one.id, type(second).__name__)
        told = error if isinstance(error, SheetsPipelineError) else second
        moment = datetime.now(UTC)
        task = Task(current.run_id, one.id, current.environment, "failed", moment, error_kind=type(told).__name__)
        return Processed(one, _with_error(task, told))


def _with_error(task: Task, error: Exception) -> Task:
    return replace(task, error=str(error) if isinstance(error, SheetsPipelineError) else type(error).__name__)


def _task(current: _Round, one: DeclaredSource) -> Task:
    [task] = source_tasks.recent(current.state, None, source=one.id, run_id=current.run_id)
    return task


def _stored(current: _Round, one: DeclaredSource, source: Source, reading: Reading) -> Processed:
    store = _store(current, source)
    before = store.latest(source.id)
    if reading.content is None:
        if before is None:
            raise SourceProblem(source.id, "its versions are gone while it was read; the next reading stores it anew.")
        return _completed(current, one, source, before, before, is_new=False, new_bytes=0)
    change = schema_change(before.columns, reading.content.columns) if before is not None else None
    known = current.known.get(source.id, Known())
    if change is not None and source.on_schema_change is not OnSchemaChange.ACCEPT and not known.accepts(change):
        return _held(current, one, source, before, change)
    stored = store.put(source.id, reading.content)
    keep(current.pipeline, reading, stored.version.content_hash)
    if stored.is_new:
        store.forget(source.id, keep=source.keep_versions)
    notes = [str(note) for note in reading.notes]
    return _completed(
        current,
        one,
        source,
        stored.version,
        before,
        is_new=stored.is_new,
        new_bytes=stored.new_bytes,
        notes=notes,
        change=change,
    )


def _store(current: _Round, source: Source) -> SourceStore:
    if current.store is None:
        raise SourceProblem(source.id, "its store cannot be reached.")
    return current.store


def _held(current: _Round, one: DeclaredSource, source: Source, before: Version | None, change: str) -> Processed:
    """The version before stays the latest."""
    if source.on_schema_change is OnSchemaChange.FAIL:
        raise SourceProblem(
            source.id,
            f"its columns are not those of the version before ({change}). Put them back in the spreadsheet, or take them "
            "with on_schema_change: accept.",
        )
    with current.state.begin() as connection:
        source_tasks.complete(
            connection,
            current.run_id,
            source.id,
            changed=False,
            rows=before.rows if before else None,
            content_hash=before.content_hash if before else None,
            result={"held": change},
        )
    return Processed(one, _task(current, one), before, before, change, is_held=True)


def _completed(
    current: _Round,
    one: DeclaredSource,
    source: Source,
    version: Version,
    before: Version | None,
    *,
    is_new: bool,
    new_bytes: int,
    notes: Sequence[str] = (),
    change: str | None = None,
) -> Processed:
    known = current.known.get(source.id, Known())
    into = write_into(current.pipeline.platform, _store(current, source), source)
    result: dict[str, Any] = {
        "version": version.number,
        "columns": len(version.columns),
        "new_bytes": new_bytes,
        "notes": [*notes],
    }
    result["previous_rows"] = before.rows if before is not None else None
    if into is not None:
        result["into"] = {"table": into.table, "rows": into.rows, "set_aside": into.set_aside}
    if change is not None:
        result["schema_change"] = change
    with current.state.begin() as connection:
        if known.told_hash != version.content_hash:  # also where a process died between storing it and this
            link = current.pipeline.address_of(source.spreadsheet_id)
            told = before if is_new else _told_before(current, source, known)
            note_change(connection, current.environment, source, version, told, link)
            source_tasks.note(connection, current.environment, source.id, told_hash=version.content_hash)
        if known.accepted is not None:
            source_tasks.note(connection, current.environment, source.id, accepted=None)
        source_tasks.complete(
            connection,
            current.run_id,
            source.id,
            changed=is_new,
            rows=version.rows,
            content_hash=version.content_hash,
            result=result,
        )
    return Processed(one, _task(current, one), version, before, change)


def _told_before(current: _Round, source: Source, known: Known) -> Version | None:
    """The version that others know of; None where there is none, or it is kept no longer."""
    if known.told_hash is None or current.store is None:
        return None
    return next((one for one in current.store.versions(source.id) if one.content_hash == known.told_hash), None)
