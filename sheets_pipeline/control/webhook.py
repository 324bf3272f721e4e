"""``POST /webhook``: what the Apps Script sends. Signed messages stand in for the token."""

import asyncio
import logging

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sheets_pipeline.control.security import Guard, is_webhook
from sheets_pipeline.edits.applier import Applier
from sheets_pipeline.edits.intake import Intake
from sheets_pipeline.edits.messages import MessageRefused
from sheets_pipeline.errors import SheetsPipelineError

logger = logging.getLogger(__name__)

TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-Sheets-Pipeline-Timestamp", "X-Sheets-Pipeline-Signature"


#: Messages that are noted at the same time, each with a connection that the pool keeps. More would not be quicker, and make
#: and close a connection each; the others wait their turn.
_AT_ONCE = 4


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
    at_once = asyncio.Semaphore(_AT_ONCE)

    @app.post("/webhook", status_code=202, include_in_schema=False)
    async def webhook(request: Request) -> JSONResponse:
        headers = request.headers
        body = await request.body()
        try:
            async with at_once:
                taken = await run_in_threadpool(
                    intake.receive, body, headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
                )
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
