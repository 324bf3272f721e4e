"""Answers as bytes: pretty-printed JSON as Google sends it, compressed where the client takes it."""

import gzip
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

JSON_TYPE = "application/json; charset=UTF-8"
#: Smaller answers are sent as they are.
_LEAST_COMPRESSED_BYTES = 512
_BIG_BYTES = 1_000_000


def json_bytes(message: Any, *, pretty: bool) -> bytes:
    """JSON with 2 spaces and a final newline, or without any white space."""
    if pretty:
        return orjson.dumps(message, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n"
    return orjson.dumps(message, option=orjson.OPT_NON_STR_KEYS)


def answer(
    message: Any, status: int, query: Mapping[str, str], accept_encoding: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The response for a message, following ``prettyPrint`` of the query."""
    pretty = query.get("prettyPrint", query.get("pretty_print", "true")).lower() not in ("false", "0")
    body = json_bytes(message, pretty=pretty)
    return compressed(body, status, JSON_TYPE, accept_encoding, headers)


def compressed(
    body: bytes, status: int, content_type: str, accept_encoding: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A response, compressed with gzip if the client takes it and it is worth it."""
    sent = {"content-type": content_type, "vary": "Origin, X-Origin, Referer, Accept-Encoding", **(headers or {})}
    if "gzip" in accept_encoding and len(body) >= _LEAST_COMPRESSED_BYTES:
        body = gzip.compress(body, compresslevel=1 if len(body) > _BIG_BYTES else 6, mtime=0)
        sent["content-encoding"] = "gzip"
    return Response(body, status, sent)
