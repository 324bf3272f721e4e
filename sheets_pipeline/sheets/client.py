"""The authorised client: one spreadsheet, every request within quota, bounded in time, counted.

It speaks to Google through gspread's HTTP client and turns every failure into an error of ours that says what to do.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, Protocol
from urllib.parse import quote

import orjson
import requests
from google.auth.exceptions import GoogleAuthError
from gspread.exceptions import APIError
from gspread.http_client import HTTPClient

from sheets_pipeline import tracing
from sheets_pipeline.sheets.connections import connections
from sheets_pipeline.sheets.credentials import Identity, authorized_session, ensure_token
from sheets_pipeline.sheets.failures import NotJson, NotSent, is_quota, is_transient, was_not_applied
from sheets_pipeline.sheets.remedies import Asked, translate
from sheets_pipeline.sheets.retry import RetryPolicy, retrying
from sheets_pipeline.sheets.shared_requests import Participant, Send
from sheets_pipeline.sheets.tokens import publish
from sheets_pipeline.sync.numbers import Traffic

GOOGLE_ENDPOINT = "https://sheets.googleapis.com"

Kind = Literal["read", "write"]


class QuotaBudget(Protocol):
    """Lets a request through when the quota allows it."""

    def slot(self, kind: Kind) -> AbstractContextManager[float]:
        """Wait for room, hold it for the length of one request; gives the seconds waited."""

    def left(self, kind: Kind) -> int:
        """Requests that could be sent now without waiting."""

    def reserved(self) -> AbstractContextManager[None]:
        """Wait for room before a lock is taken, so that nobody waits for the lock meanwhile."""


class NoQuota:
    """A budget that lets every request through at once."""

    @contextmanager
    def slot(self, kind: Kind) -> Iterator[float]:
        """At once."""
        yield 0.0

    def left(self, kind: Kind) -> int:
        """Always some."""
        return 60

    def reserved(self) -> AbstractContextManager[None]:
        """There is nothing to wait for."""
        return nullcontext()


class SheetsClient:
    """Requests to one spreadsheet. Not for use by several threads at once.

    With a ``participant`` it shares requests with the clients of other tabs. A shared one is counted by the client that
    sent it, and by the others as ``shared_requests``.
    """

    def __init__(
        self,
        identity: Identity,
        spreadsheet_id: str,
        *,
        budget: QuotaBudget,
        endpoint: str = GOOGLE_ENDPOINT,
        policy: RetryPolicy | None = None,
        participant: Participant | None = None,
    ) -> None:
        self.identity = identity
        self.spreadsheet_id = spreadsheet_id
        self.traffic = Traffic()
        self.policy = policy or RetryPolicy()
        self._budget = budget
        self._participant = participant
        self._base = f"{endpoint}/v4/spreadsheets/{quote(spreadsheet_id, safe='')}"
        session = authorized_session(identity.credentials, is_google=endpoint == GOOGLE_ENDPOINT)
        self._connections = connections(endpoint)
        session.mount(endpoint, self._connections)
        self._http = HTTPClient(identity.credentials, session=session)
        self._http.set_timeout(self.policy.timeout_seconds)

    def read(self, path: str = "", *, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        """One read request, tried again while the failure is transient.

        ``path`` follows the spreadsheet's address (``/values:batchGetByDataFilter``); with a ``body`` it is a POST.
        """
        return self._send("read", "get" if body is None else "post", path, params, body)

    def write(
        self,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: bytes,
        right_before: Callable[[], None] | None = None,
    ) -> Any:
        """One write request, tried again only while it surely was not applied.

        ``right_before`` is called each time before it is sent, after whatever waiting; what it raises stops the request.

        Raises:
            OutcomeUnknown: The request was sent and no answer tells whether it was applied.
        """
        return self._send("write", "post", path, params, body, right_before)

    def open_ahead(self) -> None:
        """Get a token and open a connection, so that the first request waits for neither; nothing is asked of the API.

        Raises:
            GoogleAuthError: There is no token to be had.
        """
        ensure_token(self.identity.credentials)
        self._connections.open_ahead(self._http.session, self._base)

    @contextmanager
    def span(self, name: str) -> Iterator[tracing.Span]:
        """A step of the run's trace, with the requests that are sent in it."""
        before = self.traffic.read_requests + self.traffic.write_requests
        with tracing.span(name) as span:
            yield span
            span.note(requests=self.traffic.read_requests + self.traffic.write_requests - before)

    def taking_part(self) -> AbstractContextManager[None]:
        """To be held while the client's tab is at work, so that others wait for its requests."""
        return nullcontext() if self._participant is None else self._participant.at_work()

    def go_alone(self) -> None:
        """Share no request until the tab's work ends; see ``Participant.go_alone``."""
        if self._participant is not None:
            self._participant.go_alone()

    def together(self, kind: str, part: Any, size: int, send: Send) -> Any:
        """Send a part of a request, with those of other tabs where there are any; see ``Participant.together``."""
        if self._participant is None:
            return send([part])
        answer, is_anothers = self._participant.together(kind, part, size, send)
        self.traffic.shared_requests += is_anothers
        return answer

    def quota_reserved(self) -> AbstractContextManager[None]:
        """Wait for quota now, not in the block: bulk work that is about to take a lock.

        For a request that is shared, whoever starts the round has waited.
        """
        return self._budget.reserved() if self._participant is None else nullcontext()

    def quota_left(self, kind: Kind) -> int:
        """Requests that could be sent now without waiting."""
        return self._budget.left(kind)

    def _send(
        self,
        kind: Kind,
        method: str,
        path: str,
        params: Any,
        body: Any,
        right_before: Callable[[], None] | None = None,
    ) -> Any:
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if data is not None else None

        def attempt() -> Any:
            with self._budget.slot(kind) as waited:
                self.traffic.quota_wait_seconds += waited
                if right_before is not None:
                    right_before()
                self._count(kind, len(data or b""))
                response = self._request(method, path, params, data, headers)
                try:
                    return orjson.loads(response.content)
                except orjson.JSONDecodeError:
                    raise NotJson(response) from None

        def is_worth_it(error: BaseException) -> bool:
            return is_transient(error) and (kind == "read" or was_not_applied(error))

        began = time.monotonic()
        try:
            return retrying(self.policy, is_worth_it, random.random, self._count_retry)(attempt)
        except (APIError, requests.RequestException, GoogleAuthError, NotJson, NotSent) as error:
            seconds = time.monotonic() - began
            asked = Asked(kind, self.identity.name, self.spreadsheet_id, self._base, seconds)
            raise translate(error, asked) from None

    def _request(self, method: str, path: str, params: Any, data: Any, headers: Any) -> requests.Response:
        try:
            ensure_token(self.identity.credentials)
            response = self._http.request(method, self._base + path, params=params, data=data, headers=headers)
            publish(self.identity.credentials)  # where the token was refused, google-auth has got another
            return response
        except APIError as error:
            self.traffic.refused_requests += is_quota(error)
            raise
        except requests.RequestException:
            raise
        except OSError as error:  # requests looks for its certificates without wrapping what it meets
            raise NotSent(type(error).__name__) from error

    def _count(self, kind: Kind, size: int) -> None:
        if kind == "read":
            self.traffic.read_requests += 1
        else:
            self.traffic.write_requests += 1
        self.traffic.bytes_sent += size

    def _count_retry(self) -> None:
        self.traffic.retries += 1
