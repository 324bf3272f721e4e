"""The page's routes: HTML, what the browser draws, edits by people, the event stream, where edits are announced.

What the browser reads comes from the engine directly and is no API traffic. What it changes goes through the API, as
the request of a local owner: the same code, checked the same, seen in the log, counted against nobody's quota.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from local_sheets.api_error import ApiError, forbidden, invalid, not_found
from local_sheets.apps_script.scripts import SCRIPT_EVENT, Scripts
from local_sheets.cell_validation import refusal
from local_sheets.formulas.areas import Place
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.page.announcer import Announcer
from local_sheets.page.answers import json_answer, json_body
from local_sheets.page.assets import asset_routes, page_html
from local_sheets.page.changes import changes_of
from local_sheets.page.discussion import Discussion
from local_sheets.page.filter_menu import find_filter, hidden_rows, values_of
from local_sheets.page.person_edit import (
    CHANGE_TYPES,
    LOCAL_OWNER,
    PersonEdit,
    api_request,
    describe,
    edit_under_way,
    making,
)
from local_sheets.page.script_events import occurrences_of
from local_sheets.page.steps import Steps
from local_sheets.page.view import MAX_CELLS, cells_view, filled_runs, layout_view, spreadsheet_view
from local_sheets.references import read_rect
from local_sheets.server.inner_call import call_api
from local_sheets.undo.stacks import doing

if TYPE_CHECKING:
    from local_sheets.server.context import Server

SESSION_HEADER = "X-Local-Sheets-Session"

Handler = Callable[[Request], Awaitable[Response]]


#: Kinds of events that the page's stream carries.
_PAGE_CHANGE, _ANNOUNCEMENTS, _REQUEST = "page_change", "announcements", "request"
#: Past requests that a freshly opened page is shown.
_PAST_REQUESTS = 100


class Page:
    """The page of one server."""

    def __init__(self, server: "Server", scripts: Scripts) -> None:
        self._server = server
        self._scripts = scripts
        self._engine = server.engine
        self._session = secrets.token_urlsafe(24)
        self._steps = Steps(server.engine, self._tell_edit)
        self._discussion = Discussion(server.engine)
        self.announcer = Announcer(server.options.announce_url, on_change=self._tell_announcements)
        server.engine.listeners.append(self._on_commit)
        server.engine.result_listeners.append(self._on_results)

    def routes(self) -> list[BaseRoute]:
        base = "/page/api/spreadsheets"
        return [
            Route("/", self._html("list.html")),
            Route("/spreadsheets/d/{id}/edit", self._html("sheet.html")),
            *asset_routes(),
            Route("/page/api/stream", self._stream),
            Route("/page/api/on-edit", self._guarded(self._on_edit), methods=["GET", "PUT"]),
            Route(base, self._guarded(self._list), methods=["GET"]),
            Route(base, self._guarded(self._create), methods=["POST"]),
            Route(base + "/{id}", self._guarded(self._spreadsheet), methods=["GET"]),
            Route(base + "/{id}/edits", self._guarded(self._edit), methods=["POST"]),
            Route(base + "/{id}/imports", self._guarded(self._allow_import), methods=["POST"]),
            Route(base + "/{id}/tabs/{sheet_id:int}/layout", self._guarded(self._layout), methods=["GET"]),
            Route(base + "/{id}/tabs/{sheet_id:int}/cells", self._guarded(self._cells), methods=["GET"]),
            Route(base + "/{id}/tabs/{sheet_id:int}/filled", self._guarded(self._filled), methods=["GET"]),
            Route(base + "/{id}/tabs/{sheet_id:int}/filter", self._guarded(self._filter), methods=["GET"]),
            *self._steps.routes(base, self._guarded),
            *self._discussion.routes(base, self._guarded),
        ]

    def stop(self) -> None:
        """End the background work."""
        self.announcer.stop()

    # -- who may ask

    def _html(self, name: str) -> Handler:
        async def show(_: Request) -> Response:
            return HTMLResponse(page_html(name, self._session), headers={"Cache-Control": "no-store"})

        return show

    def _guarded(self, handler: Handler) -> Handler:
        """Only pages that this server itself gave out know the session; errors have the API's shape."""

        @wraps(handler)
        async def guarded(request: Request) -> Response:
            given = request.headers.get(SESSION_HEADER, "")
            try:
                if not secrets.compare_digest(given.encode(), self._session.encode()):
                    raise forbidden("This page is from before the server was started. Load it again.")
                return await handler(request)
            except ApiError as error:
                return json_answer(error.body(), error.code)

        return guarded

    # -- what the browser draws

    async def _list(self, _: Request) -> Response:
        found = [
            {"id": key, "title": head["properties"]["title"], "modified": head["file"].get("modifiedTime")}
            for key, head in self._engine.heads().items()
        ]
        return json_answer(sorted(found, key=lambda one: one["modified"] or "", reverse=True))

    async def _spreadsheet(self, request: Request) -> Response:
        async with self._engine.lock(request.path_params["id"]):
            return json_answer(spreadsheet_view(await self._opened(request)))

    async def _layout(self, request: Request) -> Response:
        async with self._engine.lock(request.path_params["id"]):
            spreadsheet = await self._opened(request)
            tab, view = _tab(spreadsheet, request), _filter_view(request)
            hidden = None if view is None else hidden_rows(spreadsheet, tab, find_filter(tab, view))
            return json_answer(layout_view(tab, hidden))

    async def _filter(self, request: Request) -> Response:
        """``column=N``: what the menu of a column of the filter (or of ``filterView=ID``) shows."""
        column = request.query_params.get("column", "")
        if not column.isdecimal():
            raise invalid("Expected column=INDEX, counted from 0.")
        async with self._engine.lock(request.path_params["id"]):
            spreadsheet = await self._opened(request)
            tab = _tab(spreadsheet, request)
            found = find_filter(tab, _filter_view(request))
            return json_answer(await asyncio.to_thread(values_of, spreadsheet, tab, found, int(column)))

    async def _cells(self, request: Request) -> Response:
        rows, columns = _range_of(request, "rows"), _range_of(request, "columns")
        if len(rows) * len(columns) > MAX_CELLS:
            raise invalid(f"{len(rows)} rows x {len(columns)} columns: at most {MAX_CELLS} cells at once.")
        async with self._engine.lock(request.path_params["id"]):
            spreadsheet = await self._opened(request)
            return json_answer(cells_view(spreadsheet, _tab(spreadsheet, request), rows, columns))

    async def _filled(self, request: Request) -> Response:
        """``column=N`` or ``row=N``: where that column or row is filled, as ``[[first, end], ...]``."""
        given = {name: request.query_params.get(name, "") for name in ("row", "column")}
        [(name, index), *others] = [(name, int(text)) for name, text in given.items() if text.isdecimal()] or [("", 0)]
        if not name or others:
            raise invalid("Expected column=INDEX or row=INDEX, counted from 0.")
        async with self._engine.lock(request.path_params["id"]):
            tab = _tab(await self._opened(request), request)
            whole = (
                (0, tab.row_count, index, index + 1) if name == "column" else (index, index + 1, 0, tab.column_count)
            )
            return json_answer(await asyncio.to_thread(filled_runs, tab.rect(*whole)))

    async def _opened(self, request: Request) -> Spreadsheet:
        """The spreadsheet, or its ``version``; read from disk beside the event loop, so that others are served meanwhile."""
        spreadsheet_id, version = request.path_params["id"], request.query_params.get("version")
        if version is None and not self._engine.may_take_long(spreadsheet_id, is_small=True):
            return self._steps.opened(spreadsheet_id, None)
        return await asyncio.to_thread(self._steps.opened, spreadsheet_id, version)

    # -- what people change

    async def _create(self, request: Request) -> Response:
        title = (await json_body(request)).get("title")
        if not isinstance(title, str) or not title.strip():
            raise invalid("A new spreadsheet needs a title.")
        body = {"properties": {"title": title.strip()}}
        answer = await call_api(self._server, "POST", "/v4/spreadsheets", body, LOCAL_OWNER)
        if answer.status_code != 200:
            return answer
        return json_answer({"id": orjson.loads(answer.body)["spreadsheetId"]})

    async def _edit(self, request: Request) -> Response:
        body = await json_body(request)
        wanted = body.get("request") or {}
        edit = _person_edit(body.get("edited"), str(body.get("client", "")), typed="batchUpdate" not in wanted)
        try:
            method, path, content = api_request(request.path_params["id"], wanted)
        except ValueError as error:
            raise invalid(str(error)) from error
        if edit.is_typed and "valuesUpdate" in wanted:
            await self._check_rule(request, content)
        with making(edit), doing(edit.client):
            answer = await call_api(self._server, method, path, content, edit.user or LOCAL_OWNER)
        if answer.status_code == 200:
            with doing(edit.client):  # what the script does of it is undone by itself
                self._tell_edit(request.path_params["id"], edit)
        return answer

    async def _allow_import(self, request: Request) -> Response:
        """``{"sheetId", "row", "column"}``: let the spreadsheet read the one that this cell asks for."""
        body, key = await json_body(request), request.path_params["id"]
        place = [one for name in ("sheetId", "row", "column") if type(one := body.get(name)) is int and one >= 0]
        if len(place) != 3:
            raise invalid("sheetId, row and column: expected numbers, counted from 0.")
        sheet_id, row, column = place
        async with self._engine.lock(key):
            donor = await asyncio.to_thread(self._engine.asked_donor, key, sheet_id, row, column)
            if donor is None:
                raise invalid("This cell does not ask for access to another spreadsheet.")
            await asyncio.to_thread(self._engine.allow_import, key, donor)
        return json_answer({})

    def _tell_edit(self, spreadsheet_id: str, edit: PersonEdit) -> None:
        """Announce an edit that is done, and fire the triggers of the script."""
        for message in edit.messages:
            self.announcer.announce(message)
        self._scripts.fire(spreadsheet_id, edit.occurrences)

    async def _check_rule(self, request: Request, content: dict[str, Any]) -> None:
        """Refuse what is typed into a cell whose rule refuses it.

        Raises:
            ApiError: 400 with the words that a person sees.
        """
        match content["values"]:
            case [[str(text)]]:
                async with self._engine.lock(request.path_params["id"]):
                    spreadsheet = await self._opened(request)
                    area = read_rect(spreadsheet, content["range"])
                    place = Place(area.tab.title, area.row0, area.col0)
                    why = refusal(spreadsheet, area.tab.cell(area.row0, area.col0), text, place)
                if why is not None:
                    raise invalid(why)

    def _on_commit(self, tx: Transaction) -> None:
        """Runs right after each committed transaction, in the task that made it."""
        edit = edit_under_way()
        if edit is not None:
            edit.messages = describe(tx, edit)
            edit.occurrences = occurrences_of(tx, edit)
        client = None if edit is None else edit.client
        self._tell_change(tx, client, self._steps.note(tx))

    def _on_results(self, tx: Transaction) -> None:
        """Cells show something else because another spreadsheet changed."""
        self._tell_change(tx, None, None)

    def _tell_change(self, tx: Transaction, client: str | None, steps: dict[str, Any] | None) -> None:
        about = {"spreadsheetId": tx.spreadsheet.spreadsheet_id, "client": client, "steps": steps}
        self._server.events.publish(_PAGE_CHANGE, lambda: {**about, "changes": changes_of(tx)})

    # -- what pages are told

    async def _stream(self, request: Request) -> Response:
        """Server-sent events: what to fetch again, requests as they finish, how announcements fare."""
        spreadsheet_id = request.query_params.get("spreadsheetId")
        if self._server.events.is_full:
            return json_answer({"error": {"code": 503, "message": "Too many pages are open: close one of them."}}, 503)

        def wants(kind: str, message: dict[str, Any]) -> bool:
            if kind == _PAGE_CHANGE:
                return bool(message["spreadsheetId"] == spreadsheet_id)
            if kind == SCRIPT_EVENT:
                return bool(message["spreadsheetId"] == spreadsheet_id)
            return kind in (_REQUEST, _ANNOUNCEMENTS)

        async def events() -> AsyncIterator[bytes]:
            coming = self._server.events.stream(wants)
            yield await anext(coming)
            yield _event(_ANNOUNCEMENTS, self.announcer.state())
            for entry in self._server.log.recent(limit=_PAST_REQUESTS):
                yield _event(_REQUEST, entry.as_json())
            async for part in coming:
                yield part

        return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _on_edit(self, request: Request) -> Response:
        """GET says where edits are announced and how that went; PUT ``{"url": ...}`` sets the address."""
        if request.method == "PUT":
            try:
                self.announcer.set_url((await json_body(request)).get("url"))
            except ValueError as error:
                raise invalid(str(error)) from error
        return json_answer(self.announcer.state())

    def _tell_announcements(self) -> None:
        self._server.events.publish(_ANNOUNCEMENTS, self.announcer.state)


