"""Who may call the control API: bearer of the token, or programs on this machine; never pages of other origins.

Without a token only loopback peers are served, and only under a loopback name: a page whose host name was made to
point to 127.0.0.1 (DNS rebinding) is refused by its Host header. Cross-origin pages are refused by Origin and
Sec-Fetch-Site, and cannot send what a POST needs beside: a JSON content type or a header of its own.
Source: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sheets_pipeline.control.reach import is_loopback

#: Served without the token: health for load balancers, and pages that hold no data of their own.
OPEN_PATHS = ("/", "/dashboard", "/docs", "/openapi.json")
OPEN_PREFIX = "/page/"

#: A header that no form and no foreign page can send; stands in for a JSON content type.
OWN_HEADER = "X-Sheets-Pipeline"

_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")

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


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served: HTTP status, and what to do."""

    status: int
    message: str


def refusal(request: Request, token: str | None) -> Refusal | None:
    """Why this request is refused; None where it may go on."""
    if token is None:
        refused = _not_from_here(request)
    else:
        refused = None if _is_open(request.url.path) else _without_token(request, token)
    if refused is None and request.method not in ("GET", "HEAD"):
        refused = _foreign_page(request)
    return refused


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)


def _not_from_here(request: Request) -> Refusal | None:
    peer = request.client.host if request.client else ""
    if not is_loopback(peer):
        return Refusal(403, f"Only this machine is served, found a request from {peer}. Set CONTROL_API_TOKEN.")
    if found := [name for name in _PROXY_HEADERS if name in request.headers]:
        return Refusal(403, f"Only this machine is served, found a proxy's header {found[0]!r}. Set CONTROL_API_TOKEN.")
    if not is_loopback(_host_name(request)):
        return Refusal(
            403,
            f"Expected the name localhost or 127.0.0.1, found {request.headers.get('host', '')!r}. Open the address by "
            "one of these names, or set CONTROL_API_TOKEN.",
        )
    return None


def _host_name(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _without_token(request: Request, token: str) -> Refusal | None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() == "bearer" and is_right:
        return None
    return Refusal(401, "Expected the header `Authorization: Bearer TOKEN` with the value of CONTROL_API_TOKEN.")


def _foreign_page(request: Request) -> Refusal | None:
    headers = request.headers
    site = headers.get("sec-fetch-site", "same-origin")
    origin = headers.get("origin")
    is_own = origin is None or _place(origin) == headers.get("host", "")
    if site not in ("same-origin", "none") or not is_own:
        return Refusal(403, f"Refused: sent by a page of another origin ({origin or site}).")
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json" and OWN_HEADER not in headers:
        return Refusal(
            415, f"Expected `Content-Type: application/json`, found {content_type!r}. Without a body, send `{{}}`."
        )
    return None


class Guard:
    """ASGI middleware: refuses what may not be served and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                # Pages ask each time whether a file is still the same; answers are never kept.
                is_file = scope["path"].startswith(OPEN_PREFIX)
                headers["Cache-Control"] = "no-cache" if is_file else "no-store"
            await send(message)

        refused = refusal(Request(scope), self.token)
        if refused is None:
            await self.app(scope, receive, with_headers)
            return
        headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
        answer = JSONResponse({"error": refused.message}, status_code=refused.status, headers=headers)
        await answer(scope, receive, with_headers)
