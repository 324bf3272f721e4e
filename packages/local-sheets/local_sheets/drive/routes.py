"""Drive over HTTP: who calls, what the service answers, what the log says."""

import re
import time
from functools import cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_sheets.api_error import ApiError
from local_sheets.discovery import load_document
from local_sheets.drive.access import DriveAnswer, DriveCall
from local_sheets.drive.errors import bad_request
from local_sheets.drive.service import DriveService
from local_sheets.request_body import InvalidPayload
from local_sheets.server.api import no_route
from local_sheets.server.context import Server
from local_sheets.server.encoding import answer, compressed

#: Any of these lets a caller in, see https://developers.google.com/workspace/drive/api/guides/api-specific-auth.
SCOPES = tuple(
    f"https://www.googleapis.com/auth/drive{end}"
    for end in ("", ".file", ".readonly", ".metadata", ".metadata.readonly")
)
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: Drive's requests have a quota of their own, far above what Sheets allows; here they are only counted in the log.
_KIND = "drive"


def drive_routes(server: Server) -> list[Route]:
    """All routes, to stand before those of the page."""
    service = DriveService(server.engine, server.options.data_dir)

    async def drive(request: Request) -> Response:
        return await _serve(server, service, request)

    paths = (
        "/drive/{rest:path}",
        "/upload/drive/{rest:path}",
        "/spreadsheets/d/{id}/export",
        "/spreadsheets/export",
        "/userinfo/{rest:path}",
        "/oauth2/{rest:path}",
    )
    return [Route(path, drive, methods=_VERBS) for path in paths]


@cache
def _known_methods() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Verb, id and path of all methods of Drive, also of those that are not served here."""
    found: list[tuple[str, str, re.Pattern[str]]] = []
    waiting = [load_document("drive.v3.json")]
    while waiting:
        resource = waiting.pop()
        waiting += resource.get("resources", {}).values()
        for method in resource.get("methods", {}).values():
            path = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(method["path"]))
            found.append((method["httpMethod"], method["id"], re.compile(f"/drive/v3/{path}/?")))
    return tuple(found)


def known_method(verb: str, raw_path: str) -> str | None:
    """The id of Drive's method at a path (``drive.changes.list``), None when Google has none there either."""
    return next((name for known, name, path in _known_methods() if known == verb and path.fullmatch(raw_path)), None)


async def _serve(server: Server, service: DriveService, request: Request) -> Response:
    started = time.perf_counter()
    raw_path = request.scope["raw_path"].decode("ascii")
    method = service.method(request.method, raw_path)
    if method is None:
        missing = known_method(request.method, raw_path)
        if missing is None:
            return no_route(request)
        refusal = bad_request(f"Local Sheets does not serve {missing}: see docs/use/local-sheets.md for what is there.")
        return answer(refusal.body(), refusal.code, request.query_params, "")
    body = await request.body()
    entry = server.log.begin(method, _KIND, request.path_params.get("id"), None, len(body))
    try:
        response = await _answer(server, service, request, raw_path, body)
        entry.status, entry.bytes_out = response.status_code, len(response.body)
        return response
    finally:
        entry.milliseconds = round((time.perf_counter() - started) * 1000, 2)
        server.log.finish(entry)


async def _answer(server: Server, service: DriveService, request: Request, raw_path: str, body: bytes) -> Response:
    query, headers = dict(request.query_params), request.headers
    try:
        caller = server.gate.caller(headers.get("authorization"), query.get("access_token"), query.get("key"))
        reads = request.method == "GET"
        server.gate.check_scopes(caller, SCOPES if reads else [s for s in SCOPES if not s.endswith(".readonly")])
        call = DriveCall(request.method, raw_path, query, body, headers.get("content-type", ""), caller.email)
        found = await service.serve(call)
    except ApiError as error:
        found = DriveAnswer(error.code, error.body())
    except InvalidPayload as error:
        found = DriveAnswer(400, ApiError(400, str(error), error.details).body())
    accepted = headers.get("accept-encoding", "")
    if found.message is not None:
        return answer(found.message, found.status, query, accepted, found.headers)
    if found.content is not None:
        sent = {name.lower(): text for name, text in found.headers.items()}
        return compressed(found.content, found.status, sent.pop("content-type"), accepted, sent)
    return Response(status_code=found.status, media_type="text/html")
