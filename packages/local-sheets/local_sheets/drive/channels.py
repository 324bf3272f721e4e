"""Channels: who wants to be told of changes, of which resource, where and until when.

See https://developers.google.com/workspace/drive/api/guides/push
"""

import hashlib
import ipaddress
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from local_sheets.drive.errors import DriveError, bad_request

#: Where a request names no time, and at most.
DEFAULT_SECONDS = 3600
MOST_SECONDS = {"files": 86_400, "changes": 604_800}
_API = "https://www.googleapis.com/drive/v3"
_KINDS = ("web_hook", "webhook")


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. ``file_id`` None watches the list of changes; ``caller`` is who made it."""

    id: str
    address: str
    resource_id: str
    resource_uri: str
    expiration_ms: int
    caller: str | None = None
    token: str | None = None
    file_id: str | None = None

    @property
    def is_over(self) -> bool:
        return self.expiration_ms <= time.time() * 1000

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    def resource(self) -> dict[str, Any]:
        """The API's ``Channel``."""
        found = {
            "kind": "api#channel",
            "id": self.id,
            "resourceId": self.resource_id,
            "resourceUri": self.resource_uri,
            "token": self.token,
            "expiration": str(self.expiration_ms),
        }
        return {name: value for name, value in found.items() if value is not None}


def read_channel(body: dict[str, Any], caller: str | None, file_id: str | None, query: dict[str, str]) -> Channel:
    """The channel that a request asks for.

    Raises:
        DriveError: 400, something of it is missing or cannot be.
    """
    path = "changes" if file_id is None else f"files/{file_id}"
    resource = f"{caller or ''} {path}"
    return Channel(
        id=_text(body, "id", 64),
        address=_address(body),
        resource_id=hashlib.sha256(resource.encode()).hexdigest()[:27],
        resource_uri=f"{_API}/{path}?{urlencode({'alt': 'json', **query})}",
        expiration_ms=_expiration(body, "changes" if file_id is None else "files"),
        caller=caller,
        token=_text(body, "token", 256) if body.get("token") else None,
        file_id=file_id,
    )


def _text(body: dict[str, Any], name: str, most: int) -> str:
    value = body.get(name)
    if not value:
        raise DriveError(400, f"Required field: {name}", "required")
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise bad_request(f"Invalid value for field {name}: expected a line of at most {most} characters.")
    return value


def _address(body: dict[str, Any]) -> str:
    kind = _text(body, "type", 64)
    if kind not in _KINDS:
        raise bad_request(f"Invalid value for field type: {kind}. Expected {' or '.join(_KINDS)}.")
    address = _text(body, "address", 2048)
    parts = urlsplit(address)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise bad_request(f"Invalid value for field address: {address}. Expected https://HOST/PATH.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise DriveError(400, f"WebHook callback must be HTTPS: {address}", "push.webhookUrlNotHttps")
    return address


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine: Google asks for https, which nobody needs to have on their own machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _expiration(body: dict[str, Any], kind: str) -> int:
    now = int(time.time() * 1000)
    given = body.get("expiration")
    if given is None:
        return now + DEFAULT_SECONDS * 1000
    try:
        wanted = int(given)
    except (TypeError, ValueError):
        raise bad_request("Invalid value for field expiration: expected milliseconds since 1970.") from None
    if wanted <= now:
        raise bad_request("Invalid value for field expiration: it is over already.")
    return min(wanted, now + MOST_SECONDS[kind] * 1000)
