"""What every request passes: whose page it comes from, how large its body is, how it is packed, what it really asks.

See https://developer.mozilla.org/docs/Web/HTTP/Headers/Host and ``Origin`` (DNS rebinding, cross-site requests), and
https://cloud.google.com/apis/docs/system-parameters for ``X-HTTP-Method-Override``.
"""

import asyncio
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_sheets.api_error import ApiError
from local_sheets.server.encoding import JSON_TYPE, json_bytes

if TYPE_CHECKING:
    from local_sheets.server.context import Server

#: Of a body, unpacked: for the APIs and the page, and for all else.
MOST_BYTES, MOST_OTHER_BYTES = 64 * 1024 * 1024, 1024 * 1024
#: Of all bodies that are read or worked on at a time.
_MOST_BYTES_TOGETHER = 256 * 1024 * 1024
#: Between two parts of a body, and for all of it.
PART_SECONDS, BODY_SECONDS = 15.0, 120.0

_APIS = ("/v4/", "/drive/", "/upload/", "/batch")
_OVERRIDES = (b"x-http-method-override", b"x-http-method", b"x-method-override")
_VERBS = ("GET", "PUT", "PATCH", "DELETE")
_FORM = b"application/x-www-form-urlencoded"


class Door:
    """Lets in requests that name one of our own hosts, with bodies that are not too large, each as its sender meant it."""

    def __init__(self, app: ASGIApp, server: "Server") -> None:
        self._app = app
        self._server = server
        self._origins: set[str] = set()
        self._port = -1
        self._bytes_under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers:
            await self._app(_meant(scope, headers, b"")[0], receive, send)
            return
        held = _Held(self)
        try:
            try:
                body = await self._body(scope, headers, receive, held)
            except ApiError as error:
                await _refused(error)(scope, receive, send)
                return
            scope, body = _meant(scope, headers, body)
            await self._app(scope, _replayed(body, receive), send)
        finally:
            held.release()

    # -- whose page

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

    # -- the body

    async def _body(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, held: "_Held") -> bytes:
        """All of the body, unpacked.

        Raises:
            ApiError: It is too large, too slow, or not packed as it says.
        """
        most = MOST_BYTES if scope["path"].startswith((*_APIS, "/page/")) else MOST_OTHER_BYTES
        if int(headers.get(b"content-length", b"0")) > most:
            raise _too_large(most)
        unpack = _unpacker(headers.get(b"content-encoding", b"").decode("latin-1").strip().lower())
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while more:
                    async with asyncio.timeout(PART_SECONDS):
                        message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ApiError(400, "The request ended before its body did.")
                    part = unpack.take(message.get("body", b""), most - size + 1)
                    size, more = size + len(part), message.get("more_body", False)
                    held.add(len(part))
                    parts.append(part)
                    if size > most:
                        raise _too_large(most)
        except TimeoutError:
            raise ApiError(408, "The body of the request did not arrive in time.") from None
        unpack.finish()
        return b"".join(parts)


class _Held:
    """The bytes of one request among those under way."""

    def __init__(self, door: Door) -> None:
        self._door, self._size = door, 0

    def add(self, size: int) -> None:
        self._size += size
        self._door._bytes_under_way += size
        if self._door._bytes_under_way > _MOST_BYTES_TOGETHER:
            raise ApiError(503, "The service is currently unavailable.")

    def release(self) -> None:
        self._door._bytes_under_way -= self._size


def _too_large(most: int) -> ApiError:
    return ApiError(413, f"Request payload size exceeds the limit: {most} bytes.")


def _refused(error: ApiError) -> Response:
    """Whoever is still sending is not listened to any longer."""
    body = json_bytes(error.body(), pretty=True)
    return Response(body, error.code, {"content-type": JSON_TYPE, "connection": "close"})


class _Plain:
    """A body that is not packed."""

    def take(self, part: bytes, most: int) -> bytes:
        return part

    def finish(self) -> None:
        return None


class _Gzip:
    """A body packed with gzip, unpacked as it arrives and no further than is allowed."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def take(self, part: bytes, most: int) -> bytes:
        found = b""
        try:
            while part and len(found) < most:
                if self._inner.eof:
                    self._inner = zlib.decompressobj(wbits=31)
                found += self._inner.decompress(part, most - len(found))
                part = self._inner.unconsumed_tail or self._inner.unused_data
        except zlib.error:
            raise ApiError(400, "The body is not packed with gzip, as its Content-Encoding says.") from None
        return found

    def finish(self) -> None:
        if not self._inner.eof:
            raise ApiError(400, "The body is packed with gzip and ends too early.")


def _unpacker(encoding: str) -> _Plain | _Gzip:
    if encoding in ("gzip", "x-gzip"):
        return _Gzip()
    if encoding in ("", "identity"):
        return _Plain()
    raise ApiError(400, f"Content-Encoding is {encoding!r}: expected gzip, or none.")


# -- what is asked


def _meant(scope: Scope, headers: Mapping[bytes, bytes], body: bytes) -> tuple[Scope, bytes]:
    """The request that a POST stands for, where its sender could send nothing else; the headers as for an unpacked body.

    A GET whose address would be too long comes as a form: its fields are the address's.
    """
    sent = [(name, text) for name, text in scope["headers"] if name not in (b"content-encoding", b"content-length")]
    found = {**scope, "headers": [*sent, (b"content-length", str(len(body)).encode())]}
    verb, query = _override(headers, scope["query_string"])
    if scope["method"] != "POST" or verb not in _VERBS or not scope["path"].startswith(_APIS):
        return found, body
    found |= {"method": verb, "query_string": query}
    if verb == "GET" and headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == _FORM:
        found["query_string"] = b"&".join(part for part in (query, body.strip()) if part)
    return found, (b"" if verb == "GET" else body)


def _override(headers: Mapping[bytes, bytes], query: bytes) -> tuple[str, bytes]:
    """The verb that stands in a header or in ``$httpMethod``, and the query without the latter."""
    kept, verb = [], b""
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name.lower() in (b"$httpmethod", b"%24httpmethod"):
            verb = value
        else:
            kept.append(part)
    verb = next((headers[name] for name in _OVERRIDES if name in headers), verb)
    return verb.decode("latin-1").strip().upper(), b"&".join(kept)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever comes of the connection."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def own_origins(server: "Server") -> set[str]:
    """Origins under which this server is asked for: its own names with its own port."""
    port = server.options.port
    names = {"127.0.0.1", "localhost", "[::1]", server.options.host, *server.options.allowed_hosts}
    origins = {f"{scheme}://{name}:{port}" for name in names for scheme in ("http", "https")}
    extra = {f"{scheme}://{name}" for name in server.options.allowed_hosts for scheme in ("http", "https")}
    return origins | extra


def _is_followed_link(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a person follows a link, in a window or tab: a page of ours then stands alone in it."""
    return (
        scope["method"] == "GET"
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and headers.get(b"sec-fetch-dest", b"document") == b"document"
    )
