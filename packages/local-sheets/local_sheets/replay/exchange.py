"""One recorded request with its answer, whatever tool recorded it."""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

_HOSTS = ("googleapis.com", "docs.google.com")
_PATHS = ("/v4/spreadsheets", "/drive/v3/", "/upload/drive/", "/spreadsheets/d/", "/spreadsheets/export")
_SIGN_IN = ("oauth2.googleapis.com", "accounts.google.com", "iamcredentials.googleapis.com", "sts.googleapis.com")
#: Answers that tell of who asked when, not of what: everybody may do everything here.
_NOT_REPEATED = {0: "without an answer", 401: "missing rights", 403: "missing rights", 429: "quota"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. Header names are in small letters; bodies are unpacked."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int = 200
    answer: bytes = b""

    @property
    def path(self) -> str:
        """Path and query, still percent-encoded."""
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def left_out_because(self) -> str | None:
        """Why the request is none for Local Sheets, None when it is one."""
        host = urlsplit(self.url).hostname or ""
        if host in _SIGN_IN or self.path.partition("?")[0].endswith("/token"):
            return "sign-in"
        if self.status in _NOT_REPEATED or self.status >= 500:
            return _NOT_REPEATED.get(self.status, "outages")
        ours = host.endswith(_HOSTS) or host in ("localhost", "127.0.0.1")
        return None if ours and self.path.startswith(_PATHS) else "other services"

    def request_json(self) -> Any:
        return read_json(self.body)

    def answer_json(self) -> Any:
        return read_json(self.answer)


@dataclass(frozen=True, slots=True)
class Recording:
    """The exchanges of one file, in their order."""

    path: Path
    exchanges: tuple[Exchange, ...]


def read_json(content: bytes) -> Any:
    """What a body says as JSON, None when it is none."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def unpacked(content: bytes) -> bytes:
    """A body as it was before it was packed with gzip."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return content
