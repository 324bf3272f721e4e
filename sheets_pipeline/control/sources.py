"""Sources over HTTP: their state, versions, contents and differences; asking for them now. Contents are shown, never logged."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import FastAPI, Query

from sheets_pipeline.control import source_models as models
from sheets_pipeline.control.operations import Operations
from sheets_pipeline.database import source_tasks
from sheets_pipeline.sources.api import Sources
from sheets_pipeline.sources.chosen import chosen, the_source
from sheets_pipeline.sources.content import Row
from sheets_pipeline.sources.schema import schema_change
from sheets_pipeline.sources.showing import as_text, overview
from sheets_pipeline.sources.store import Version

Responses = dict[int | str, dict[str, Any]]
_Source = Annotated[models.SourceId, Query(description="Id of the source.")]
_Limit = Annotated[int, Query(ge=1, le=1000, description="At most this many.")]


def add_sources(app: FastAPI, operations: Operations, read: Responses, act: Responses) -> None:
    """Serve ``/sources`` and what is below; ``read`` and ``act`` are the refusals that their documents name."""
    opened: list[Sources] = []

    def sources() -> Sources:
        pipeline = operations.pipeline
        if not opened or opened[0].pipeline is not pipeline:
            opened[:] = [Sources(pipeline=pipeline)]
        opened[0].declared = operations.sources()
        return opened[0]

    _add_states(app, operations, read, act)
    _add_accept(app, sources, act)
    _add_contents(app, sources, read)


def _add_states(app: FastAPI, operations: Operations, read: Responses, act: Responses) -> None:
    @app.get("/sources", response_model=models.SourcesAnswer, tags=["sources"], responses=read)
    def all_sources() -> Any:
        """All sources with state, last change, next reading and counts of rows; no contents."""
        found = overview(operations.pipeline, operations.sources())
        return {"at": datetime.now(UTC), "sources": found, "stale_code": operations.stale_code()}

    @app.post("/sources/process", response_model=models.ProcessAnswer, tags=["sources"], responses=act)
    def process(body: models.ProcessRequest) -> Any:
        """Have sources read before their time: the sensor due_sources asks for a run with its next look."""
        asked = [one.id for one in chosen(operations.sources(), body.sources)]
        source_tasks.ask(operations.pipeline.state, "", asked)
        return {"asked": asked}


def _add_accept(app: FastAPI, sources: Callable[[], Sources], act: Responses) -> None:
    @app.post("/sources/accept", response_model=models.ProcessAnswer, tags=["sources"], responses=act)
    def accept(body: models.AcceptRequest) -> Any:
        """Take the columns that hold back a new version of a source, and have it read before its time."""
        sources().accept(body.source, body.held)
        return {"asked": [body.source]}


def _add_contents(app: FastAPI, sources: Callable[[], Sources], read: Responses) -> None:
    @app.get("/sources/versions", response_model=models.VersionsAnswer, tags=["sources"], responses=read)
    def versions(source: _Source, limit: _Limit = 100) -> Any:
        """Versions of a source, the latest first."""
        found = sources()
        the_source(found.declared, source)
        return {"versions": [_version(one) for one in found.versions(source, limit)]}

    @app.get("/sources/rows", response_model=models.RowsAnswer, tags=["sources"], responses=read)
    def rows(
        source: _Source,
        content_hash: Annotated[models.Hash | None, Query(description="Of the version; the latest else.")] = None,
        offset: Annotated[int, Query(ge=0, le=10_000_000, description="Rows that are passed over.")] = 0,
        limit: _Limit = 100,
    ) -> Any:
        """Rows of a version in the order of the sheet, as text."""
        found = sources()
        the_source(found.declared, source)
        version = found.version(source, content_hash)
        listed = found.store.rows(version, offset=offset, limit=limit)
        return {"version": _version(version), "rows": [_row(source, offset + i, row) for i, row in enumerate(listed)]}

    @app.get("/sources/search", response_model=models.RowsAnswer, tags=["sources"], responses=read)
    def search(
        text: Annotated[models.Words, Query(description="Words that all have to stand in the row.")],
        source: Annotated[models.SourceId | None, Query(description="Only in this source.")] = None,
        limit: _Limit = 100,
    ) -> Any:
        """Rows of latest versions with every word of the text."""
        found = sources().search(text, source=source, limit=limit)
        version = _version(found[0].version) if source is not None and found else None
        return {"version": version, "rows": [_row(one.version.source, one.number, one.row) for one in found]}

    @app.get("/sources/diff", response_model=models.DiffAnswer, tags=["sources"], responses=read)
    def diff(
        source: _Source,
        before: Annotated[models.Hash, Query(description="Hash of the earlier version, or how it begins.")],
        after: Annotated[models.Hash | None, Query(description="Of the later one; the latest else.")] = None,
        limit: _Limit = 100,
    ) -> Any:
        """What changed between two versions, by the key of the source where it has one."""
        opened = sources()
        the_source(opened.declared, source)
        found = opened.diff(source, before, after)
        words = schema_change(found.before.columns, found.after.columns)
        return {
            "before": _version(found.before),
            "after": _version(found.after),
            "inserted": len(found.inserted),
            "deleted": len(found.deleted),
            "changed": len(found.changed),
            "unchanged": found.unchanged,
            "columns": words.split("; ") if words else [],
            "rows": [
                {
                    "kind": one.kind.value,
                    "number": one.number + 1,
                    "cells": [as_text(cell) for cell in one.row],
                    "changed": [
                        {"column": cell.column, "before": as_text(cell.before), "after": as_text(cell.after)}
                        for cell in one.cells
                    ],
                }
                for one in islice(found.changes(), limit)
            ],
        }


def _version(version: Version) -> dict[str, Any]:
    columns = [{"name": one.name, "header": one.header, "type": one.type.value} for one in version.columns]
    return {
        "number": version.number,
        "content_hash": version.content_hash,
        "rows": version.rows,
        "read_at": version.read_at,
        "columns": columns,
    }


def _row(source: str, number: int, row: Row) -> dict[str, Any]:
    cells = [as_text(cell).encode("utf-8", "replace").decode() for cell in row]
    return {"source": source, "number": number + 1, "cells": cells}
