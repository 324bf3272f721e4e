"""Routes of our own below ``/_local/``: health, statistics, log, faults, events, accounts, sharing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from local_sheets.api_error import ApiError
from local_sheets.call import Call
from local_sheets.model.transaction import Transaction
from local_sheets.server.accounts import ensure_key_file
from local_sheets.server.context import Server
from local_sheets.server.encoding import json_bytes
from local_sheets.server.faults import FaultSpecError
from local_sheets.server.quota import parse_limits
from local_sheets.sharing import permission_id
from local_sheets.spreadsheets_api.methods import create as create_spreadsheet

Handler = Callable[[Request], Awaitable[Response]]


def local_routes(server: Server) -> list[Route]:
    """All routes, each with its methods."""
    routes = _LocalRoutes(server)
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/_local/health", routes.health),
        ("GET", "/_local/stats", routes.stats),
        ("GET", "/_local/requests", routes.requests),
        ("DELETE", "/_local/requests", routes.forget_requests),
        ("GET", "/_local/faults", routes.faults),
        ("POST", "/_local/faults", routes.add_fault),
        ("DELETE", "/_local/faults", routes.remove_faults),
        ("PUT", "/_local/quota", routes.set_quota),
        ("GET", "/_local/events", routes.events),
        ("GET", "/_local/spreadsheets", routes.spreadsheets),
        ("POST", "/_local/spreadsheets", routes.create),
        ("POST", "/_local/accounts", routes.add_account),
        ("PUT", "/_local/spreadsheets/{spreadsheet_id}/permissions", routes.share),
    ]
    return [Route(path, _telling_what_is_wrong(handler), methods=[verb]) for verb, path, handler in table]


def _telling_what_is_wrong(handler: Handler) -> Handler:
    """The handler, answering 400 to a body that is no JSON or lacks something."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return _json(error.body(), error.code)
        except (ValueError, TypeError, AttributeError) as error:
            return _json({"error": {"code": 400, "message": f"Cannot read the request: {error}"}}, 400)
        except KeyError as error:
            return _json({"error": {"code": 400, "message": f"The request lacks {error}."}}, 400)

    return handle


def _json(message: Any, status: int = 200) -> Response:
    return Response(json_bytes(message, pretty=False), status, media_type="application/json")


