"""Drive over HTTP: who calls, what the service answers, what the log says."""

import re
import time
from functools import cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_sheets.api_error import ApiError
from local_sheets.discovery import load_document
from local_sheets.drive.access import DriveAnswer, DriveCall
from local_sheets.drive.errors import bad_request
from local_sheets.drive.notifier import Notifier
from local_sheets.drive.service import DriveService
from local_sheets.request_body import InvalidPayload
from local_sheets.server.api import no_route
from local_sheets.server.context import Server
from local_sheets.server.encoding import JSON_TYPE, answer, compressed, json_bytes
from local_sheets.server.faults import Fault
from local_sheets.server.spoiling import answer_or_fault
from local_sheets.server.visitors import turned_away, visitor

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
    after = server.options.notify_after_seconds
    service = DriveService(server.engine, server.options.data_dir, after_seconds=after, spoil=lambda: _spoilt(server))

    async def drive(request: Request) -> Response:
        return await _serve(server, service, request)

    paths = (
        "/drive/{rest:path}",
        "/upload/drive/{rest:path}",
        "/spreadsheets/d/{id}/export",
        "/spreadsheets/d/{id}/pub",
        "/spreadsheets/d/{id}/pubhtml",
        "/spreadsheets/export",
        "/userinfo/{rest:path}",
        "/oauth2/{rest:path}",
    )
    notifications = _notification_route(service.notifier)
    return [notifications, *(Route(path, drive, methods=_VERBS) for path in paths)]


def _notification_route(notifier: Notifier) -> Route:
    """``/_local/notifications``: GET what waits and was sent, PUT ``{"afterSeconds": 0}``, POST to send what waits now."""

    async def notifications(request: Request) -> Response:
        if request.method == "PUT":
            try:
                seconds = float(orjson.loads(await request.body())["afterSeconds"])
            except (ValueError, KeyError, TypeError):
                seconds = -1.0
            if not seconds >= 0:
                error = {"code": 400, "message": 'The request is not such as {"afterSeconds": 0}.'}
                return Response(json_bytes({"error": error}, pretty=False), 400, media_type=JSON_TYPE)
            notifier.after_seconds = seconds
        elif request.method == "POST":
            notifier.deliver_now()
        return Response(json_bytes(notifier.state(), pretty=False), media_type=JSON_TYPE)

    return Route("/_local/notifications", notifications, methods=["GET", "PUT", "POST"])


def _spoilt(server: Server) -> tuple[bool, float]:
    """Faults for ``notification.post`` delay a notification, or lose it."""
    fault = server.faults.pick_named("notification.post")
    if fault is None:
        return False, 0.0
    server.faults.record(fault, "notification.post", applied=False)
    return fault.action != "delay", fault.seconds


@cache
def _known_methods() -> tuple[tuple[str, str, re.Pattern[str], tuple[str, ...]], ...]:
    """Verb, id, path and scopes of all methods of Drive, also of those that are not served here."""
    found: list[tuple[str, str, re.Pattern[str], tuple[str, ...]]] = []
    waiting = [load_document("drive.v3.json")]
    while waiting:
        resource = waiting.pop()
        waiting += resource.get("resources", {}).values()
        for method in resource.get("methods", {}).values():
            path = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(method["path"]))
            scopes = tuple(method.get("scopes", ()))
            found.append((method["httpMethod"], method["id"], re.compile(f"/drive/v3/{path}/?"), scopes))
    return tuple(found)


def known_method(verb: str, raw_path: str) -> str | None:
    """The id of Drive's method at a path (``drive.changes.list``), None when Google has none there either."""
    return next((name for known, name, path, _ in _known_methods() if known == verb and path.fullmatch(raw_path)), None)


def _scopes_of(method_id: str, verb: str) -> tuple[str, ...]:
    """Any of these lets a caller use a method; the document tells which read-only ones do."""
    listed = next((scopes for _, name, _, scopes in _known_methods() if name == method_id), ())
    return listed or tuple(scope for scope in SCOPES if verb == "GET" or not scope.endswith(".readonly"))


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
        kind = "read" if request.method == "GET" else "write"
        response = await answer_or_fault(
            server,
            entry,
            kind,
            request.url.path,
            lambda: _answer(server, service, request, raw_path, body),
            lambda fault: _refused(request, fault),
        )
        entry.status, entry.bytes_out = response.status_code, len(response.body)
        return response
    finally:
        entry.milliseconds = round((time.perf_counter() - started) * 1000, 2)
        server.log.finish(entry)


_REASONS = {400: "badRequest", 401: "authError", 403: "forbidden", 404: "notFound", 429: "userRateLimitExceeded"}


def _refused(request: Request, fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    return answer(_drive_body(fault.error("drive")), fault.status, request.query_params, "", headers)


def _drive_body(error: ApiError) -> dict[str, Any]:
    """An error of the parts that Sheets and Drive share, with the list that clients of Drive look at."""
    body = error.body()
    reason = "insufficientPermissions" if "scope" in error.message else _REASONS.get(error.code, "backendError")
    body["error"]["errors"] = [{"message": error.message, "domain": "global", "reason": reason}]
    return body


async def _answer(server: Server, service: DriveService, request: Request, raw_path: str, body: bytes) -> Response:
    query, headers = dict(request.query_params), request.headers
    try:
        if raw_path.startswith("/spreadsheets/"):
            caller = visitor(server, request)
            refused = turned_away(server, caller, request.path_params.get("id") or query.get("id", ""))
            if caller.has_key_only and refused is not None:
                return refused
        else:
            caller = server.gate.caller(headers.get("authorization"), query.get("access_token"), query.get("key"))
        method = service.method(request.method, raw_path) or ""
        server.gate.check_scopes(caller, _scopes_of(method, request.method))
        kind = headers.get("content-type", "")
        call = DriveCall(request.method, raw_path, query, body, kind, caller.email, dict(headers))
        found = await service.serve(call)
    except ApiError as error:
        found = DriveAnswer(error.code, _drive_body(error))
    except InvalidPayload as error:
        found = DriveAnswer(400, ApiError(400, str(error), error.details).body())
    accepted = headers.get("accept-encoding", "")
    if found.message is not None:
        return answer(found.message, found.status, query, accepted, found.headers)
    if found.content is not None:
        sent = {name.lower(): text for name, text in found.headers.items()}
        return compressed(found.content, found.status, sent.pop("content-type"), accepted, sent)
    return Response(status_code=found.status, media_type="text/html", headers=dict(found.headers))
