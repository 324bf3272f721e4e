"""Letting IMPORTRANGE read another spreadsheet: what *Allow access* does in Google's editor."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_sheets.api_error import ApiError
from local_sheets.server.context import Server
from local_sheets.server.encoding import json_bytes
from local_sheets.sharing import check_access


def import_routes(server: Server) -> list[Route]:
    """Google's own address, which scripts use with a token, and ours for the person at this machine."""

    async def as_caller(request: Request) -> Response:
        query = request.query_params
        try:
            caller = server.gate.caller(
                request.headers.get("authorization"), query.get("access_token") or query.get("oauth_token"), None
            )
            importer, donor = request.path_params["spreadsheet_id"], query.get("donorDocId", "")
            heads = server.engine.heads()
            for key, write in ((importer, True), (donor, False)):
                check_access(heads.get(key, {}).get("permissions", []), caller.email, write=write)
        except ApiError as error:
            return _json(error.body(), error.code)
        return await _allow(server, importer, donor)

    async def as_person(request: Request) -> Response:
        return await _allow(server, request.path_params["spreadsheet_id"], request.path_params["donor"])

    return [
        Route("/spreadsheets/d/{spreadsheet_id}/externaldata/addimportrangepermissions", as_caller, methods=["POST"]),
        Route("/_local/spreadsheets/{spreadsheet_id}/imports/{donor}", as_person, methods=["PUT"]),
    ]


async def _allow(server: Server, importer: str, donor: str) -> Response:
    try:
        async with server.engine.lock(importer):
            await asyncio.to_thread(server.engine.allow_import, importer, donor)
    except ApiError as error:
        return _json(error.body(), error.code)
    return _json({})


def _json(message: object, status: int = 200) -> Response:
    return Response(json_bytes(message, pretty=False), status, media_type="application/json")
