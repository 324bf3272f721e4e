"""Several requests in one: ``POST /batch`` for Sheets, ``/batch/drive/v3`` for Drive, in parts of ``multipart/mixed``.

See https://developers.google.com/workspace/drive/api/guides/performance#batch-requests
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from local_sheets.api_error import ApiError, invalid
from local_sheets.server.api import ConnectionLost
from local_sheets.server.encoding import JSON_TYPE, json_bytes
from local_sheets.server.inner_call import AppAnswer, ask_app

MOST_PARTS = 100
_APIS = ("/v4/", "/drive/v3/")
#: Of the batch itself, which its parts have too unless they say otherwise.
_SHARED = ("authorization", "host", "x-goog-user-project")


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch. ``content_id`` is its sender's name for it."""

    content_id: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def read_parts(body: bytes, content_type: str) -> list[Part]:
    """The requests of a batch.

    Raises:
        ApiError: 400, it is none, or one of too many parts.
    """
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise invalid("Failed to parse batch request, error: The body is not multipart/mixed with a boundary.")
    found = list(message.iter_parts())
    if len(found) > MOST_PARTS:
        raise invalid(f"The batch request has {len(found)} parts: it can have {MOST_PARTS} at most.")
    return [_read_part(str(part.get("Content-ID", "")), part.get_payload(decode=True)) for part in found]


def _read_part(content_id: str, content: object) -> Part:
    raw = content.lstrip() if isinstance(content, bytes) else b""
    head, *rest = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)
    body = rest[0] if rest else b""
    first, *lines = head.decode("latin-1").splitlines() or [""]
    method, _, target = first.partition(" ")
    target = target.rpartition(" HTTP/")[0] or target
    if not method.isalpha() or not target:
        raise invalid("Failed to parse batch request, error: A part has no request.")
    named = (line.partition(":") for line in lines if ":" in line)
    headers = {name.strip().lower(): text.strip() for name, _, text in named}
    length = headers.pop("content-length", "")
    body = body[: int(length)] if length.isascii() and length.isdecimal() else body.rstrip(b"\r\n")
    split = urlsplit(target)
    return Part(content_id, method.upper(), f"{split.path}{'?' if split.query else ''}{split.query}", headers, body)


def written(answers: Iterable[tuple[Part, AppAnswer]]) -> Response:
    """The answers, each as a part under the name that its request had."""
    boundary = f"batch_{secrets.token_urlsafe(16)}"
    lines: list[bytes] = []
    for part, answer in answers:
        kept = part.content_id.strip()
        named = f"<response-{kept[1:]}" if kept.startswith("<") else f"response-{kept}"
        head = ["Content-Type: application/http", *([f"Content-ID: {named}"] if kept else []), ""]
        reason = HTTPStatus(answer.status).phrase
        sent = [f"{name}: {text}" for name, text in answer.headers.items() if name != "content-length"]
        status = [f"HTTP/1.1 {answer.status} {reason}", *sent, f"Content-Length: {len(answer.body)}", "", ""]
        lines += [f"--{boundary}".encode(), "\r\n".join([*head, *status]).encode("latin-1") + answer.body]
    lines.append(f"--{boundary}--\r\n".encode())
    return Response(b"\r\n".join(lines), 200, {"content-type": f"multipart/mixed; boundary={boundary}"})


async def serve_batch(app: ASGIApp, request: Request) -> Response:
    """Carry out the requests of a batch one after the other, each as if it had come alone.

    Raises:
        ConnectionLost: A fault wants the connection cut.
    """
    try:
        parts = read_parts(await request.body(), request.headers.get("content-type", ""))
    except ApiError as error:
        return Response(json_bytes(error.body(), pretty=True), error.code, media_type=JSON_TYPE)
    shared = {name: request.headers[name] for name in _SHARED if name in request.headers}
    answers = []
    for part in parts:
        headers = {**shared, **part.headers}
        headers.pop("accept-encoding", None)
        # only what an API serves: neither a batch again nor our own pages
        target = part.target if part.target.startswith(_APIS) else "/v4/none"
        answer = await ask_app(app, part.method, target, part.body, headers, request.scope.get("extensions"))
        if not answer.status:
            raise ConnectionLost
        answers.append((part, answer))
    return written(answers)
