"""Carries out a request inside this process: an API's with the very function that serves its clients, or any of an application."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Scope

from local_sheets.server.page_mark import KIND_MARK, PAGE_MARK

if TYPE_CHECKING:
    from local_sheets.server.context import Server


async def call_api(
    server: "Server", method: str, path: str, body: dict[str, Any], user: str, *, kind: str = "page"
) -> Response:
    """Send a request past the door: routed, checked, carried out and logged as any other.

    Args:
        server: The running server.
        method: HTTP method.
        path: Percent-encoded path, with its query.
        body: The request's JSON.
        user: Whom the log names.
        kind: What the log calls it, beside ``read`` and ``write`` of the API's clients.
    """
    from local_sheets.server.api import serve

    content = orjson.dumps(body)
    headers = {"content-type": "application/json", "content-length": str(len(content))}
    scope = {**_scope(method, path, headers), PAGE_MARK: user, KIND_MARK: kind}

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return await serve(server, Request(scope, receive))


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """What an application sent; the status is 0 if it was nothing."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask_app(
    app: ASGIApp, method: str, path: str, content: bytes, headers: Mapping[str, str], extensions: Any = None
) -> AppAnswer:
    """Send a request to an application, as if it had come over HTTP. ``path`` is percent-encoded, with its query."""
    scope = _scope(method, path, {**headers, "content-length": str(len(content))})
    scope["client"] = ("127.0.0.1", 1)
    if extensions:
        scope["extensions"] = extensions
    status, received, parts = 0, dict[str, str](), list[bytes]()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            received.update({name.decode(): text.decode("latin-1") for name, text in message.get("headers", ())})
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return AppAnswer(status, received, b"".join(parts))


def _scope(method: str, path: str, headers: Mapping[str, str]) -> Scope:
    raw_path, _, query = path.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), text.encode("latin-1", "replace")) for name, text in headers.items()],
        "client": None,
        "server": None,
    }
