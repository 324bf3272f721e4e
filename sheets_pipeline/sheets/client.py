"""The authorised client: one spreadsheet, every request within quota, bounded in time, counted.

It speaks to Google through gspread's HTTP client and turns every failure into an error of ours that says what to do.
"""

import random
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol
from urllib.parse import quote

import orjson
import requests
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from gspread.exceptions import APIError
from gspread.http_client import HTTPClient

from sheets_pipeline.errors import (
    AccessDenied,
    OutcomeUnknown,
    QuotaExceeded,
    RequestRejected,
    SheetsError,
    SheetsUnavailable,
    SpreadsheetNotFound,
)
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sheets.retry import RetryPolicy, describe, is_transient, retrying, was_not_applied
from sheets_pipeline.sheets.shared_requests import Seat, Send
from sheets_pipeline.sync.report import Traffic

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


class SheetsClient:
    """Requests to one spreadsheet. Not for use by several threads at once.

    With a ``seat`` it shares requests with the clients of other tabs. A shared one is counted by the client that sent it,
    and by the others as ``shared_requests``.
    """

    def __init__(
        self,
        identity: Identity,
        spreadsheet_id: str,
        *,
        budget: QuotaBudget,
        endpoint: str = GOOGLE_ENDPOINT,
        policy: RetryPolicy | None = None,
        seat: Seat | None = None,
    ) -> None:
        self.identity = identity
        self.spreadsheet_id = spreadsheet_id
        self.traffic = Traffic()
        self.policy = policy or RetryPolicy()
        self._budget = budget
        self._seat = seat
        self._base = f"{endpoint}/v4/spreadsheets/{quote(spreadsheet_id, safe='')}"
        self._http = HTTPClient(identity.credentials)
        self._http.set_timeout(self.policy.timeout_seconds)

    def read(self, path: str = "", *, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        """One read request, tried again while the failure is transient.

        ``path`` follows the spreadsheet's address (``/values:batchGetByDataFilter``); with a ``body`` it is a POST.
        """
        return self._send("read", "get" if body is None else "post", path, params, body, is_transient)

    def write(self, path: str, *, params: dict[str, Any] | None = None, body: bytes) -> Any:
        """One write request, tried again only while it surely was not applied.

        Raises:
            OutcomeUnknown: The request was sent and no answer tells whether it was applied.
        """
        return self._send("write", "post", path, params, body, was_not_applied)

    def taking_part(self) -> AbstractContextManager[None]:
        """To be held while the client's tab is at work, so that others wait for its requests."""
        return nullcontext() if self._seat is None else self._seat.taken()

    def together(self, kind: Kind, part: Any, size: int, send: Send) -> Any:
        """Send a part of a request, with those of other tabs where there are any; see ``Seat.together``."""
        if self._seat is None:
            return send([part])
        answer, is_anothers = self._seat.together(kind, part, size, send)
        self.traffic.shared_requests += is_anothers
        return answer

    def quota_reserved(self) -> AbstractContextManager[None]:
        """Wait for quota now, not in the block: bulk work that is about to take a lock."""
        return self._budget.reserved()

    def quota_left(self, kind: Kind) -> int:
        """Requests that could be sent now without waiting."""
        return self._budget.left(kind)

    def _send(self, kind: Kind, method: str, path: str, params: Any, body: Any, worth_it: Any) -> Any:
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if data is not None else None

        def attempt() -> Any:
            with self._budget.slot(kind) as waited:
                self.traffic.quota_wait_seconds += waited
                self._count(kind, len(data or b""))
                try:
                    response = self._http.request(method, self._base + path, params=params, data=data, headers=headers)
                except APIError as error:
                    self.traffic.refused_requests += error.response.status_code == 429
                    raise
                return orjson.loads(response.content)

        try:
            return retrying(self.policy, worth_it, random.random, self._count_retry)(attempt)
        except (APIError, requests.RequestException, GoogleAuthError, orjson.JSONDecodeError) as error:
            raise self._translate(kind, error) from None

    def _count(self, kind: Kind, size: int) -> None:
        if kind == "read":
            self.traffic.read_requests += 1
        else:
            self.traffic.write_requests += 1
        self.traffic.bytes_sent += size

    def _count_retry(self) -> None:
        self.traffic.retries += 1

    def _translate(self, kind: Kind, error: Exception) -> SheetsError:
        if isinstance(error, APIError):
            return self._translate_status(kind, error)
        if isinstance(error, RefreshError):
            return AccessDenied(
                f"Google refused the credentials of {self.identity.name}: {_first_line(error)}. "
                "Check that the service account and its key still exist, and that this machine's clock is right."
            )
        if kind == "write" and not was_not_applied(error):
            return OutcomeUnknown(f"A write to the spreadsheet was sent, but its answer was lost ({describe(error)}).")
        what = "Google's token service" if isinstance(error, TransportError) else "The Sheets API"
        return SheetsUnavailable(
            f"{what} could not be reached for {self.policy.total_seconds:.0f} s ({describe(error)}). "
            "Check the network of this machine and SHEETS_API_ENDPOINT; the next sync goes on where this one stopped."
        )

    def _translate_status(self, kind: Kind, error: APIError) -> SheetsError:
        status = error.response.status_code
        message = str(error.error.get("message", "")).strip()[:500]
        if status in (401, 403):
            return AccessDenied(self._access_remedy(message), status=status)
        if status == 404:
            return SpreadsheetNotFound(
                f"There is no spreadsheet {self.spreadsheet_id!r}, or it was deleted. "
                "Check SPREADSHEET_ID (the part of its address between /d/ and /edit).",
                status=status,
            )
        if status == 429:
            return QuotaExceeded(
                f"Google's {kind} quota stayed used up for {self.policy.total_seconds:.0f} s ({message}). Something else "
                "uses the same credentials: give it its own service account, or lower SHEETS_READS_PER_MINUTE and "
                "SHEETS_WRITES_PER_MINUTE.",
                status=status,
            )
        if is_transient(error):
            if kind == "write":
                return OutcomeUnknown(f"Google answered {status} to a write ({message}).", status=status)
            return SheetsUnavailable(
                f"The Sheets API failed for {self.policy.total_seconds:.0f} s ({status} {message}). "
                "The next sync goes on where this one stopped.",
                status=status,
            )
        return RequestRejected(f"Google refused a request ({status}): {message}", status=status)

    def _access_remedy(self, message: str) -> str:
        if "has not been used" in message or "is disabled" in message:
            return f"The Google Sheets API is not enabled in the project of these credentials. {message}"
        if "authentication credentials" in message:
            return f"Google does not accept the credentials of {self.identity.name}. Create a new key. ({message})"
        return (
            f"The spreadsheet {self.spreadsheet_id!r} is not shared with {self.identity.name} ({message}). "
            "Open it in the browser, press Share, and add that address as Editor."
        )


def _first_line(error: Exception) -> str:
    return str(error.args[0] if error.args else error).splitlines()[0][:200]
