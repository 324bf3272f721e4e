"""Who calls: the OAuth token endpoint for service accounts, bearer tokens, scopes.

The signed assertion is verified as Google does, and access tokens are signed with a secret of the data folder, so they
outlive a restart. See https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from local_sheets.api_error import ApiError
from local_sheets.server.accounts import accounts, write_private

TOKEN_SECONDS = 3600
_CLOCK_SKEW_SECONDS = 300
_LONGEST_ASSERTION_SECONDS = 3600
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_PREFIX = "ya29.local."

#: Older names of scopes, which clients still ask for (Go's ``Iwark/spreadsheet``, old examples of gspread).
_OLDER_SCOPES = {
    "https://spreadsheets.google.com/feeds": "https://www.googleapis.com/auth/spreadsheets",
    "https://docs.google.com/feeds": "https://www.googleapis.com/auth/drive",
}

UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)
INSUFFICIENT_SCOPES = "Request had insufficient authentication scopes."
KEYS_NOT_SUPPORTED = (
    "API keys are not supported by this API. Expected OAuth2 access token or other authentication credentials that "
    "assert a principal. See https://cloud.google.com/docs/authentication"
)

#: Name of a caller with nothing but an API key: nobody's address, so that only what is open to anyone is open to them.
ANYONE = "allUsers"


class TokenRefused(Exception):
    """The token endpoint says no; ``body`` is its OAuth error."""

    def __init__(self, error: str, description: str) -> None:
        self.body = {"error": error, "error_description": description}
        super().__init__(description)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request. ``email`` is None where nobody has to show who they are."""

    email: str | None
    scopes: frozenset[str] = frozenset()
    has_key_only: bool = False

    @property
    def user(self) -> str:
        """Name under which quota is counted."""
        return self.email or "anybody"


class Gate:
    """Issues access tokens to the service accounts of a data folder, and reads them."""

    def __init__(self, data_dir: Path, *, enabled: bool) -> None:
        self.enabled = enabled
        self._data_dir = data_dir
        self._secret = _secret(data_dir / "token-secret")
        self._used: set[str] = set()

    # -- the token endpoint

    def issue(self, form: Mapping[str, str], audiences: Collection[str]) -> dict[str, Any]:
        """An access token for a signed assertion whose audience is one of our own addresses.

        Raises:
            TokenRefused: The assertion is not one of ours, expired, badly signed or meant for another server.
        """
        if form.get("grant_type") != _JWT_BEARER:
            raise TokenRefused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        header, claims, signed, signature = _split(form.get("assertion", ""))
        account = next((a for a in accounts(self._data_dir) if a["client_email"] == claims.get("iss")), None)
        if account is None:
            raise TokenRefused("invalid_grant", "Invalid grant: account not found")
        _verify(account, header, signed, signature)
        _check_claims(claims, account, audiences)
        body = {"email": account["client_email"], "scopes": claims["scope"].split(), "exp": time.time() + TOKEN_SECONDS}
        return {"access_token": self._sign(body), "expires_in": TOKEN_SECONDS - 1, "token_type": "Bearer"}

    def _sign(self, body: Mapping[str, Any]) -> str:
        payload = _encode64(orjson.dumps({**body, "nonce": secrets.token_hex(4)}))
        return f"{_PREFIX}{payload}.{self._mac(payload)}"

    def _mac(self, payload: str) -> str:
        return _encode64(hmac.new(self._secret, payload.encode(), hashlib.sha256).digest())

    # -- requests

    def caller(self, authorization: str | None, access_token: str | None, api_key: str | None = None) -> Caller:
        """Who a request comes from; any API key will do, and lets its bearer read what is open to anyone.

        Raises:
            ApiError: 403 without any token, 401 with one that is not valid.
        """
        if not self.enabled:
            return Caller(None)
        token = access_token
        if authorization is not None:
            kind, _, token = authorization.partition(" ")
            if kind.lower() != "bearer":
                raise ApiError(401, UNAUTHENTICATED)
        if not token:
            if api_key:
                return Caller(ANYONE, has_key_only=True)
            raise ApiError(403, UNREGISTERED)
        body = self._read(token.strip())
        if body is None or body["exp"] < time.time():
            raise ApiError(401, UNAUTHENTICATED)
        return Caller(body["email"], frozenset(body["scopes"]))

    def _read(self, token: str) -> dict[str, Any] | None:
        payload, _, mac = token.removeprefix(_PREFIX).partition(".")
        if not token.startswith(_PREFIX) or not hmac.compare_digest(mac.encode(), self._mac(payload).encode()):
            return None
        body: dict[str, Any] = orjson.loads(_decode64(payload))
        return body

    def expiry(self, token: str) -> int | None:
        """When a token of ours expires, in seconds since 1970; None for any other."""
        body = self._read(token.strip())
        return None if body is None else int(body["exp"])

    def check_scopes(self, caller: Caller, allowed: Collection[str]) -> None:
        """Refuse a caller none of whose scopes is among those that the method asks for.

        Raises:
            ApiError: 403 ``Request had insufficient authentication scopes.``; 401 for an API key where reading is not enough.
        """
        if caller.has_key_only:
            if not any(scope.endswith(".readonly") for scope in allowed):
                raise ApiError(401, KEYS_NOT_SUPPORTED)
            return
        scopes = {_OLDER_SCOPES.get(scope.rstrip("/"), scope) for scope in caller.scopes}
        if self.enabled and scopes.isdisjoint(allowed):
            raise ApiError(403, INSUFFICIENT_SCOPES)


