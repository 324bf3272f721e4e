"""Where a request comes from, told by its headers: the name it asked for, and whether a foreign page sent it.

Browsers cannot be made to leave out or forge these: ``Host`` is the name in the address bar (so a page whose name was
made to point to this machine is known by it), ``Origin`` comes with every POST and WebSocket, ``Sec-Fetch-*`` with every
request to a trustworthy address. The path is never taken from a URL put together with ``Host``, only from the scope.
Sources: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site, https://web.dev/articles/fetch-metadata
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

_HOST = re.compile(
    r"(?P<name>[a-z0-9](?:[a-z0-9._-]{0,252})|\[[0-9a-f:.]{2,45}\])(?P<port>:[0-9]{1,5})?", re.IGNORECASE
)
_OWN_SITES = ("same-origin", "none")


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served: HTTP status, and what to do."""

    status: int
    message: str


def route_path(scope: Scope) -> str:
    """The decoded path that routes are matched with: without the prefix under which the application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(root) :] if root and (path == root or path.startswith(f"{root}/")) else path


def malformed(scope: Scope) -> Refusal | None:
    """Why a request cannot be what it claims: more than one ``Host``, one that is no name, or a path without ``/``.

    None at all is what monitors send that speak HTTP/1.0; it names nothing, so it passes for no name of ours.
    """
    if not str(scope["path"]).startswith("/"):
        return Refusal(400, "Expected a path that begins with a slash.")
    hosts = Headers(scope=scope).getlist("host")
    if len(hosts) > 1:
        return Refusal(400, f"Expected the header `Host` once, found it {len(hosts)} times.")
    if hosts and not _HOST.fullmatch(hosts[0]):
        return Refusal(400, "Expected the header `Host` to be a name or an address, with a port or without.")
    return None


def host_name(scope: Scope) -> str:
    """The name or address that was asked for, without its port."""
    match = _HOST.fullmatch(Headers(scope=scope).get("host", ""))
    return match["name"].strip("[]").lower() if match else ""


def foreign_page(scope: Scope, own_places: Collection[str] = ()) -> Refusal | None:
    """Why this request is taken for one of a foreign page; None for our own pages and for programs.

    Following a link to one of our pages is allowed to everybody.

    Args:
        scope: Of the request or WebSocket.
        own_places: Names (with a port where it is not the usual one) that pages of ours have beside ``Host``: where a
            reverse proxy does not hand ``Host`` on.
    """
    headers = Headers(scope=scope)
    origins = headers.getlist("origin")
    own = {_place(headers.get("host", "")), *(_place(place) for place in own_places)}
    if foreign := [origin for origin in origins if _origin_place(origin) not in own]:
        return Refusal(403, f"Refused: sent by a page of another origin ({foreign[0][:200]}).")
    sites = [site for site in headers.getlist("sec-fetch-site") if site not in _OWN_SITES]
    if sites and not _is_link(scope, headers):
        return Refusal(403, f"Refused: sent by a page of another origin ({sites[0][:200]}).")
    return None


def is_browser(scope: Scope) -> bool:
    """Whether any header tells of a browser, old ones included; programs (curl, scripts, monitors) send none of these."""
    headers = Headers(scope=scope)
    if headers.get("user-agent", "").lower().startswith("mozilla/"):
        return True
    return any(name in ("origin", "referer", "cookie") or name.startswith("sec-") for name in headers)


def not_json(scope: Scope) -> Refusal | None:
    """Why a POST has not what only our own pages and programs can send: the content type JSON.

    A program may leave the content type out; whatever forms and pages send without asking first is refused.
    """
    sent_types = Headers(scope=scope).getlist("content-type")
    types = {value.partition(";")[0].strip().lower() for value in sent_types} - {""}
    if types == {"application/json"} or (not types and not is_browser(scope)):
        return None
    sent = ", ".join(sorted(types)) or "none"
    return Refusal(
        415, f"Expected `Content-Type: application/json`, found {sent[:200]!r}. Without a body, send `{{}}`."
    )


def _is_link(scope: Scope, headers: Headers) -> bool:
    """Whether somebody follows a link in a window of its own: no frame, no image, nothing that changes anything."""
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and headers.getlist("sec-fetch-mode") == ["navigate"]
        and headers.getlist("sec-fetch-dest") == ["document"]
    )


def _origin_place(origin: str) -> str | None:
    """Name and port of an origin; None for ``null`` and what is no origin."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return _place(parts.netloc) if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc) else None


def _place(host: str) -> str:
    """A name with its port, the usual ports left out: whether TLS ends before us is not known here."""
    return re.sub(r":(80|443)$", "", host.lower())
