"""``POST /webhook``: what the Apps Script sends. Signed messages stand in for the token."""

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from sheets_pipeline.edits.applier import Applier
from sheets_pipeline.edits.intake import Intake, MessageRefused

TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-Sheets-Pipeline-Timestamp", "X-Sheets-Pipeline-Signature"


def add_webhook(app: FastAPI, intake: Intake, applier: Applier) -> None:
    """Serve the webhook; what is taken is applied right after it was committed."""

    @app.post("/webhook", status_code=202, include_in_schema=False)
    async def webhook(request: Request) -> JSONResponse:
        headers = request.headers
        body = await request.body()
        try:
            taken = await run_in_threadpool(
                intake.receive, body, headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
            )
        except MessageRefused as refused:
            wait = {"Retry-After": "1"} if refused.status == 429 else {}
            return JSONResponse({"error": str(refused)}, status_code=refused.status, headers=wait)
        if taken.cells or taken.asks_for_look:
            applier.wake()
        return JSONResponse({"taken": taken.kind, "cells": taken.cells}, status_code=202)
