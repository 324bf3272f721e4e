"""``UrlFetchApp``: real requests to whatever address the script names.

See https://developers.google.com/apps-script/reference/url-fetch/url-fetch-app
"""

import gzip
import ssl
import threading
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urljoin, urlsplit

from local_sheets.apps_script.worker.service_error import ServiceError
from local_sheets.apps_script.worker.utilities import to_bytes

TIMEOUT_SECONDS = 60.0
#: Google's limits: https://developers.google.com/apps-script/guides/services/quotas
MOST_BYTES = 50 * 1024 * 1024
MOST_URL_CHARACTERS = 2 * 1024
_MOST_REDIRECTS = 5
_AGENT = "Mozilla/5.0 (compatible; Google-Apps-Script; Local Sheets)"


def fetch(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send all requests at once and give their answers in order.

    Raises:
        ServiceError: One of them found nobody, or was answered by an error that the script does not want to see.
    """
    if len(requests) == 1:
        return [_checked(requests[0], _sent(requests[0]))]
    found: list[Any] = [None] * len(requests)

    def send(index: int) -> None:
        try:
            found[index] = _sent(requests[index])
        except ServiceError as error:
            found[index] = error

    threads = [threading.Thread(target=send, args=(index,)) for index in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in found:
        if isinstance(answer, ServiceError):
            raise answer
    return [_checked(request, answer) for request, answer in zip(requests, found, strict=True)]


def _checked(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if answer["code"] < 400 or request["mute"]:
        return answer
    parts = urlsplit(request["url"])
    said = bytes(answer["bytes"]).decode("utf-8", "replace")
    shown = said[:100] + ("..." if len(said) > 100 else "")
    raise ServiceError(
        f"Request failed for {parts.scheme}://{parts.netloc} returned code {answer['code']}. "
        f"Truncated server response: {shown} (use muteHttpExceptions option to examine full response)"
    )


def _sent(request: dict[str, Any]) -> dict[str, Any]:
    url, method, body = request["url"], request["method"], request["body"]
    content = None if body is None else to_bytes(body)
    for _ in range(_MOST_REDIRECTS + 1):
        answer = _exchange(url, method, content, request)
        target = answer["headers"].get("Location")
        if not (request["follow"] and answer["code"] in (301, 302, 303, 307, 308) and target):
            return answer
        url = urljoin(url, target[-1])
        if answer["code"] in (301, 302, 303) and method != "HEAD":
            method, content = "GET", None
    raise ServiceError(f"Exceeded maximum redirects: {request['url']}")


def _exchange(url: str, method: str, content: bytes | None, request: dict[str, Any]) -> dict[str, Any]:
    connection, path = _connection(url, request["verify"])
    headers = {"User-Agent": _AGENT, "Accept-Encoding": "gzip", **request["headers"]}
    if content is not None:
        headers.setdefault("Content-Type", request["contentType"])
    try:
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        raw = answer.read(MOST_BYTES + 1)
    except TimeoutError:
        raise ServiceError(f"Timeout: {url}") from None
    except ssl.SSLError:
        raise ServiceError(f"SSL Error {url}") from None
    except (OSError, HTTPException):
        raise ServiceError(f"Address unavailable: {url}") from None
    except (ValueError, UnicodeError):
        raise ServiceError("Attribute provided with invalid value: Header") from None
    finally:
        connection.close()
    if len(raw) > MOST_BYTES:
        raise ServiceError(f"URLFetch response size exceeds the allowed limit: {url}")
    return _answer(answer, raw)


def _connection(url: str, verify: bool) -> tuple[HTTPConnection, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServiceError(f"Invalid argument: {url}")
    if len(url) > MOST_URL_CHARACTERS:
        raise ServiceError(f"Limit Exceeded: URLFetch URL Length: {url[:60]}...")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme == "http":
        return HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS), path
    trust = ssl.create_default_context()
    if not verify:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS, context=trust), path


def _answer(answer: HTTPResponse, raw: bytes) -> dict[str, Any]:
    headers: dict[str, list[str]] = {}
    message: HTTPMessage = answer.headers
    for name, value in message.items():
        headers.setdefault("-".join(part.capitalize() for part in name.split("-")), []).append(value)
    if message.get("content-encoding", "").lower() == "gzip":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError):
            raise ServiceError("Unexpected error: the answer is not packed as it says.") from None
    return {
        "code": answer.status,
        "headers": headers,
        "bytes": list(raw),
        "charset": message.get_content_charset(),
        "contentType": message.get("content-type"),
    }