def _event(kind: str, message: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(message) + b"\n\n"


def _tab(spreadsheet: Spreadsheet, request: Request) -> Tab:
    tab = spreadsheet.tab_by_id(request.path_params["sheet_id"])
    if tab is None:
        raise not_found(f"No tab with the id {request.path_params['sheet_id']}.")
    return tab


def _filter_view(request: Request) -> int | None:
    given = request.query_params.get("filterView", "")
    return int(given) if given.isdecimal() else None


def _range_of(request: Request, name: str) -> range:
    """``rows=0-100``: from the first to before the last."""
    first, _, end = request.query_params.get(name, "").partition("-")
    if not (first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise invalid(f"Expected {name}=FIRST-END, such as {name}=0-100.")
    return range(int(first), int(end))


def _person_edit(edited: Any, client: str, *, typed: bool) -> PersonEdit:
    """What the page says of an edit, checked; ``typed`` where it does not say how the cell got its value."""
    if not isinstance(edited, dict) or edited.get("changeType") not in CHANGE_TYPES:
        raise invalid(f"edited.changeType: expected one of {', '.join(sorted(CHANGE_TYPES))}.")
    sheet_id, ranges = edited.get("sheetId"), edited.get("ranges", [])
    if not isinstance(ranges, list) or not all(_is_whole_range(one) for one in ranges):
        raise invalid("edited.ranges: expected GridRanges with all four sides.")
    if sheet_id is not None and type(sheet_id) is not int:
        raise invalid("edited.sheetId: expected a number.")
    user = edited.get("user", LOCAL_OWNER)
    if not isinstance(user, str):
        raise invalid("edited.user: expected an e-mail address, or an empty text for somebody unknown.")
    is_typed = edited.get("isTyped", typed)
    return PersonEdit(client, edited["changeType"], sheet_id, ranges, user, is_typed=bool(is_typed))


def _is_whole_range(given: Any) -> bool:
    sides = ("startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")
    if not isinstance(given, dict) or type(given.get("sheetId", 0)) is not int:
        return False
    return all(type(given.get(side)) is int and given[side] >= 0 for side in sides)
