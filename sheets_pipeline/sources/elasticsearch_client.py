"""Elasticsearch and OpenSearch over HTTP, as both speak it: JSON in, JSON out, every refused item of a bulk reported.

The official clients each refuse the other's server, so requests go over plain HTTP with ``application/json``.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import orjson
import requests
from requests.adapters import HTTPAdapter

from sheets_pipeline.errors import SourceStoreError

logger = logging.getLogger(__name__)

#: Bytes and documents of one bulk request.
_BULK_BYTES, _BULK_ITEMS = 4_000_000, 2000
#: Seconds for a connection, and for an answer.
_TIMEOUT = (10, 120)
#: So often a request is sent whose server is busy or away for a moment, with waits in between that double, in seconds.
_TRIES, _FIRST_WAIT = 5, 0.2
_BUSY = (429, 502, 503, 504)
#: User in the address whose password is an API key.
_API_KEY = "api_key"


class ElasticsearchClient:
    """What one server is asked."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        #: Without user and password, as messages show it.
        self.address = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._session = requests.Session()
        self._session.trust_env = True
        self._session.headers["Content-Type"] = "application/json"
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if user == _API_KEY:
            self._session.headers["Authorization"] = f"ApiKey {password}"
        elif user:
            self._session.auth = (user, password)
        adapter = HTTPAdapter(pool_maxsize=10)
        self._session.mount(parts.scheme + "://", adapter)

    def ask(self, method: str, path: str, body: object = None, *, expected: tuple[int, ...] = (200, 201)) -> Any:
        """The answer of one request, also where its status is another expected one.

        Raises:
            SourceStoreError: The server cannot be reached, or refuses; its words are shown but for what was sent.
        """
        data = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        answer = self._answer(method, path, data)
        if answer.status_code in expected:
            return orjson.loads(answer.content) if answer.content else {}
        raise self._refused(answer)

    def bulk(self, items: Iterable[tuple[dict[str, Any], dict[str, Any] | None]]) -> int:
        """Send actions with their documents; how many documents were made, those that were there already not counted.

        Raises:
            SourceStoreError: Tells of every item that was refused, by kind and number, with the ids of some.
        """
        return sum(self._bulk(lines) for lines in _parts(items))

    def _bulk(self, lines: list[bytes]) -> int:
        made, wait = 0, _FIRST_WAIT
        for tries_left in range(_TRIES, 0, -1):
            answer = self.ask("POST", "/_bulk", b"".join(lines))
            results = [next(iter(item.values())) for item in answer["items"]]
            made += sum(result["status"] in (200, 201) for result in results)
            # 409: the document was there; 404: what is to be deleted is gone
            failed = [result for result in results if result["status"] >= 400 and result["status"] not in (404, 409)]
            if not failed:
                return made
            if tries_left == 1 or any(result["status"] not in _BUSY for result in failed):
                raise self._refused_items(failed, len(results))
            lines = [line for line, result in zip(lines, results, strict=True) if result["status"] in _BUSY]
            time.sleep(wait)
            wait *= 2
        raise AssertionError("the last try returns or raises")

    def _answer(self, method: str, path: str, data: bytes | None) -> requests.Response:
        wait = _FIRST_WAIT
        for tries_left in range(_TRIES, 0, -1):
            try:
                answer = self._session.request(method, self.address + path, data=data, timeout=_TIMEOUT)
            except requests.RequestException as error:  # whose words may show the address with its password
                if tries_left == 1:
                    raise self._unreachable(type(error).__name__) from None
            else:
                if answer.status_code not in _BUSY or tries_left == 1:
                    return answer
            time.sleep(wait)
            wait *= 2
        raise AssertionError("the last try returns or raises")

    def _unreachable(self, why: str) -> SourceStoreError:
        error = SourceStoreError(
            f"Elasticsearch at {self.address} cannot be reached ({why}). Check ELASTICSEARCH_URL, and that the server runs."
        )
        error.is_transient = True
        return error

    def _refused(self, answer: requests.Response) -> SourceStoreError:
        if answer.status_code in (401, 403):
            return SourceStoreError(
                f"Elasticsearch at {self.address} does not let us in (HTTP {answer.status_code}). Check user and password, or "
                "the API key, in ELASTICSEARCH_URL; they need to make indices, write and read."
            )
        try:
            error = orjson.loads(answer.content)["error"]
            words = error["type"] if isinstance(error, dict) else str(error)[:200]
        except (ValueError, KeyError, TypeError):
            words = "no JSON"
        refused = SourceStoreError(
            f"Elasticsearch at {self.address} refused a request: HTTP {answer.status_code}, {words}."
        )
        refused.is_transient = answer.status_code in _BUSY
        return refused

    def _refused_items(self, failed: list[dict[str, Any]], sent: int) -> SourceStoreError:
        kinds = Counter(f"{result['error']['type']} (HTTP {result['status']})" for result in failed)
        told = ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common())
        for result in failed:
            logger.error("Elasticsearch refused document %s: %s", result["_id"], result["error"]["type"])
        some = ", ".join(result["_id"] for result in failed[:5])
        return SourceStoreError(
            f"Elasticsearch at {self.address} refused {len(failed)} of {sent} documents: {told}; among them {some}. No version was "
            "made of them."
        )


def _parts(items: Iterable[tuple[dict[str, Any], dict[str, Any] | None]]) -> Iterator[list[bytes]]:
    """Actions with their documents as they are sent, each bulk of them below its bounds."""
    part: list[bytes] = []
    size = 0
    for action, document in items:
        line = orjson.dumps(action) + b"\n" + (b"" if document is None else orjson.dumps(document) + b"\n")
        if part and (size + len(line) > _BULK_BYTES or len(part) == _BULK_ITEMS):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield part
