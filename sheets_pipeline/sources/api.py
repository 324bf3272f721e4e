"""Sources in Python: process them, look at their tasks, read, search and compare their versions.

    from sheets_pipeline.sources import Sources

    sources = Sources("legal.yaml")
    for task in sources.process():
        print(task.source, task.state, task.rows, task.content_hash)

``AsyncSources`` has the same methods for ``await``.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.database import source_notices, source_tasks
from sheets_pipeline.database.source_tasks import Task
from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sources.chosen import chosen, sources_of, the_source
from sheets_pipeline.sources.content import Cell, Row, SourceColumn
from sheets_pipeline.sources.diff import Difference, diff
from sheets_pipeline.sources.processing import Processed, process
from sheets_pipeline.sources.restoring import restore
from sheets_pipeline.sources.store import Found, SourceStore, Version
from sheets_pipeline.sources.stores import open_store
from sheets_pipeline.sync.report import SyncReport


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one version, or those of them that a search found."""

    version: Version
    rows: Sequence[Row]

    @property
    def columns(self) -> tuple[SourceColumn, ...]:
        """Name, header and type of each."""
        return self.version.columns

    def __len__(self) -> int:
        return len(self.rows)

    def records(self) -> Iterator[dict[str, Cell]]:
        """Each row by the names of its columns."""
        names = [column.name for column in self.columns]
        return (dict(zip(names, row, strict=True)) for row in self.rows)


@dataclass(frozen=True, slots=True)
class CleanedUp:
    """What was removed."""

    tasks: int
    versions: int


class Sources:
    """The sources of a project, or of a file with many, and the store of their versions.

    Args:
        config: A file of sources, or a folder with ``sources/``; those of the project (PROJECT_DIR) where left out.
        environment: Name of the store; that of the settings where left out.
        pipeline: What is used where something is open already.

    Raises:
        SheetsPipelineError: A setting is wrong, or a database cannot be reached.
    """

    def __init__(
        self, config: Path | str | None = None, *, environment: str = "", pipeline: Pipeline | None = None
    ) -> None:
        self.environment = environment
        self.declared: list[DeclaredSource] = sources_of(config)
        self._opened = pipeline

    @cached_property
    def pipeline(self) -> Pipeline:
        """Databases and credentials, as the settings say; opened when first needed."""
        return self._opened or Pipeline.open()

    @cached_property
    def store(self) -> SourceStore:
        """What keeps the versions."""
        return open_store(self.pipeline, self.environment)

    @property
    def ids(self) -> list[str]:
        """Of all sources that are declared."""
        return [one.id for one in self.declared]

    def process(
        self,
        ids: Collection[str] = (),
        *,
        max_workers: int | None = None,
        progress: Callable[[Processed], None] | None = None,
    ) -> list[Task]:
        """Read sources now and store those that have changed; all that are not switched off where none is named.

        What fails is a task that failed, and says why.

        Raises:
            UnknownSource: There is none with such an id.
        """
        found = chosen(self.declared, ids)
        done = process(self.pipeline, found, max_workers=max_workers, environment=self.environment, progress=progress)
        return [one.task for one in done]

    def task(self, task_id: str) -> Task:
        """The task with this id, as it is now.

        Raises:
            SourceProblem: There is none; it may have been cleaned up.
        """
        run_id, _, source = task_id.partition(":")
        found = source_tasks.recent(self.pipeline.state, None, source=source, run_id=run_id, limit=1)
        if not found:
            raise SourceProblem(
                source or task_id, f"there is no task {task_id!r}. `source status` lists those there are."
            )
        return found[0]

    def status(self, source: str | None = None, limit: int = 100) -> list[Task]:
        """The newest task of each source; of one source its newest tasks."""
        source_tasks.end_dead(self.pipeline.state)
        if source is not None:
            return source_tasks.recent(self.pipeline.state, self.environment, source=source, limit=limit)
        return sorted(source_tasks.latest(self.pipeline.state, self.environment).values(), key=lambda task: task.source)

    def versions(self, source: str, limit: int = 100) -> list[Version]:
        """Versions of a source, the latest first."""
        return self.store.versions(source, limit)

    def version(self, source: str, content_hash: str | None = None) -> Version:
        """The version whose hash begins so; the latest where none is given.

        Raises:
            SourceProblem: There is none, or more than one.
        """
        if content_hash:
            return self.store.version(source, content_hash)
        if (latest := self.store.latest(source)) is None:
            known = source in self.ids
            remedy = "Process it first." if known else "`source status` lists the sources that there are."
            raise SourceProblem(source, f"no version of it is kept. {remedy}")
        return latest

    def data(
        self, source: str, content_hash: str | None = None, *, limit: int | None = None, search: str | None = None
    ) -> Table:
        """Rows of a version, the latest one where no hash is given; ``search`` leaves those with all of its words.

        Raises:
            SourceProblem: There is no such version, or an earlier one is to be searched.
        """
        version = self.version(source, content_hash)
        if not search:
            return Table(version, list(self.store.rows(version, limit=limit)))
        if version.number != self.version(source).number:
            raise SourceProblem(source, "only the latest version can be searched. Leave the hash out.")
        found = self.store.search(search, source=source, limit=limit or 100_000)
        return Table(version, [one.row for one in found])

    def search(self, text: str, *, source: str | None = None, limit: int = 100) -> list[Found]:
        """Rows of latest versions, of one source or of all, with every word of the text."""
        return self.store.search(text, source=source, limit=limit)

    def diff(self, source: str, before: str, after: str | None = None) -> Difference:
        """What changed from one version to another, by the key of the source where it has one, else by content.

        Args:
            source: Id of the source.
            before: Hash of the earlier version, or how it begins.
            after: Of the later one; the latest where left out.
        """
        known = next((one.source for one in self.declared if one.id == source), None)
        key = known.key if known is not None else ()
        return diff(self.store, self.version(source, before), self.version(source, after), key)

    def restore(
        self, source: str, content_hash: str, tab: str, *, dry_run: bool = False, allow_deletes: int | None = None
    ) -> SyncReport:
        """Make a tab of the default spreadsheet hold the rows of a version; with ``dry_run`` only the plan is made.

        Raises:
            SourceProblem: There is no such version, or the tab is a declared one.
            SheetsPipelineError: As with any sync of a tab; GuardRefused where more rows would go than the guard allows.
        """
        known = next((one.source for one in self.declared if one.id == source), None)
        version, key = self.version(source, content_hash), known.key if known is not None else ()
        allowance = Allowance(deletes=allow_deletes, dry_run=dry_run)
        return restore(self.pipeline.writer, self.store, version, tab, key, allowance)

    def accept(self, source: str, change: str | None = None) -> str:
        """Have the next reading take the columns that hold back a new version; gives the change in words.

        Only this change is taken: other columns by then are held back again.

        Args:
            source: Id of the source.
            change: As somebody saw it, where that was earlier; what is held back now else.

        Raises:
            UnknownSource: There is none with such an id.
            SourceProblem: Nothing is held back, or something else than was seen.
        """
        the_source(self.declared, source)
        tasks = source_tasks.recent(self.pipeline.state, self.environment, source=source, state="completed", limit=1)
        held = (tasks[0].result or {}).get("held") if tasks else None
        if held is None:
            raise SourceProblem(source, "nothing of it is held back. `sheets-pipeline source status` shows what is.")
        if change is not None and change != held:
            raise SourceProblem(source, f"something else is held back by now: {held}. Look at it again.")
        source_tasks.accept(self.pipeline.state, self.environment, source, held)
        return str(held)

    def cleanup(self, max_age_hours: float = 24) -> CleanedUp:
        """Forget tasks that ended longer ago, but for the newest of each source, and versions beyond ``keep_versions``."""
        tasks = source_tasks.remove_before(self.pipeline.state, datetime.now(UTC) - timedelta(hours=max_age_hours))
        source_notices.remove_old(self.pipeline.state)
        kept = [one.source for one in self.declared if one.source is not None]
        return CleanedUp(tasks, sum(self.store.forget(one.id, keep=one.keep_versions) for one in kept))

    def declaration(self, source: str) -> DeclaredSource:
        """What is declared of a source.

        Raises:
            UnknownSource: Nothing is.
        """
        return the_source(self.declared, source)


