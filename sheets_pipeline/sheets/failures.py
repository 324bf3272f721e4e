"""What kind of failure a request to Google met: worth another try, surely not applied, of quota, of somebody in between.

Pure: looks at the failure alone. An answer that is no Google error at all was given by something in between, such as a
proxy's sign-in page.
"""

import ssl
from collections.abc import Iterator
from typing import Any

import requests
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from gspread.exceptions import APIError
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, TooManyRedirects
from urllib3.exceptions import NameResolutionError, NewConnectionError

_LONGEST_WORDS = 300


class NotJson(Exception):
    """An answer with a status of success that is not JSON. ``response`` is the answer."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        super().__init__("no JSON")


class NotSent(Exception):
    """A request that could not even be tried, such as for a file of certificates that is not there."""


#: Statuses that say "not now"; every other one from 500 on does, too. 409 is ABORTED: two requests met, none was applied.
TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})

#: Reasons of a 403 that mean: too many requests.
_QUOTA_REASONS = frozenset(
    {"RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
)


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later without anybody's doing."""
    if isinstance(error, APIError):
        status = error.response.status_code
        return status in TRANSIENT_STATUSES or status >= 500 or is_quota(error)
    if isinstance(error, NotJson):
        return not _is_html(error.response)  # JSON that was cut off
    if isinstance(error, RefreshError):
        return is_outage_of_tokens(error)
    if refused_certificate(error) or is_proxy_sign_in(error):
        return False
    kinds = (requests.ConnectionError, requests.Timeout, TransportError)
    broken = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    return isinstance(error, kinds + broken)


def was_not_applied(error: BaseException) -> bool:
    """Whether a failed write surely changed nothing: refused before it was looked at, or never received."""
    if isinstance(error, APIError):
        status = error.response.status_code
        return 400 <= status < 500 and status not in (408, 409)
    if isinstance(error, GoogleAuthError | requests.ConnectTimeout):
        return True  # a token is asked for before the request is sent, or after it was answered by 401
    if isinstance(error, requests.exceptions.ProxyError) or refused_certificate(error) or is_our_side(error):
        return True
    return any(isinstance(cause, NewConnectionError | NameResolutionError) for cause in _causes(error))


def is_quota(error: BaseException) -> bool:
    """Whether Google refused it because of too many requests."""
    if not isinstance(error, APIError):
        return False
    return error.response.status_code == 429 or (
        error.response.status_code == 403 and bool(reasons(error) & _QUOTA_REASONS)
    )


def is_googles(error: APIError) -> bool:
    """Whether the answer has the shape of Google's errors; a proxy's page has not."""
    return error.error.get("code") != -1


def is_outage_of_tokens(error: RefreshError) -> bool:
    """Whether the token service was away or answered nonsense, rather than refuse the credentials.

    A refusal is an OAuth error: an object with ``error``, which google-auth gives as second argument.
    Source: https://www.rfc-editor.org/rfc/rfc6749.html#section-5.2
    """
    if error.retryable:
        return True
    if any(isinstance(cause, TransportError) for cause in _causes(error)):
        return True
    answer = error.args[1] if len(error.args) > 1 else None
    is_oauth_error = isinstance(answer, dict) and "error" in answer
    text = str(error.args[0] if error.args else "").lstrip()
    return not is_oauth_error and (not text or text.startswith("<") or "<html" in text[:500].lower())


def describe(error: BaseException | None) -> str:
    """A failure in a few words, without headers, addresses or bodies."""
    if isinstance(error, APIError):
        answer = words(error) if is_googles(error) else f"with a page of {content_type(error.response)}"
        return f"{error.response.status_code} {answer}"
    if isinstance(error, NotJson):
        return f"{error.response.status_code} with {content_type(error.response)} that is not JSON"
    if isinstance(error, RefreshError):
        return "an outage of the token service"
    if error is None:
        return "nothing"
    return _described_cause(error)


def _described_cause(error: BaseException) -> str:
    if certificate := refused_certificate(error):
        return f"a certificate that this machine does not trust: {certificate}"
    causes = list(_causes(error))
    kinds: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
        (requests.exceptions.ProxyError, "nothing, the proxy could not be used"),
        (NameResolutionError, "nothing, its name does not resolve"),
        (NewConnectionError, "nothing, no connection could be made"),
        (requests.Timeout, "nothing in time"),
        (requests.ConnectionError, "nothing, the connection broke"),
    ]
    return next(
        (text for kind, text in kinds if any(isinstance(cause, kind) for cause in causes)), type(error).__name__
    )


def words(error: BaseException) -> str:
    """Google's own words, on one line and not too many."""
    message = (
        error.error.get("message", "") if isinstance(error, APIError) else (error.args[0] if error.args else error)
    )
    return " ".join(str(message).split())[:_LONGEST_WORDS]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it wraps: requests puts urllib3's error into ``args`` and ``reason``, others chain."""
    seen: list[BaseException] = []
    ahead: list[Any] = [error]
    while ahead:
        cause = ahead.pop(0)
        if not isinstance(cause, BaseException) or any(cause is known for known in seen):
            continue
        seen.append(cause)
        yield cause
        ahead += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def reasons(error: APIError) -> set[str]:
    """``ErrorInfo.reason`` of the newer form of errors, ``errors[].reason`` of Drive's."""
    names: set[str] = set()
    for name in ("details", "errors"):
        parts = error.error.get(name)
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict) and isinstance(part.get("reason"), str):
                names.add(part["reason"])
    return names


def refused_certificate(error: BaseException) -> str | None:
    """Why a certificate was refused, in OpenSSL's words; None where none was."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message or cause.reason or "unknown")
        if isinstance(cause, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
            return "the other side does not speak TLS"
    return None


def is_proxy_sign_in(error: BaseException) -> bool:
    if isinstance(error, APIError | NotJson):
        return error.response.status_code == 407
    return any("407 Proxy Authentication" in str(cause) for cause in _causes(error))


def is_our_side(error: BaseException) -> bool:
    """Whether a setting of this machine names an address or a file of certificates that is none."""
    kinds = (NotSent, InvalidURL, MissingSchema, InvalidSchema, TooManyRedirects)
    return any(isinstance(cause, kinds) for cause in _causes(error))


def _is_html(response: requests.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower() or response.content.lstrip()[:1] == b"<"


def content_type(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "no content type").partition(";")[0].strip()[:60] or "no content type"
