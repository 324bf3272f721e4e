"""Edits over HTTP: looking them up, as CSV, deciding about them, taking them back. Their values are shown to whoever has the token."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Body, Depends, FastAPI, Path, Query
from fastapi.responses import StreamingResponse

from sheets_pipeline.control import edit_models as models
from sheets_pipeline.control.models import Moment, Title
from sheets_pipeline.edits import decisions, ledger
from sheets_pipeline.edits.apply import apply_due, editable_tabs
from sheets_pipeline.edits.counts import traffic
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import Edit
from sheets_pipeline.edits.previews import preview
from sheets_pipeline.edits.showing import as_json, csv_lines, found, preview_as_json
from sheets_pipeline.edits.taking_back import takings
from sheets_pipeline.edits.which import Which

#: Who decided, where the caller gives no name.
SOMEBODY = "control API"
#: What was decided is applied before the answer, if it takes no longer.
_APPLY_SECONDS = 5.0
_CELLS_SHOWN = 1000

Decide = Callable[[sa.Engine, int, str], Edit]
Responses = dict[int | str, dict[str, Any]]
_Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the edit.")]


def which_of(
    state: Annotated[models.State | None, Query(description="Only edits in this state.")] = None,
    tab: Annotated[Title | None, Query(description="Only edits of this tab.")] = None,
    editor: Annotated[models.Address | None, Query(description="Only edits of this person.")] = None,
    batch: Annotated[models.Batch | None, Query(description="Only edits of this batch.")] = None,
    since: Annotated[Moment | None, Query(description="Only edits seen at or after this.")] = None,
    until: Annotated[Moment | None, Query(description="Only edits seen before this.")] = None,
    before: Annotated[models.EditId | None, Query(description="Only edits with a smaller number.")] = None,
) -> Which:
    """The filters that lists of edits have in common."""
    return Which(state=state, tab=tab, editor=editor, batch=batch, since=since, until=until, before=before)


def add_edits(app: FastAPI, open_pipeline: Callable[[], Ends], read: Responses, act: Responses) -> None:
    """Serve ``/edits`` and what is below; ``read`` and ``act`` are the refusals that their documents name."""
    _add_lists(app, open_pipeline, read)
    _add_decisions(app, open_pipeline, act)
    _add_undo(app, open_pipeline, act)


def _add_lists(app: FastAPI, open_pipeline: Callable[[], Ends], responses: Responses) -> None:
    @app.get("/edits", response_model=models.EditsAnswer, tags=["edits"], responses=responses)
    def edits(
        which: Annotated[Which, Depends(which_of)],
        limit: Annotated[int, Query(ge=1, le=1000, description="At most this many.")] = 100,
    ) -> Any:
        """What people typed into editable columns and what became of it, newest first, with values of cells."""
        pipeline = open_pipeline()
        listed = found(pipeline.state, which, limit)
        after = listed[-1].id if len(listed) == limit else None
        return {"edits": _all_as_json(listed), "next": after, **asdict(traffic(pipeline))}

    @app.get(
        "/edits.csv",
        tags=["edits"],
        response_class=StreamingResponse,
        responses={**responses, 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    )
    def edits_as_csv(which: Annotated[Which, Depends(which_of)]) -> StreamingResponse:
        """The same as CSV, at most 100,000 of them."""
        state = open_pipeline().state
        name = {"Content-Disposition": 'attachment; filename="edits.csv"'}
        return StreamingResponse(csv_lines(state, which), media_type="text/csv", headers=name)

    @app.get("/edits/{edit_id}", response_model=models.EditDetailAnswer, tags=["edits"], responses=responses)
    def edit(edit_id: _Id) -> Any:
        """One edit, and the other ones of its cell."""
        with open_pipeline().state.connect() as connection:
            one = decisions.find(connection, edit_id)
            return {"edit": as_json(one), "cell": _all_as_json(ledger.of_cell(connection, one, limit=50))}


def _add_decisions(app: FastAPI, open_pipeline: Callable[[], Ends], responses: Responses) -> None:
    for name, decide, said in (
        ("accept", decisions.accept, "Put in what was typed"),
        ("reject", decisions.reject, "Keep the database's value"),
    ):
        _add_decision(app, open_pipeline, responses, name, decide, said)


def _add_decision(
    app: FastAPI, open_pipeline: Callable[[], Ends], responses: Responses, name: str, decide: Decide, said: str
) -> None:
    options: Any = {"response_model": models.DecidedAnswer, "tags": ["edits"], "responses": responses}

    def of_batch(body: models.BatchRequest) -> Any:
        pipeline = open_pipeline()
        ids = decisions.waiting_in(pipeline.state, body.batch)
        return _decided(pipeline, [decide(pipeline.state, one, body.by or SOMEBODY) for one in ids])

    def of_one(edit_id: _Id, body: Annotated[models.DecideRequest | None, Body()] = None) -> Any:
        pipeline = open_pipeline()
        return _decided(pipeline, [decide(pipeline.state, edit_id, (body and body.by) or SOMEBODY)])

    app.post(f"/edits/{name}", name=f"{name} batch", description=f"{said}, for all of a batch that wait.", **options)(
        of_batch
    )
    app.post(f"/edits/{{edit_id}}/{name}", name=name, description=f"{said}.", **options)(of_one)


def _decided(pipeline: Ends, edits: list[Edit]) -> dict[str, Any]:
    """Apply what is to be applied, and tell what became of each."""
    apply_due(pipeline, tab=edits[0].tab, seconds=_APPLY_SECONDS)
    with pipeline.state.connect() as connection:
        return {"edits": _all_as_json([decisions.find(connection, edit.id) for edit in edits])}


def _add_undo(app: FastAPI, open_pipeline: Callable[[], Ends], responses: Responses) -> None:
    options: Any = {"response_model": models.UndoAnswer, "tags": ["edits"], "responses": responses}

    @app.post("/edits/undo", **options)
    def undo(body: models.UndoRequest) -> Any:
        """Take applied edits back: some, those of a batch, or those of a person in a time span. What came later is kept."""
        return _undo(open_pipeline(), body)

    @app.post("/edits/{edit_id}/undo", name="undo one", **options)
    def undo_one(
        edit_id: _Id,
        dry_run: Annotated[bool, Query(description="Tell what would change, and change nothing.")] = False,
        body: Annotated[models.DecideRequest | None, Body()] = None,
    ) -> Any:
        """Take one applied edit back. What came later is kept."""
        return _undo(open_pipeline(), models.UndoRequest(ids=[edit_id], dry_run=dry_run, by=body and body.by))


def _undo(pipeline: Ends, asked: models.UndoRequest) -> dict[str, Any]:
    which = Which(tab=asked.tab, editor=asked.editor, batch=asked.batch, since=asked.since, until=asked.until)
    if asked.dry_run:
        with pipeline.state.connect() as connection:
            edits = decisions.undoable(connection, asked.ids) if asked.ids else decisions.applied(connection, which)
            taken = takings(connection, edits)
        cells = [preview_as_json(one) for one in preview(pipeline, taken[:_CELLS_SHOWN])]
        return {"asked": len(edits), "batch": None, "states": {}, "cells": cells}
    who = asked.by or SOMEBODY
    done = (
        decisions.undo(pipeline.state, asked.ids, who) if asked.ids else decisions.undo_all(pipeline.state, which, who)
    )
    apply_due(pipeline, tab=asked.tab, seconds=_APPLY_SECONDS)
    return {
        "asked": done.edits,
        "batch": done.batch,
        "states": decisions.became(pipeline.state, done.batch),
        "cells": [],
    }


def _all_as_json(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    tabs = editable_tabs()
    return [as_json(edit, tabs) for edit in edits]
