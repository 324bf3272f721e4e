"""The doors' routes, to stand before those of Drive and the page."""

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_sheets.doors import discovery_documents as discovery
from local_sheets.doors.gviz import query_by_link, refused_by
from local_sheets.doors.identity import token_info, user_info
from local_sheets.server.context import Server
from local_sheets.server.spoiling import answer_or_fault

#: As for requests to Drive: they are seen in the log and take from no quota.
_KIND = "drive"


def door_routes(server: Server) -> list[Route]:
    """All of them."""

    async def query(request: Request) -> Response:
        started = time.perf_counter()
        entry = server.log.begin("gviz.query", _KIND, request.path_params["id"], None, 0)
        try:
            response = await answer_or_fault(
                server,
                entry,
                "read",
                request.url.path,
                lambda: query_by_link(server, request),
                lambda fault: refused_by(request, fault),
            )
            entry.status, entry.bytes_out = response.status_code, len(response.body)
            return response
        finally:
            entry.milliseconds = round((time.perf_counter() - started) * 1000, 2)
            server.log.finish(entry)

    async def token(request: Request) -> Response:
        return await token_info(server, request)

    async def user(request: Request) -> Response:
        return await user_info(server, request)

    tokens = [
        Route(path, token, methods=["GET", "POST"])
        for path in ("/tokeninfo", "/oauth2/v1/tokeninfo", "/oauth2/v2/tokeninfo", "/oauth2/v3/tokeninfo")
    ]
    users = [Route(path, user, methods=["GET", "POST"]) for path in ("/v1/userinfo", "/oauth2/v3/userinfo")]
    return [
        Route("/spreadsheets/d/{id}/gviz/tq", query, methods=["GET"]),
        Route("/$discovery/rest", discovery.by_version, methods=["GET"]),
        Route("/discovery/v1/apis", discovery.directory, methods=["GET"]),
        Route("/discovery/v1/apis/{api}/{version}/rest", discovery.by_name, methods=["GET"]),
        *tokens,
        *users,
    ]
