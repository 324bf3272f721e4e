"""One request to the Sheets API from its bytes to its answer: route, caller, quota, faults, checks, work, log."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from local_sheets.api_error import ApiError, invalid, not_found
from local_sheets.budget import LimitReached
from local_sheets.call import Answer, Call, Endpoint
from local_sheets.discovery import Match, match_route, schemas
from local_sheets.endpoints import ENDPOINTS
from local_sheets.engine import body_may_take_long
from local_sheets.field_mask import FieldMaskError, Mask, parse_mask
from local_sheets.request_body import InvalidPayload, read_body, read_query
from local_sheets.server.context import Server
from local_sheets.server.encoding import answer
from local_sheets.server.faults import Fault
from local_sheets.server.page_mark import KIND_MARK, PAGE_MARK
from local_sheets.server.request_log import Entry
from local_sheets.sharing import check_access

logger = logging.getLogger(__name__)

#: The request of somebody who types, and how long it is at most, in bytes.
_PUT_VALUES, _SMALL_BODY = "sheets.spreadsheets.values.update", 4_000


class ConnectionLost(Exception):
    """The connection is to be cut instead of sending an answer."""


@dataclass(slots=True)
class _Done:
    """What the work came to: a message or an error."""

    message: dict[str, Any]
    status: int = 200
    applied: bool = False


async def serve(server: Server, request: Request) -> Response:
    """Answer one request below ``/v4/``.

    Raises:
        ConnectionLost: A fault wants the connection cut.
    """
    started = time.perf_counter()
    raw_path = request.scope["raw_path"].decode("ascii")
    match = match_route(request.method, raw_path)
    if match is None:
        return no_route(request)
    endpoint = ENDPOINTS[match.method.id]
    raw = await request.body()
    from_page = is_from_page(request)
    kind = str(request.scope[KIND_MARK]) if from_page else endpoint.counts
    entry = server.log.begin(match.method.id, kind, match.path_values.get("spreadsheetId"), None, len(raw))
    try:
        if server.options.latency_seconds and not from_page:
            await asyncio.sleep(server.options.latency_seconds)
        response = await _serve_matched(server, request, match, endpoint, raw, entry)
        entry.status, entry.bytes_out = response.status_code, len(response.body)
        return response
    finally:
        entry.milliseconds = round((time.perf_counter() - started) * 1000, 2)
        server.log.finish(entry)


def is_from_page(request: Request) -> bool:
    """Whether the request is made by the page or a script of this server, and handed over inside the process."""
    return bool(request.scope.get(PAGE_MARK))


def no_route(request: Request) -> Response:
    """Google's own 404 for a path without a method is a page of HTML."""
    text = f"The requested URL <code>{escape(request.scope['path'])}</code> was not found on this server."
    return HTMLResponse(f"<!DOCTYPE html><title>Error 404 (Not Found)</title><p>{text}</p>", 404)


async def _serve_matched(
    server: Server, request: Request, match: Match, endpoint: Endpoint, raw: bytes, entry: Entry
) -> Response:
    def respond(done: _Done, headers: dict[str, str] | None = None) -> Response:
        return answer(
            done.message, done.status, request.query_params, request.headers.get("accept-encoding", ""), headers
        )

    if is_from_page(request):
        entry.caller = str(request.scope[PAGE_MARK])
        return respond(await _work(server, request, match, endpoint, raw, None, entry))
    try:
        caller = server.gate.caller(
            request.headers.get("authorization"), _token_of(request), request.query_params.get("key")
        )
        entry.caller = caller.email
        server.gate.check_scopes(caller, match.method.scopes)
        server.quota.take(endpoint.counts, caller.user)
    except ApiError as error:
        return respond(_refused(error, request))
    fault = server.faults.pick(match.method.id, endpoint.counts, request.scope["path"])
    if fault is not None and fault.action == "delay":
        entry.fault = "delay"
        server.faults.record(fault, match.method.id, applied=False)
        await asyncio.sleep(fault.seconds)
        fault = None
    if fault is not None and not fault.after:
        return await _inject(server, fault, entry, respond, applied=False)
    done = await _work(server, request, match, endpoint, raw, caller.email, entry)
    entry.applied = done.applied
    if fault is not None:
        return await _inject(server, fault, entry, respond, applied=done.applied)
    return respond(done)


def _token_of(request: Request) -> str | None:
    return request.query_params.get("access_token") or request.query_params.get("oauth_token")


async def _inject(
    server: Server, fault: Fault, entry: Entry, respond: Callable[..., Response], *, applied: bool
) -> Response:
    """Do what a fault says instead of sending the answer."""
    entry.fault = f"{fault.action}{' after' if fault.after else ''}"
    server.faults.record(fault, entry.method, applied=applied)
    if fault.action == "error":
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        if fault.body is not None:
            return HTMLResponse(fault.body, fault.status)
        headers = None if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
        return respond(_Done(fault.error(entry.kind).body(), fault.status), headers)
    if fault.action == "timeout":
        await asyncio.sleep(fault.seconds)
    raise ConnectionLost


def _refused(error: ApiError, request: Request) -> _Done:
    body = error.body()
    if request.query_params.get("$.xgafv") == "1":
        reason = {400: "badRequest", 403: "forbidden", 404: "notFound", 429: "rateLimitExceeded"}.get(
            error.code, "backendError"
        )
        body["error"]["errors"] = [{"message": error.message, "domain": "global", "reason": reason}]
    return _Done(body, error.code)


