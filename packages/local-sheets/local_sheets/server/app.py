"""The ASGI application: its routes, the token endpoint, and cutting a connection when a fault wants it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local_sheets.apps_script.routes import AppsScript
from local_sheets.doors.routes import door_routes
from local_sheets.drive.routes import drive_routes
from local_sheets.page.routes import Page
from local_sheets.server.api import ConnectionLost, serve
from local_sheets.server.auth import TokenRefused
from local_sheets.server.batch import serve_batch
from local_sheets.server.connection import CUT
from local_sheets.server.context import Server
from local_sheets.server.door import Door, own_origins
from local_sheets.server.encoding import JSON_TYPE, json_bytes
from local_sheets.server.import_routes import import_routes
from local_sheets.server.local_routes import local_routes

#: Where Google gives tokens out; clients of some languages have one of these written into them.
_TOKEN_PATHS = ("/token", "/oauth2/v4/token", "/oauth2/v3/token", "/o/oauth2/token")
_TOKEN_HOSTS = ("https://oauth2.googleapis.com", "https://www.googleapis.com", "https://accounts.google.com")

_SHEETS_VERBS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")


class _Cut(Response):
    """No answer: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][CUT]["cut"]()


class _SheetsFirst:
    """Takes the Sheets API's requests out of what goes through all routes of the other doors, one after the other."""

    def __init__(self, others: ASGIApp, server: Server) -> None:
        self._others, self._server = others, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v4/"):
            await self._others(scope, receive, send)
            return
        response: Response
        if scope["method"] in _SHEETS_VERBS:
            try:
                response = await serve(self._server, Request(scope, receive))
            except ConnectionLost:
                response = _Cut()
        else:
            response = PlainTextResponse("Method Not Allowed", 405, {"allow": ", ".join(_SHEETS_VERBS)})
        await response(scope, receive, send)


def build_app(server: Server) -> ASGIApp:
    """The application of a server."""

    async def token(request: Request) -> Response:
        return await _token(server, request)

    async def batch(request: Request) -> Response:
        return await serve_batch(app, request)

    room = AppsScript(server)
    page = Page(server, room.scripts)
    routes: list[BaseRoute] = [
        *(Route(path, token, methods=["POST"]) for path in _TOKEN_PATHS),
        *(Route(path, batch, methods=["POST"]) for path in ("/batch", "/batch/drive/v3")),
        *local_routes(server),
        *import_routes(server),
        *door_routes(server),
        *drive_routes(server),
        *page.routes(),
        *room.routes(),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        server.loop = asyncio.get_running_loop()
        await room.scripts.start()
        yield
        server.loop = None
        await room.scripts.stop()
        page.stop()
        server.close()

    others = Starlette(routes=routes, lifespan=lifespan, exception_handlers={ConnectionLost: _cut})
    app = _SheetsFirst(others, server)
    return Door(app, server)


async def _cut(_: Request, __: Exception) -> Response:
    return _Cut()


async def _token(server: Server, request: Request) -> Response:
    """The OAuth token endpoint for service accounts."""
    audiences = {f"{origin}{path}" for origin in (*own_origins(server), *_TOKEN_HOSTS) for path in _TOKEN_PATHS}
    try:
        form = {key: str(value) for key, value in (await _form(request)).items()}
        return Response(json_bytes(server.gate.issue(form, audiences), pretty=True), media_type=JSON_TYPE)
    except TokenRefused as refused:
        return Response(json_bytes(refused.body, pretty=True), 400, media_type=JSON_TYPE)


async def _form(request: Request) -> dict[str, Any]:
    from urllib.parse import parse_qsl

    body = await request.body()
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            found = orjson.loads(body)
        else:
            found = dict(parse_qsl(body.decode()))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TokenRefused("invalid_request", "The body is neither a form nor a JSON object.")
    return found
