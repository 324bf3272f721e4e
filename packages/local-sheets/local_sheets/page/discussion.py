"""The page's routes of comments: those of Drive, each with the cells that it is about."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from local_sheets.api_error import ApiError, invalid
from local_sheets.comment_anchors import read_anchor, write_anchor
from local_sheets.drive import comments
from local_sheets.drive.errors import DriveError
from local_sheets.model.transaction import Transaction
from local_sheets.page.answers import json_answer, json_body

if TYPE_CHECKING:
    from local_sheets.engine import Engine

Handler = Callable[[Request], Awaitable[Response]]
_SIDES = ("top", "bottom", "left", "right")


class Discussion:
    """Comments of the spreadsheets of one server."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def routes(self, base: str, guarded: Callable[[Handler], Handler]) -> list[BaseRoute]:
        path = base + "/{id}/comments"
        return [
            Route(path, guarded(self._list), methods=["GET"]),
            Route(path, guarded(self._create), methods=["POST"]),
            Route(path + "/{comment}", guarded(self._delete), methods=["DELETE"]),
            Route(path + "/{comment}/replies", guarded(self._reply), methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        async with self._engine.lock(request.path_params["id"]):
            sheet = await asyncio.to_thread(self._engine.open, request.path_params["id"])
            return json_answer([_shown(comment) for comment in comments.comments_of(sheet)])

    async def _create(self, request: Request) -> Response:
        """``{"content", "sheetId", "rect": {"top", "bottom", "left", "right"}, "quoted"}``; the ends are included."""
        body = await json_body(request)
        rect, sheet_id = body.get("rect"), body.get("sheetId")
        if not isinstance(rect, dict) or not all(type(rect.get(side)) is int for side in _SIDES):
            raise invalid("rect: expected top, bottom, left and right.")
        if type(sheet_id) is not int:
            raise invalid("sheetId: expected a number.")
        anchor = write_anchor(sheet_id, (rect["top"], rect["bottom"] + 1, rect["left"], rect["right"] + 1))
        made: dict[str, Any] = {"content": body.get("content"), "anchor": anchor}
        if body.get("quoted"):
            made["quotedFileContent"] = {"mimeType": "text/html", "value": str(body["quoted"])}
        return await self._change(request, lambda tx: comments.create(tx, made, None))

    async def _reply(self, request: Request) -> Response:
        body = await json_body(request)
        return await self._change(request, lambda tx: comments.reply(tx, request.path_params["comment"], body, None))

    async def _delete(self, request: Request) -> Response:
        return await self._change(request, lambda tx: comments.delete(tx, request.path_params["comment"]))

    async def _change(self, request: Request, work: Callable[[Transaction], Any]) -> Response:
        spreadsheet_id = request.path_params["id"]
        async with self._engine.lock(spreadsheet_id):
            try:
                made = await asyncio.to_thread(self._engine.change, spreadsheet_id, work)
            except DriveError as error:
                raise ApiError(error.code, str(error)) from error
        return json_answer(made or {})


def _shown(comment: dict[str, Any]) -> dict[str, Any]:
    found = read_anchor(comment.get("anchor"))
    if found is None:
        return comment
    row0, row1, col0, col1 = found[1]
    return {**comment, "sheetId": found[0], "rect": {"top": row0, "bottom": row1 - 1, "left": col0, "right": col1 - 1}}