async def _work(
    server: Server, request: Request, match: Match, endpoint: Endpoint, raw: bytes, email: str | None, entry: Entry
) -> _Done:
    """Check the request and carry it out."""
    are_values = match.method.id.startswith("sheets.spreadsheets.values.")
    takes_long = endpoint.counts == "write" and body_may_take_long(raw, are_values=are_values)
    try:
        call = _read_call(server, request, match, raw, email)
        spreadsheet_id = match.path_values.get("spreadsheetId")
        if spreadsheet_id is None:
            message = await _run_beside(takes_long, server, endpoint, call)
        else:
            is_small = match.method.id == _PUT_VALUES and len(raw) <= _SMALL_BODY and not takes_long
            message = await _run_locked(server, endpoint, call, spreadsheet_id, takes_long, is_small)
    except InvalidPayload as error:
        return _refused(ApiError(400, str(error), error.details), request)
    except FieldMaskError as error:
        return _refused(ApiError(400, str(error), error.details()), request)
    except ApiError as error:
        return _refused(error, request)
    except RecursionError:
        return _refused(invalid("The request is nested too deeply."), request)
    except LimitReached:
        return _refused(invalid("The request needs more computing than Local Sheets allows for one request."), request)
    except Exception:
        logger.exception("Request %d (%s) failed; nothing was changed", entry.number, entry.method)
        return _refused(ApiError(500, "Internal error encountered."), request)
    entry.cells, entry.summary = call.cells, call.summary
    return _Done(message, applied=endpoint.counts == "write")


def _read_call(server: Server, request: Request, match: Match, raw: bytes, email: str | None) -> Call:
    """Everything that can be said of a request without looking at the spreadsheet.

    Raises:
        ApiError, InvalidPayload, FieldMaskError: It is not valid.
    """
    method = match.method
    alt = request.query_params.get("alt", "json")
    if alt not in ("json", "media", "proto"):
        raise ApiError(400, f"Invalid value at 'alt' (TYPE_ENUM), \"{alt}\"")
    if alt != "json":
        raise ApiError(400, f"Local Sheets answers alt=json only; alt={alt} was asked for.")
    if "callback" in request.query_params:
        raise ApiError(400, "Local Sheets serves no JSONP: any web page could read the answer. Leave out 'callback'.")
    query = read_query(method, request.query_params.multi_items())
    body = read_body(method, raw) if method.request is not None else {}
    mask = _mask_of(request, method.response)
    return Call(server.engine, method.id, match.path_values, query, body, email, mask, site=server.options.site)


def _mask_of(request: Request, schema: str) -> Mask | None:
    text = request.query_params.get("fields") or request.headers.get("x-goog-fieldmask")
    if not text:
        return None
    mask = parse_mask(text)
    mask.check(schemas(), schema)
    return None if "*" in text and mask.is_everything else mask


async def _run_locked(
    server: Server, endpoint: Endpoint, call: Call, spreadsheet_id: str, takes_long: bool, is_small: bool
) -> Answer:
    """Run with the spreadsheet's lock; a large piece of work in a thread, so that others are served meanwhile.

    ``is_small`` changes a few cells and nothing else, which takes no time where nothing is calculated from them.
    """
    async with AsyncExitStack() as locks:
        for key in _touched(server, call, spreadsheet_id):
            await locks.enter_async_context(server.engine.lock(key))
        if not (is_small and server.engine.changes_quickly(spreadsheet_id)):
            takes_long = takes_long or server.engine.may_take_long(spreadsheet_id)
        return await _run_beside(takes_long, server, endpoint, call)


async def _run_beside(takes_long: bool, server: Server, endpoint: Endpoint, call: Call) -> Answer:
    """Run in a thread what may take long."""
    return await asyncio.to_thread(_run, server, endpoint, call) if takes_long else _run(server, endpoint, call)


def _touched(server: Server, call: Call, spreadsheet_id: str) -> list[str]:
    """The spreadsheets that a request works on, in an order that is the same for all requests.

    Raises:
        ApiError: The spreadsheet does not exist.
    """
    if spreadsheet_id not in server.engine:
        raise not_found()
    other = call.body.get("destinationSpreadsheetId", spreadsheet_id)
    return sorted({spreadsheet_id, other} if other in server.engine else {spreadsheet_id})


def _run(server: Server, endpoint: Endpoint, call: Call) -> Answer:
    message = endpoint.plain(call) if endpoint.plain is not None else _run_on_spreadsheet(server, endpoint, call)
    return message if call.mask is None else call.mask.pick(message)


def _run_on_spreadsheet(server: Server, endpoint: Endpoint, call: Call) -> Answer:
    spreadsheet_id = call.path["spreadsheetId"]
    sheet = server.engine.open(spreadsheet_id)
    check_access(sheet.permissions, call.caller, write=endpoint.counts == "write")
    if endpoint.write is not None:
        write = endpoint.write
        return server.engine.change(spreadsheet_id, lambda tx: write(tx, call), editor=call.caller)
    return endpoint.read(sheet, call) if endpoint.read is not None else {}
