"""The page's routes of what was done: undo and redo, the list of versions, restoring one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from local_sheets.api_error import invalid
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.transaction import Transaction
from local_sheets.page.answers import json_answer, json_body
from local_sheets.page.person_edit import LOCAL_OWNER, PersonEdit, edit_under_way, making
from local_sheets.undo.stacks import Told, UndoStacks, doing

if TYPE_CHECKING:
    from local_sheets.engine import Engine

Handler = Callable[[Request], Awaitable[Response]]
#: Told of an edit that is done: announces it, and fires the triggers of the script.
Tell = Callable[[str, PersonEdit], None]


class Steps:
    """Undo and versions of the spreadsheets of one server."""

    def __init__(self, engine: "Engine", tell: Tell) -> None:
        self._engine, self._tell = engine, tell
        self._undo = UndoStacks(engine)
        #: The version that was looked at last: pages read it block by block.
        self._seen: tuple[str, int, Spreadsheet] | None = None

    def routes(self, base: str, guarded: Callable[[Handler], Handler]) -> list[BaseRoute]:
        return [
            Route(base + "/{id}/undo", guarded(self._take), methods=["POST"]),
            Route(base + "/{id}/versions", guarded(self._versions), methods=["GET"]),
            Route(base + "/{id}/versions/{number:int}/restore", guarded(self._restore), methods=["POST"]),
        ]

    def note(self, tx: Transaction) -> dict[str, Any] | None:
        """Keep a committed change for undo, where a person made it; gives whose it is, and how much they can undo."""
        edit = edit_under_way()
        told = Told() if edit is None else Told(edit.change_type, edit.sheet_id, edit.grid_ranges)
        return self._undo.note(tx, told)

    def opened(self, spreadsheet_id: str, version: str | None) -> Spreadsheet:
        """The spreadsheet, or a version of it.

        Raises:
            ApiError: There is no such spreadsheet, or the version is not kept.
        """
        if version is None:
            return self._engine.open(spreadsheet_id)
        if not version.isdecimal():
            raise invalid(f"version is {version!r}: expected the number of a version.")
        number = int(version)
        current = self._engine.versions(spreadsheet_id)
        if current and current[0].number == number:  # it may still grow
            return self._engine.open(spreadsheet_id)
        if self._seen is None or self._seen[:2] != (spreadsheet_id, number):
            self._seen = (spreadsheet_id, number, self._engine.at_version(spreadsheet_id, number))
        return self._seen[2]

    async def _take(self, request: Request) -> Response:
        """``{"client", "redo"}`` takes back what this page did last, or does it again."""
        spreadsheet_id, body = request.path_params["id"], await json_body(request)
        client, redo = str(body.get("client", "")), bool(body.get("redo"))
        async with self._engine.lock(spreadsheet_id):
            told = self._undo.next_of(spreadsheet_id, client, redo=redo)
            edit = PersonEdit(client, told.change_type, told.sheet_id, told.ranges)
            with making(edit):
                kept = await asyncio.to_thread(self._undo.take, spreadsheet_id, client, redo=redo)
        with doing(client):
            self._tell(spreadsheet_id, edit)
        return json_answer({"sheetId": told.sheet_id, "ranges": list(told.ranges), "keptForOthers": kept})

    async def _versions(self, request: Request) -> Response:
        async with self._engine.lock(request.path_params["id"]):
            found = self._engine.versions(request.path_params["id"])
        listed = [
            {"number": one.number, "author": one.author or LOCAL_OWNER, "started": one.started, "ended": one.ended}
            for one in found
        ]
        return json_answer(listed)

    async def _restore(self, request: Request) -> Response:
        """``{"client"}`` makes a version the present again."""
        spreadsheet_id, client = request.path_params["id"], str((await json_body(request)).get("client", ""))
        edit = PersonEdit(client, "OTHER")
        async with self._engine.lock(spreadsheet_id):
            with making(edit), doing(client):
                await asyncio.to_thread(self._engine.restore, spreadsheet_id, request.path_params["number"])
        with doing(client):
            self._tell(spreadsheet_id, edit)
        return json_answer({})
