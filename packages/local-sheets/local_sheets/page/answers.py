"""JSON that the page's routes take and give."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from local_sheets.api_error import invalid


def json_answer(content: Any, status: int = 200) -> Response:
    """An answer that no browser keeps."""
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(content), status, media_type="application/json", headers=headers)


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object. Only ``application/json`` is read: no form of a foreign page can send that.

    Raises:
        ApiError: 400, it is something else.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise invalid("Expected a body of type application/json.")
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise invalid(f"The body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise invalid("Expected a JSON object.")
    return found
