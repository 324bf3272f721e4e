"""The ASGI application: which host names it answers to, its routes, and cutting a connection when a fault wants it."""

import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sheets_pipeline.local_sheets.drive.routes import drive_routes
from sheets_pipeline.local_sheets.page.routes import Page
from sheets_pipeline.local_sheets.server.api import ConnectionLost, serve
from sheets_pipeline.local_sheets.server.auth import TokenRefused
from sheets_pipeline.local_sheets.server.context import Server
from sheets_pipeline.local_sheets.server.encoding import JSON_TYPE, json_bytes
from sheets_pipeline.local_sheets.server.local_routes import local_routes

#: Where a request finds the function that cuts its connection.
_CUT = "local_sheets.cut_connection"


class CuttableProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, which also lets the application cut the connection without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_CUT: {"cut": self._cut}}

    def _cut(self) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Cut(Response):
    """No answer: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][_CUT]["cut"]()


def build_app(server: Server) -> ASGIApp:
    """The application of a server."""

    async def sheets_api(request: Request) -> Response:
        try:
            return await serve(server, request)
        except ConnectionLost:
            return _Cut()

    async def token(request: Request) -> Response:
        return await _token(server, request)

    page = Page(server)
    routes: list[BaseRoute] = [
        Route("/token", token, methods=["POST"]),
        *local_routes(server),
        *drive_routes(server),
        *page.routes(),
        Route("/v4/{rest:path}", sheets_api, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        page.stop()
        server.close()

    return _Door(Starlette(routes=routes, lifespan=lifespan), server)


async def _token(server: Server, request: Request) -> Response:
    """The OAuth token endpoint for service accounts."""
    audiences = {f"{origin}/token" for origin in own_origins(server)} | {"https://oauth2.googleapis.com/token"}
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


def own_origins(server: Server) -> set[str]:
    """Origins under which this server is asked for: its own names with its own port."""
    port = server.options.port
    names = {"127.0.0.1", "localhost", "[::1]", server.options.host, *server.options.allowed_hosts}
    origins = {f"{scheme}://{name}:{port}" for name in names for scheme in ("http", "https")}
    extra = {f"{scheme}://{name}" for name in server.options.allowed_hosts for scheme in ("http", "https")}
    return origins | extra


class _Door:
    """Lets in only requests that name one of our own hosts, so that no foreign web page can reach the spreadsheets.

    See https://developer.mozilla.org/docs/Web/HTTP/Headers/Host and ``Origin`` (DNS rebinding, cross-site requests).
    """

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server
        self._origins: set[str] = set()
        self._port = -1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        if self._port != self._server.options.port:
            self._port, self._origins = self._server.options.port, own_origins(self._server)
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if f"http://{host}" not in self._origins:
            return f"Host {host!r} is not a name of this server: use {self._server.endpoint} or start it with --allow-host."
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower() not in self._origins:
            return "Requests from other web pages are refused."
        if headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site") and not _is_followed_link(scope, headers):
            return "Requests from other web pages are refused."
        return None


def _is_followed_link(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a person follows a link, in a window or tab: a page of ours then stands alone in it."""
    return (
        scope["method"] == "GET"
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and headers.get(b"sec-fetch-dest", b"document") == b"document"
    )
