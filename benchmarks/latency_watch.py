"""When a submission becomes readable through the Sheets API.

Local Sheets announces each change; then the cells of all submissions still waited for are read through the API, by
accounts of its own, so that looking takes nothing of the pipeline's quota.
"""

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from google.auth.transport.requests import AuthorizedSession
from google.oauth2 import service_account

from sheets_pipeline.embedded.services import Services
from sheets_pipeline.platform.simulate import Submission
from sheets_pipeline.platform.tables import quiz_responses, quizzes

#: Tab -> header of the key, header of a number that grows with each submission.
_GROWING = {"UserProfiles": ("user_id", "last_active_at"), "course_statistics": ("course_id", "quiz_submissions")}

#: A learner's time of last activity may be this much before the commit (seconds): tabs show whole seconds.
_CLOCK_SECONDS = 1.5

#: Readers take turns: each has a quota of 60 a minute, as anybody.
_READERS = 4
_MOST_READS = 56 * _READERS


@dataclass
class Awaited:
    """A committed submission, the two cells that must show at least these numbers, and when they did."""

    submission: Submission
    cells: dict[str, float]
    readable_at: float | None = None

    @property
    def seconds(self) -> float | None:
        """From commit to readable."""
        return None if self.readable_at is None else self.readable_at - self.submission.committed_at.timestamp()


@dataclass
class Watch:
    """Knows where each learner's and course's number stands, and looks there after every change."""

    services: Services
    engine: sa.Engine
    awaited: list[Awaited] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._reads: list[float] = []
        self._readers = itertools.cycle([self._reader(f"latency-reader-{number}") for number in range(_READERS)])
        self._cells = {title: self._find(title, *headers) for title, headers in _GROWING.items()}
        self._counts = self._count()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def add(self, submission: Submission) -> None:
        """Wait for a submission that has just been committed."""
        learner = self._cells["UserProfiles"][submission.user_id]
        course = self._cells["course_statistics"][submission.course_id]
        with self._lock:
            self._counts[submission.course_id] += 1
            cells = {learner: _serial(submission.committed_at), course: self._counts[submission.course_id]}
            self.awaited.append(Awaited(submission, cells))

    def waiting(self) -> list[Awaited]:
        """Submissions that are not readable yet."""
        with self._lock:
            return [one for one in self.awaited if one.readable_at is None]

    def take(self) -> list[Awaited]:
        """All submissions so far, for a report; starts anew."""
        with self._lock:
            taken, self.awaited = self.awaited, []
            return taken

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()

    def _reader(self, name: str) -> AuthorizedSession:
        key = self._post("POST", "/_local/accounts", {"name": name})
        permissions = f"/_local/spreadsheets/{self.services.spreadsheet_id}/permissions"
        self._post("PUT", permissions, {"emailAddress": key["client_email"], "role": "reader"})
        scopes = ["https://www.googleapis.com/auth/spreadsheets"]
        return AuthorizedSession(service_account.Credentials.from_service_account_info(key, scopes=scopes))

    def _post(self, method: str, path: str, body: Any) -> Any:
        connection = http.client.HTTPConnection(self._host(), timeout=30)
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def _host(self) -> str:
        return str(self.services.sheets_api_endpoint).removeprefix("http://")

    def _get(self, ranges: list[str]) -> list[list[list[Any]]]:
        query = "&".join(f"ranges={quote(one)}" for one in ranges)
        base = f"{self.services.sheets_api_endpoint}/v4/spreadsheets/{self.services.spreadsheet_id}"
        answer = next(self._readers).get(
            f"{base}/values:batchGet?{query}&valueRenderOption=UNFORMATTED_VALUE", timeout=30
        )
        answer.raise_for_status()
        self._reads.append(time.time())
        return [found.get("values", []) for found in answer.json()["valueRanges"]]

    def _find(self, title: str, key_header: str, header: str) -> dict[int, str]:
        [rows] = self._get([title])
        key, column = rows[0].index(key_header), rows[0].index(header)
        return {int(row[key]): f"{title}!{chr(65 + column)}{number}" for number, row in enumerate(rows[1:], 2)}

    def _count(self) -> Counter[int]:
        query = sa.select(quizzes.c.course_id, sa.func.count()).join(quiz_responses).group_by(quizzes.c.course_id)
        with self.engine.connect() as connection:
            return Counter({course: n for course, n in connection.execute(query) if course is not None})

    def _follow(self) -> None:
        connection = http.client.HTTPConnection(self._host(), timeout=60)
        connection.request("GET", f"/_local/events?kinds=change&spreadsheetId={self.services.spreadsheet_id}")
        stream = connection.getresponse()
        while not self._stop.is_set():
            if stream.readline().startswith(b"event:"):
                self._look()
        connection.close()

    def _look(self) -> None:
        waiting = self.waiting()
        if not waiting:
            return
        self._wait_for_quota()
        cells = sorted({cell for one in waiting for cell in one.cells})
        shown = {cell: rows[0][0] if rows else 0 for cell, rows in zip(cells, self._get(cells), strict=True)}
        now = time.time()
        for one in waiting:
            if all(shown[cell] >= least for cell, least in one.cells.items()):
                one.readable_at = now

    def _wait_for_quota(self) -> None:
        self._reads = [moment for moment in self._reads if moment > time.time() - 60.5]
        if len(self._reads) >= _MOST_READS:
            time.sleep(max(0.0, self._reads[-_MOST_READS] + 60.5 - time.time()))


def _serial(moment: datetime) -> float:
    """A time as Sheets shows it in UTC, less the tolerance."""
    return ((moment - datetime(1899, 12, 30, tzinfo=UTC)).total_seconds() - _CLOCK_SECONDS) / 86_400