def _secret(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, secrets.token_bytes(32))
    return path.read_bytes()


def _encode64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _split(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, the signed bytes and the signature of a JWT."""
    parts = assertion.split(".")
    malformed = TokenRefused("invalid_grant", "Invalid JWT: Failed audience check. The JWT is malformed.")
    try:
        first, second, signature = (_decode64(part) for part in parts)
        header, claims = orjson.loads(first), orjson.loads(second)
    except ValueError:
        raise malformed from None
    if not (isinstance(header, dict) and isinstance(claims, dict)):
        raise malformed
    return header, claims, f"{parts[0]}.{parts[1]}".encode(), signature


def _verify(account: Mapping[str, Any], header: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(account["private_key"].encode(), password=None)
    refused = TokenRefused("invalid_grant", "Invalid JWT Signature.")
    if header.get("alg") != "RS256" or not isinstance(key, rsa.RSAPrivateKey):
        raise refused
    if header.get("kid") not in (None, account["private_key_id"]):
        raise refused
    try:
        key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise refused from None


def _check_claims(claims: Mapping[str, Any], account: Mapping[str, Any], audiences: Collection[str]) -> None:
    now, issued, expires = time.time(), claims.get("iat"), claims.get("exp")
    times_fit = (
        isinstance(issued, int | float)
        and isinstance(expires, int | float)
        and issued <= now + _CLOCK_SKEW_SECONDS
        and now - _CLOCK_SKEW_SECONDS <= expires
        and expires - now <= _LONGEST_ASSERTION_SECONDS + _CLOCK_SKEW_SECONDS
        and expires - issued <= _LONGEST_ASSERTION_SECONDS + _CLOCK_SKEW_SECONDS
    )
    if not times_fit:
        raise TokenRefused(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            "Check your iat and exp values in the JWT claim.",
        )
    if claims.get("aud") not in list(audiences):
        raise TokenRefused(
            "invalid_grant",
            f"Invalid JWT: Failed audience check. Found {claims.get('aud')!r}, expected the key file's token_uri.",
        )
    if claims.get("sub") not in (None, account["client_email"]):
        raise TokenRefused(
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of "
            "the scopes requested.",
        )
    if not isinstance(claims.get("scope"), str) or not claims["scope"].strip():
        raise TokenRefused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
