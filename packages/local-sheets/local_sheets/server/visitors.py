"""Who follows a link to a spreadsheet: somebody with a token, or anyone at all where it is shared with anyone."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from local_sheets.server.auth import ANYONE, Caller
from local_sheets.server.context import Server
from local_sheets.sharing import role_of

_SIGN_IN = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Google Sheets: Sign-in</title></head>'
    "<body><h1>Sign in</h1><p>to continue to Sheets. This spreadsheet is not shared with anyone who has its link: "
    "send an access token (<code>Authorization: Bearer ...</code>) of an account that it is shared with.</p>"
    "</body></html>"
)
_NO_FILE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Page Not Found</title></head>'
    "<body><p>Sorry, the file you have requested does not exist.</p></body></html>"
)


def visitor(server: Server, request: Request) -> Caller:
    """The caller of a link. Without any token it is nobody, who may read what is open to anyone.

    Raises:
        ApiError: 401, the token is not valid.
    """
    query, authorization = request.query_params, request.headers.get("authorization")
    token = query.get("access_token") or query.get("oauth_token")
    if server.gate.enabled and authorization is None and not token:
        return Caller(ANYONE, has_key_only=True)
    return server.gate.caller(authorization, token)


def turned_away(server: Server, caller: Caller, spreadsheet_id: str) -> Response | None:
    """The page that a nobody is shown who may not read a spreadsheet, as Google's: 404 or to sign in."""
    head = server.engine.heads().get(spreadsheet_id)
    if head is None:
        return HTMLResponse(_NO_FILE, 404)
    return None if role_of(head.get("permissions", []), caller.email) else sign_in()


def sign_in() -> Response:
    """401 with a page that asks to sign in."""
    return HTMLResponse(_SIGN_IN, 401, {"www-authenticate": 'Bearer realm="https://accounts.google.com/"'})
