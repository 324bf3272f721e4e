"""A Local Sheets inside this process that recorded requests are played to."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import orjson
from starlette.types import ASGIApp

from local_sheets.replay.compare import Ids
from local_sheets.replay.exchange import Exchange, read_json
from local_sheets.server.app import build_app
from local_sheets.server.context import Options, Server
from local_sheets.server.inner_call import ask_app

#: Headers that decide what a request means; the others are the tool's.
_PASSED_ON = ("content-type", "x-http-method-override", "x-goog-fieldmask")
_HOST = "127.0.0.1:8099"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        return read_json(self.body)


class Twin:
    """A fresh server, without sign-in, quota and network; ``ids`` is what stands here for what is recorded."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="local-sheets-replay-")
        self._server = Server(Options(Path(self._folder.name), port=int(_HOST.partition(":")[2]), auth=False))
        self._app: ASGIApp = build_app(self._server)
        self._loop = asyncio.new_event_loop()
        self.ids = Ids()

    def close(self) -> None:
        self._loop.close()
        self._server.close()
        self._folder.cleanup()

    def play(self, exchange: Exchange) -> Answer:
        """Send a recorded request, with ids of here."""
        path, _, query = exchange.path.partition("?")
        path = "/".join(quote(self._part(unquote(part)), safe=":@!$&'()*+,;=") for part in path.split("/"))
        body = exchange.body
        message = exchange.request_json()
        if isinstance(message, dict | list):
            body = orjson.dumps(self.ids.tree(message))
        headers = {name: text for name, text in exchange.headers.items() if name in _PASSED_ON}
        return self.send(exchange.method, f"{path}?{self._query(query)}", body, headers)

    def _part(self, text: str) -> str:
        """A part of a path: an id, or an id and a verb (``1abc:batchUpdate``, ``77:copyTo``), or anything else."""
        first, colon, rest = text.partition(":")
        return f"{self.ids.number(first) if rest == 'copyTo' else self.ids.text(first)}{colon}{self.ids.text(rest)}"

    def _query(self, query: str) -> str:
        parts = (part.partition("=") for part in query.split("&") if part)
        kept = [(name, text) for name, _, text in parts if name not in ("key", "access_token", "oauth_token")]
        here = [(name, unquote(text.replace("+", " "))) for name, text in kept]
        mapped = [(name, self.ids.number(text) if name == "gid" else self.ids.text(text)) for name, text in here]
        return "&".join(f"{name}={quote(text, safe='')}" for name, text in mapped)

    def send(
        self, method: str, path: str, body: bytes | dict[str, Any] = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request as it stands."""
        content = orjson.dumps(body) if isinstance(body, dict) else body
        given = {"content-type": "application/json", **(headers or {}), "host": _HOST}
        found = self._loop.run_until_complete(ask_app(self._app, method, path, content, given))
        return Answer(found.status or 500, found.body)
