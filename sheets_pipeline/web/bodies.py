"""Reads a request's body before the application does: no more than it may have, no longer than it may take."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from sheets_pipeline.web.origin import Refusal

#: Longest time from the head of a request to the end of its body.
BODY_SECONDS = 20.0


class Disconnected(Exception):
    """The client went away before its body had come."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> Receive | Refusal:
    """The whole body, as a ``receive`` for the application; or why it is refused, read no further than the limit.

    Raises:
        Disconnected: The client is gone.
    """
    if refused := _declared_too_large(scope, limit):
        return refused
    try:
        body = await asyncio.wait_for(_read(receive, limit), BODY_SECONDS)
    except TimeoutError:
        return Refusal(408, f"Expected the whole body within {BODY_SECONDS:g} seconds.")
    if body is None:
        return _too_large(limit)
    return _replay(body, receive)


def _declared_too_large(scope: Scope, limit: int) -> Refusal | None:
    for declared in Headers(scope=scope).getlist("content-length"):
        if not declared.isascii() or not declared.isdigit():
            return Refusal(400, "Expected `Content-Length` to be a number.")
        if len(declared) > 18 or int(declared) > limit:
            return _too_large(limit)
    return None


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"Expected a body of at most {limit} bytes, found a larger one. Send less.")


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The body; None as soon as it is larger than the limit."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return left.pop() if left else await receive()

    return replayed
