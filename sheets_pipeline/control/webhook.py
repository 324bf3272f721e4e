"""``POST /webhook``: what the Apps Script sends. Signed messages stand in for the token."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import cast

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sheets_pipeline.control.security import Guard, is_webhook
from sheets_pipeline.edits.applier import Applier
from sheets_pipeline.edits.intake import Intake, Letter, Taken
from sheets_pipeline.edits.messages import MessageRefused
from sheets_pipeline.errors import SheetsPipelineError

logger = logging.getLogger(__name__)

TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-Sheets-Pipeline-Timestamp", "X-Sheets-Pipeline-Signature"


#: Groups of messages that are noted at the same time, each with a connection that the pool keeps; those that come meanwhile
#: wait, and are the next group. So a message alone waits for nobody, and many at once cost little each.
_AT_ONCE = 2
#: Messages of a group.
_MOST = 50


class OnlyWebhook:
    """ASGI middleware of an application that serves nothing else: all other requests are answered by 404."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or is_webhook(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await JSONResponse({"error": "Expected POST /webhook; there is nothing else here."}, 404)(
                scope, receive, send
            )


def webhook_alone() -> FastAPI:
    """An application for a port of its own; ``add_webhook`` adds the one thing that it serves."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, token=None)
    app.add_middleware(OnlyWebhook)  # the last one is asked first
    return app


def add_webhook(app: FastAPI, intake: Intake, applier: Applier) -> None:
    """Serve the webhook; what is taken is applied right after it was committed."""
    letters = Letters(intake.receive_all)

    @app.post("/webhook", status_code=202, include_in_schema=False)
    async def webhook(request: Request) -> JSONResponse:
        headers = request.headers
        letter = Letter(await request.body(), headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, ""))
        try:
            taken = await letters.take(letter)
        except MessageRefused as refused:
            wait = {"Retry-After": "1"} if refused.status == 429 else {}
            return JSONResponse({"error": str(refused)}, status_code=refused.status, headers=wait)
        except (SheetsPipelineError, sa.exc.SQLAlchemyError) as error:
            why = str(error) if isinstance(error, SheetsPipelineError) else type(error).__name__
            logger.warning("A message of the Apps Script could not be noted: %s", why)
            # Whoever sent it edits a spreadsheet, and need not know where the database is.
            return JSONResponse(
                {"error": "The ledger cannot be written now. Send it again."}, 503, {"Retry-After": "5"}
            )
        if taken.cells or taken.asks_for_look:
            applier.wake(look=taken.asks_for_look)
        return JSONResponse({"taken": taken.kind, "cells": taken.cells}, status_code=202)


class Letters:
    """Those that wait to be noted, and the groups in which they are."""

    def __init__(self, receive_all: Callable[[Sequence[Letter]], Sequence[Taken | Exception]]) -> None:
        self._receive_all = receive_all
        self._waiting: list[tuple[Letter, asyncio.Future[Taken]]] = []
        self._workers: set[asyncio.Task[None]] = set()

    async def take(self, letter: Letter) -> Taken:
        """Note one, with others that wait; raises what kept it from being noted."""
        answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append((letter, answer))
        if len(self._workers) < _AT_ONCE:
            self._workers.add(asyncio.create_task(self._work()))
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._note(group)
        finally:  # in the same step in which nothing waited any more, or a letter that comes now would find nobody
            self._workers.remove(cast(asyncio.Task[None], asyncio.current_task()))

    async def _note(self, group: Sequence[tuple[Letter, asyncio.Future[Taken]]]) -> None:
        try:
            came_to = await run_in_threadpool(self._receive_all, [letter for letter, _ in group])
        except Exception as error:
            came_to = [error] * len(group)
        for (_, answer), one in zip(group, came_to, strict=True):
            if answer.done():  # whoever sent it has gone
                continue
            if isinstance(one, Exception):
                answer.set_exception(one)
            else:
                answer.set_result(one)