class _LocalRoutes:
    """One method per route."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def health(self, _: Request) -> Response:
        """For whoever waits for the server to be up."""
        return _json(
            {"status": "ok", "endpoint": self._server.endpoint, "spreadsheets": len(self._server.engine.heads())}
        )

    async def stats(self, _: Request) -> Response:
        """Requests of the last minute against quota, and totals since the start, as counted by the server."""
        log = self._server.log
        return _json(
            {
                **self._server.quota.usage(),
                "totals": asdict(log.totals),
                "by_status": dict(log.by_status),
                "by_method": dict(log.by_method),
                "faults": self._server.faults.state()["counts"],
            }
        )

    async def requests(self, request: Request) -> Response:
        """The last requests, oldest first; ``?after=NUMBER`` and ``?limit=N``."""
        after, limit = int(request.query_params.get("after", 0)), int(request.query_params.get("limit", 2000))
        return _json([entry.as_json() for entry in self._server.log.recent(after, limit)])

    async def forget_requests(self, _: Request) -> Response:
        """Start counting anew."""
        self._server.log.clear()
        return _json({})

    async def faults(self, _: Request) -> Response:
        """Rules in force and what they did."""
        return _json(self._server.faults.state())

    async def add_fault(self, request: Request) -> Response:
        """Set a rule, or a list of them."""
        spec = orjson.loads(await request.body())
        try:
            rules = [self._server.faults.add(one) for one in (spec if isinstance(spec, list) else [spec])]
        except FaultSpecError as error:
            return _json({"error": {"code": 400, "message": str(error)}}, 400)
        return _json({"rules": [rule.as_json() for rule in rules]})

    async def remove_faults(self, request: Request) -> Response:
        """Take away all rules, or the one of ``?rule_id=``."""
        rule_id = request.query_params.get("rule_id")
        self._server.faults.remove(None if rule_id is None else int(rule_id))
        return _json({})

    async def set_quota(self, request: Request) -> Response:
        """Change the limits of a running server: ``{"quota": "reads=60,writes=60"}``."""
        try:
            self._server.quota.limits = parse_limits(orjson.loads(await request.body())["quota"])
        except ValueError as error:
            return _json({"error": {"code": 400, "message": str(error)}}, 400)
        return _json(self._server.quota.usage())

    async def events(self, request: Request) -> Response:
        """Changes and requests as they happen; ``?spreadsheetId=`` and ``?kinds=change,request`` narrow them down."""
        spreadsheet_id = request.query_params.get("spreadsheetId")
        kinds = request.query_params.get("kinds")
        wanted = set(kinds.split(",")) if kinds else None

        def wants(kind: str, message: dict[str, Any]) -> bool:
            if wanted is not None and kind not in wanted:
                return False
            return spreadsheet_id is None or kind != "change" or message.get("spreadsheetId") == spreadsheet_id

        if self._server.events.is_full:
            return _json({"error": {"code": 503, "message": "Too many listen already: end one of them."}}, 503)
        stream = self._server.events.stream(wants)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def spreadsheets(self, _: Request) -> Response:
        """All spreadsheets: id, title, times."""
        heads = self._server.engine.heads()
        return _json(
            [
                {"spreadsheetId": key, "title": head["properties"]["title"], **head["file"]}
                for key, head in heads.items()
            ]
        )

    async def create(self, request: Request) -> Response:
        """A new spreadsheet of the person at this machine: ``{"title", "tabs": [...], "share": [e-mail, ...]}``."""
        given = orjson.loads(await request.body())
        tabs = [{"properties": {"title": title}} for title in given.get("tabs") or ["Sheet1"]]
        body = {"properties": {"title": given.get("title", "")}, "sheets": tabs}
        call = Call(self._server.engine, "sheets.spreadsheets.create", {}, {}, body)
        spreadsheet_id = create_spreadsheet(call)["spreadsheetId"]
        for email in given.get("share", []):
            await self._share(spreadsheet_id, email, "writer")
        return _json({"spreadsheetId": spreadsheet_id})

    async def add_account(self, request: Request) -> Response:
        """Another service account, by name; answers with its key file's content."""
        name = orjson.loads(await request.body()).get("name", "")
        if not (isinstance(name, str) and name.replace("-", "").isalnum() and name.isascii() and name.islower()):
            text = f"Account name is {name!r}: expected lower-case letters, digits and hyphens."
            return _json({"error": {"code": 400, "message": text}}, 400)
        path = await asyncio.to_thread(ensure_key_file, self._server.options.data_dir, self._server.endpoint, name)
        return Response(path.read_bytes(), media_type="application/json")

    async def share(self, request: Request) -> Response:
        """Share a spreadsheet as a person would: ``{"emailAddress", "role"}``; ``role`` null takes it back."""
        body = orjson.loads(await request.body())
        spreadsheet_id = request.path_params["spreadsheet_id"]
        if spreadsheet_id not in self._server.engine:
            return _json({"error": {"code": 404, "message": f"No spreadsheet {spreadsheet_id}."}}, 404)
        await self._share(spreadsheet_id, body["emailAddress"], body.get("role", "writer"))
        return _json({})

    async def _share(self, spreadsheet_id: str, email: str, role: str | None) -> None:
        def work(tx: Transaction) -> None:
            kept = [p for p in tx.spreadsheet.permissions if p.get("emailAddress") != email]
            if role is not None:
                kept.append({"id": permission_id("user", email), "type": "user", "role": role, "emailAddress": email})
            tx.spreadsheet.permissions = kept

        async with self._server.engine.lock(spreadsheet_id):
            self._server.engine.change(spreadsheet_id, work)
