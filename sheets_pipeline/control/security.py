"""Who may call the control API: bearer of the token, or programs on this machine; never pages of other origins.

Without a token only loopback peers are served, and only under a loopback name: a page whose host name was made to
point to 127.0.0.1 (DNS rebinding) is refused by its Host header. Cross-origin pages are refused by Origin and
Sec-Fetch-Site, and cannot send what a POST needs beside: a JSON content type or a header of its own. What is decided by
the path is decided by that of the scope, which routes are matched with; see ``origin``.
"""

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sheets_pipeline.edits.intake import BODY_BYTES as WEBHOOK_BYTES
from sheets_pipeline.web.addresses import is_loopback
from sheets_pipeline.web.bodies import Disconnected, read_body
from sheets_pipeline.web.origin import Refusal, foreign_page, host_name, malformed, not_json, route_path

#: Served without the token: health for load balancers, and pages that hold no data of their own.
OPEN_PATHS = ("/", "/dashboard", "/dashboard/edits", "/dashboard/sources", "/docs", "/openapi.json")
OPEN_PREFIX = "/page/"
#: Served to everybody, behind any proxy: each message is signed (``edits/intake.py``).
WEBHOOK = "/webhook"

#: A header that no form and no foreign page can send; stands in for a JSON content type.
OWN_HEADER = "X-Sheets-Pipeline"

#: Any of these, or one that begins so, comes from a proxy: then the peer is not who asks.
_PROXY_HEADERS = ("forwarded", "x-forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-", "via")

#: Far more than any of our requests needs.
_BODY_BYTES = 65_536

#: Nothing but our own files; no frame may hold the page; no form leaves it. See https://www.w3.org/TR/CSP3/
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def refusal(scope: Scope, token: str | None) -> Refusal | None:
    """Why this request is refused; None where it may go on."""
    if scope["type"] != "http":
        return Refusal(403, "Expected HTTP; there are no WebSockets here.")
    if is_webhook(scope):
        return malformed(scope)
    refused = malformed(scope) or (_not_from_here(scope) if token is None else _without_token(scope, token))
    refused = refused or foreign_page(scope)
    if refused is None and scope["method"] not in ("GET", "HEAD") and OWN_HEADER not in Headers(scope=scope):
        refused = not_json(scope)
    return refused


def is_trusted(scope: Scope, token: str | None) -> bool:
    """Whether a request that is served anyway may be told more than health: it has the token, or none is needed."""
    return token is None or _has_token(scope, token)


def is_webhook(scope: Scope) -> bool:
    """Whether it is a message of the Apps Script, which is signed."""
    return scope["type"] == "http" and scope["method"] == "POST" and route_path(scope) == WEBHOOK


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)


def _not_from_here(scope: Scope) -> Refusal | None:
    headers = Headers(scope=scope)
    peer = (scope.get("client") or ("", 0))[0]
    if not is_loopback(peer):
        return Refusal(403, f"Only this machine is served, found a request from {peer}. Set CONTROL_API_TOKEN.")
    if proxied := [name for name in headers if name.startswith(_PROXY_HEADERS)]:
        return Refusal(
            403, f"Only this machine is served, found a proxy's header {proxied[0]!r}. Set CONTROL_API_TOKEN."
        )
    if not is_loopback(host_name(scope)):
        return Refusal(
            403,
            f"Expected the name localhost or 127.0.0.1, found {headers.get('host', '')!r}. Open the address by one of "
            "these names, or set CONTROL_API_TOKEN.",
        )
    return None


def _without_token(scope: Scope, token: str) -> Refusal | None:
    if _is_open(route_path(scope)) or _has_token(scope, token):
        return None
    return Refusal(401, "Expected the header `Authorization: Bearer TOKEN` with the value of CONTROL_API_TOKEN.")


def _has_token(scope: Scope, token: str) -> bool:
    scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
    return hmac.compare_digest(given.strip().encode(), token.encode()) and scheme.lower() == "bearer"


class Guard:
    """ASGI middleware: refuses what may not be served and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refused = refusal(scope, self.token)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if refused is None:
            try:
                body = await read_body(scope, receive, WEBHOOK_BYTES if is_webhook(scope) else _BODY_BYTES)
            except Disconnected:
                return
            if not isinstance(body, Refusal):
                await self.app(self._with_facts(scope), body, _with_headers(scope, send))
                return
            refused = body
        headers = {"Connection": "close"}
        if refused.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        answer = JSONResponse({"error": refused.message}, status_code=refused.status, headers=headers)
        await answer(scope, receive, _with_headers(scope, send))

    def _with_facts(self, scope: Scope) -> Scope:
        """The scope with what was found out: whether it is trusted, and that a body without a type is JSON."""
        state = {**scope.get("state", {}), "is_trusted": is_trusted(scope, self.token)}
        headers = [pair for pair in scope["headers"] if pair[0] != b"content-type" or pair[1].strip()]
        if not any(name == b"content-type" for name, _ in headers):
            headers.append((b"content-type", b"application/json"))
        return {**scope, "state": state, "headers": headers}


def _with_headers(scope: Scope, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(SECURITY_HEADERS)
            # Pages ask each time whether a file is still the same; answers are never kept.
            is_file = route_path(scope).startswith(OPEN_PREFIX)
            headers["Cache-Control"] = "no-cache" if is_file else "no-store"
        await send(message)

    return sending
