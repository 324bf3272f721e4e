"""Who an access token is: ``tokeninfo`` and ``userinfo`` of Google's sign-in.

See https://developers.google.com/identity/openid-connect/openid-connect and google-auth's samples.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from local_sheets.api_error import ApiError
from local_sheets.server.accounts import accounts
from local_sheets.server.auth import TOKEN_SECONDS, Caller
from local_sheets.server.context import Server
from local_sheets.server.encoding import JSON_TYPE, json_bytes
from local_sheets.sharing import LOCAL_OWNER, permission_id

_EMAIL_SCOPES = frozenset({"email", "openid", "https://www.googleapis.com/auth/userinfo.email"})
#: What a token may do where nobody has to show who they are.
_ALL_SCOPES = ("https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/spreadsheets")


async def token_info(server: Server, request: Request) -> Response:
    """What a token is worth; version 1 of the address answers in the older words."""
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    token = request.query_params.get("access_token") or form.get("access_token") or _bearer(request)
    if not token:
        return _refused("invalid_request", "either access_token, id_token, or token_handle required")
    try:
        caller = server.gate.caller(None, token)
    except ApiError:
        return _refused("invalid_token", "Invalid Value")
    expires = server.gate.expiry(token) or int(time.time()) + TOKEN_SECONDS
    facts = _facts(server, caller)
    left = max(expires - int(time.time()), 0)
    is_old = "/v1/" in request.url.path
    return _json(_in_old_words(facts, left) if is_old else _in_new_words(facts, left, expires))


def _facts(server: Server, caller: Caller) -> dict[str, Any]:
    """Client, user, scopes and, where a scope lets it be known, the address."""
    email = caller.email or LOCAL_OWNER
    client = next((a["client_id"] for a in accounts(server.options.data_dir) if a["client_email"] == email), email)
    shows_email = caller.email is None or not caller.scopes.isdisjoint(_EMAIL_SCOPES)
    scopes = sorted(caller.scopes) if caller.email else _ALL_SCOPES
    user = permission_id("user", email)
    return {"client": client, "user": user, "scope": " ".join(scopes), "email": email if shows_email else None}


def _in_old_words(facts: Mapping[str, Any], left: int) -> dict[str, Any]:
    found = {"issued_to": facts["client"], "audience": facts["client"], "user_id": facts["user"]}
    found |= {"scope": facts["scope"], "expires_in": left}
    shown = {"email": facts["email"], "verified_email": True} if facts["email"] else {}
    return {**found, **shown, "access_type": "online"}


def _in_new_words(facts: Mapping[str, Any], left: int, expires: int) -> dict[str, Any]:
    """All of it as text, as Google has it."""
    found = {"azp": facts["client"], "aud": facts["client"], "sub": facts["user"], "scope": facts["scope"]}
    found |= {"exp": str(expires), "expires_in": str(left)}
    shown = {"email": facts["email"], "email_verified": "true"} if facts["email"] else {}
    return {**found, **shown, "access_type": "online"}


async def user_info(server: Server, request: Request) -> Response:
    """OpenID Connect's answer to "who am I"."""
    try:
        caller = server.gate.caller(request.headers.get("authorization"), request.query_params.get("access_token"))
    except ApiError:
        headers = {"www-authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_request"'}
        return _refused("invalid_request", "Invalid Credentials", 401, headers)
    email = caller.email or LOCAL_OWNER
    return _json({"sub": permission_id("user", email), "email": email, "email_verified": True})


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _refused(error: str, text: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Response:
    return _json({"error": error, "error_description": text}, status, headers)


def _json(message: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json_bytes(message, pretty=True), status, headers, media_type=JSON_TYPE)
