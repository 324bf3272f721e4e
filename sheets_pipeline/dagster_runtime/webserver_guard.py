"""Who may use Dagster's webserver: people and programs that ask for it by its own name, never pages of others.

Dagster's webserver has no sign-in, takes changes by GET and answers to any name: without this, whatever page somebody
looks at could start runs, by an image whose address is a mutation. All of it passes through here, WebSockets included.
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sheets_pipeline.web.addresses import is_address, is_loopback
from sheets_pipeline.web.bodies import Disconnected, read_body
from sheets_pipeline.web.connections import most_connections
from sheets_pipeline.web.origin import Refusal, foreign_page, host_name, malformed, not_json

#: A GraphQL request carries a run's whole configuration.
_BODY_BYTES = 16 * 1024 * 1024
_READING = ("GET", "HEAD", "OPTIONS")

#: No page of others may hold ours in a frame, or take its files for its own; Dagster's own headers stay.
_HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def webserver_refusal(scope: Scope, names: Collection[str]) -> Refusal | None:
    """Why this request or WebSocket is refused; None where it may go on.

    Args:
        scope: Of ASGI.
        names: By which the webserver may be asked for, beside this machine's own (DAGSTER_ALLOWED_HOSTS).
    """
    refused = malformed(scope) or _foreign_name(scope, names) or foreign_page(scope, names)
    if refused or scope["type"] == "websocket":
        return refused
    if scope["method"] not in _READING:
        return not_json(scope)
    if _is_graphql(scope) and "text/html" not in Headers(scope=scope).get("accept", ""):
        return Refusal(405, "Expected GraphQL by POST with `Content-Type: application/json`; a GET is not executed.")
    return None


def _foreign_name(scope: Scope, names: Collection[str]) -> Refusal | None:
    name = host_name(scope)
    if is_loopback(name) or name in {allowed.rpartition(":")[0] or allowed for allowed in names}:
        return None
    if is_address(name) and not is_loopback((scope.get("server") or ("", 0))[0]):
        return None  # no page can have made an address its own name
    return Refusal(
        403,
        f"Expected the name localhost or 127.0.0.1, found {name!r}. Open the Dagster UI by one of these names; where a "
        f"reverse proxy serves it under another name, set DAGSTER_ALLOWED_HOSTS={name}.",
    )


def _is_graphql(scope: Scope) -> bool:
    """Whether GraphQL may be executed at this path, under whatever prefix."""
    return str(scope["path"]).rstrip("/").rpartition("/")[2].lower() == "graphql"


class WebserverGuard:
    """ASGI middleware in front of Dagster's webserver."""

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self.app, self.names = app, tuple(name.lower() for name in names)
        self._sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refused = webserver_refusal(scope, self.names)
        if scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send, refused)
            return
        if refused is None:
            try:
                body = await read_body(scope, receive, _BODY_BYTES)
            except Disconnected:
                return
            if not isinstance(body, Refusal):
                await self.app(_without_get_query(scope), body, _with_headers(send))
                return
            refused = body
        answer = JSONResponse({"error": refused.message}, refused.status, {"Connection": "close"})
        await answer(scope, receive, _with_headers(send))

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send, refused: Refusal | None) -> None:
        """WebSockets stay open: no more of them than leave every other connection its place."""
        if refused is not None or self._sockets >= most_connections() // 2:
            await receive()
            await send({"type": "websocket.close", "code": 1008 if refused else 1013})
            return
        self._sockets += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._sockets -= 1


def _without_get_query(scope: Scope) -> Scope:
    """A GraphQL page without what stands behind the ``?``: there is nothing left that could be executed."""
    return {**scope, "query_string": b""} if scope["method"] in _READING and _is_graphql(scope) else scope


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.append("Content-Security-Policy", "frame-ancestors 'self'")
        await send(message)

    return sending