class AsyncSources:
    """``Sources`` for ``await``: each method runs in a thread, so that others go on meanwhile."""

    def __init__(
        self, config: Path | str | None = None, *, environment: str = "", pipeline: Pipeline | None = None
    ) -> None:
        self.sources = Sources(config, environment=environment, pipeline=pipeline)

    async def process(
        self,
        ids: Collection[str] = (),
        *,
        max_workers: int | None = None,
        progress: Callable[[Processed], None] | None = None,
    ) -> list[Task]:
        """Read sources now; gives their tasks, all of which are over then."""
        return await asyncio.to_thread(self.sources.process, ids, max_workers=max_workers, progress=progress)

    async def task(self, task_id: str) -> Task:
        """The task with this id, as it is now."""
        return await asyncio.to_thread(self.sources.task, task_id)

    async def status(self, source: str | None = None, limit: int = 100) -> list[Task]:
        """The newest task of each source; of one source its newest tasks."""
        return await asyncio.to_thread(self.sources.status, source, limit)

    async def versions(self, source: str, limit: int = 100) -> list[Version]:
        """Versions of a source, the latest first."""
        return await asyncio.to_thread(self.sources.versions, source, limit)

    async def data(self, source: str, content_hash: str | None = None, **options: Any) -> Table:
        """Rows of a version; ``limit`` and ``search`` as with ``Sources``."""
        return await asyncio.to_thread(self.sources.data, source, content_hash, **options)

    async def search(self, text: str, *, source: str | None = None, limit: int = 100) -> list[Found]:
        """Rows of latest versions, of one source or of all, with every word of the text."""
        return await asyncio.to_thread(self.sources.search, text, source=source, limit=limit)

    async def diff(self, source: str, before: str, after: str | None = None) -> Difference:
        """What changed from one version to another."""
        return await asyncio.to_thread(self.sources.diff, source, before, after)

    async def accept(self, source: str, change: str | None = None) -> str:
        """Have the next reading take the columns that hold back a new version."""
        return await asyncio.to_thread(self.sources.accept, source, change)

    async def cleanup(self, max_age_hours: float = 24) -> CleanedUp:
        """Forget old tasks and versions."""
        return await asyncio.to_thread(self.sources.cleanup, max_age_hours)
