"""Carries out an API request inside this process, with the very function that serves the API's clients."""

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

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
    raw_path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())],
        "client": None,
        "server": None,
        PAGE_MARK: user,
        KIND_MARK: kind,
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return await serve(server, Request(scope, receive))
