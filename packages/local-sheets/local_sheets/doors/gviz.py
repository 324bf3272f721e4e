"""``/spreadsheets/d/ID/gviz/tq``: a query of a tab's cells by link, as charts, pandas and shillelagh send it."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from local_sheets.a1 import RangeError
from local_sheets.api_error import ApiError
from local_sheets.budget import LimitReached, limited
from local_sheets.doors.gviz_answer import answer_error, answer_table
from local_sheets.doors.gviz_request import Asked, GvizError, read_tqx, read_whole_number
from local_sheets.formulas.query.engine import run_query
from local_sheets.formulas.query.table import QueryError, Table, make_table
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.references import rect_on
from local_sheets.server.auth import Caller
from local_sheets.server.context import Server
from local_sheets.server.faults import Fault
from local_sheets.server.visitors import sign_in, turned_away, visitor
from local_sheets.time_zones import zone_of
from local_sheets.workbook import values_of

#: Any of these lets a caller query what is shared with them.
SCOPES = tuple(
    f"https://www.googleapis.com/auth/{name}"
    for name in ("spreadsheets", "spreadsheets.readonly", "drive", "drive.readonly", "drive.file")
)


async def query_by_link(server: Server, request: Request) -> Response:
    """Answer one query; what is wrong with it is told with status 200."""
    spreadsheet_id = request.path_params["id"]
    try:
        caller = visitor(server, request)
        server.gate.check_scopes(caller, SCOPES)
    except ApiError:
        return sign_in()
    asked, wrong = read_tqx(request.query_params.get("tqx", ""))
    is_plain = "x-datasource-auth" in request.headers
    refused = turned_away(server, caller, spreadsheet_id)
    if refused is not None:
        if refused.status_code == 401 and asked.out == "json":
            return answer_error(asked, _not_shared(caller), is_plain=is_plain)
        return refused
    if wrong is not None:
        return answer_error(asked, wrong, is_plain=is_plain)
    query = dict(request.query_params)
    try:
        async with server.engine.lock(spreadsheet_id):
            return await asyncio.to_thread(_answer, server, spreadsheet_id, query, asked, is_plain)
    except GvizError as refusal:
        return answer_error(asked, refusal, is_plain=is_plain)


_REASONS = {401: "user_not_authenticated", 403: "access_denied", 404: "unknown_data_source_id"}
_TIMEOUTS = (408, 504)


def refused_by(request: Request, fault: Fault) -> Response:
    """What a fault says, in the words of the protocol."""
    asked, _ = read_tqx(request.query_params.get("tqx", ""))
    reason = "timeout" if fault.status in _TIMEOUTS else _REASONS.get(fault.status, "internal_error")
    error = GvizError(reason, fault.error("read").message)
    return answer_error(asked, error, is_plain="x-datasource-auth" in request.headers)


def _not_shared(caller: Caller) -> GvizError:
    if caller.has_key_only:
        detail = "This spreadsheet is not shared with anyone who has its link: send an access token."
        return GvizError("user_not_authenticated", detail, "User not signed in")
    return GvizError("access_denied", "This spreadsheet is not shared with you.")


def _answer(server: Server, spreadsheet_id: str, query: Mapping[str, str], asked: Asked, is_plain: bool) -> Response:
    """In a thread, under the spreadsheet's lock.

    Raises:
        GvizError: The query cannot be answered.
    """
    sheet = server.engine.open(spreadsheet_id)
    try:
        with limited():
            rect = _rect(sheet, query)
            rows = _rows(rect)
            table = _table(rows, rect, read_whole_number(query, "headers", -1), sheet.locale)
            headers = len(rows) - len(table.rows)
            now = datetime.now(zone_of(sheet.properties.get("timeZone"))).replace(tzinfo=None)
            found = run_query(table, query.get("tq", ""), now=now, locale=sheet.locale)
            return answer_table(asked, found, headers, sheet.locale, is_plain=is_plain)
    except (QueryError, RangeError) as error:
        raise GvizError("invalid_query", f"Invalid query: {error}") from None
    except ApiError as error:
        raise GvizError("invalid_query", f"Invalid query: {error.message}") from None
    except (LimitReached, RecursionError):
        raise GvizError("timeout", "The query needs more computing than Local Sheets allows for one request.") from None


def _tab(sheet: Spreadsheet, query: Mapping[str, str]) -> Tab:
    """The tab that is asked for by title or number; a title that there is not is the first tab, as at Google."""
    if title := query.get("sheet"):
        return sheet.tab_by_title(title) or sheet.first_visible()
    if "gid" not in query:
        return sheet.first_visible()
    number = read_whole_number(query, "gid", 0)
    tab = sheet.tab_by_id(number)
    if tab is None:
        raise GvizError("invalid_query", f"Invalid query: No sheet with id: {number}")
    return tab


def _rect(sheet: Spreadsheet, query: Mapping[str, str]) -> Rect:
    """The cells that are asked: those of ``range``, or all that are used."""
    tab = _tab(sheet, query)
    text = query.get("range")
    if not text:
        return tab.rect(col1=max(tab.used_width(), 1))
    return rect_on(sheet, tab, text)


def _table(rows: Sequence[Sequence[Any]], rect: Rect, headers: int, locale: str) -> Table:
    """The table of the values; without any it still has its columns."""
    if rows:
        return make_table(rows, headers, first_column=rect.col0, locale=locale)
    columns = make_table([[None] * rect.columns], 0, first_column=rect.col0, locale=locale).columns
    return Table(columns, [])


def _rows(rect: Rect) -> Sequence[Sequence[Any]]:
    """The values, all rows of one length, without the empty ones at the end."""
    rows = [[*row, *[None] * (rect.columns - len(row))] for row in values_of(rect.tab.read(rect))]
    while rows and all(value is None or value == "" for value in rows[-1]):
        rows.pop()
    return rows
