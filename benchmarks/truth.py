"""Whether the spreadsheet holds exactly what the database knows, read through the API by an account of its own."""

import http.client
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from google.auth.transport.requests import AuthorizedSession
from google.oauth2 import service_account

from sheets_pipeline.embedded.services import Services
from sheets_pipeline.platform.tables import courses, quiz_responses, quizzes, transcript_requests, users


def _count(
    key: sa.Column[int], what: sa.ColumnElement[Any], ids: sa.Column[int], source: sa.FromClause
) -> sa.Select[int, Any]:
    counted = sa.select(key.label("key"), sa.func.count(what).label("n")).select_from(source).group_by(key).subquery()
    return sa.select(ids, sa.func.coalesce(counted.c.n, 0)).outerjoin(counted, counted.c.key == ids)


#: Tab → header of its key, header of a fact that each submission or change moves, and the query of both.
_TABS: dict[str, tuple[str, str, sa.Select[Any, Any]]] = {
    "UserProfiles": (
        "user_id",
        "quizzes_taken",
        _count(quiz_responses.c.user_id, quiz_responses.c.quiz_id.distinct(), users.c.id, quiz_responses),
    ),
    "course_statistics": (
        "course_id",
        "quiz_submissions",
        _count(quizzes.c.course_id, quiz_responses.c.id, courses.c.id, quiz_responses.join(quizzes)),
    ),
    "quiz_responses": ("response_id", "score", sa.select(quiz_responses.c.id, quiz_responses.c.score)),
    "TranscriptRequests": (
        "request_id",
        "status",
        sa.select(transcript_requests.c.id, transcript_requests.c.status),
    ),
}
_SCOPES = ["https://www.googleapis.com/auth/spreadsheets"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Rows of one tab (with its archive) against the rows of its table."""

    rows: int
    missing: int
    doubled: int
    unknown: int
    #: Rows of which the fact is not what the database says.
    wrong: int

    @property
    def is_right(self) -> bool:
        """Every row once, and right."""
        return not (self.missing or self.doubled or self.unknown or self.wrong)


class Judge:
    """Reads the tabs and the tables."""

    def __init__(self, services: Services, engine: sa.Engine) -> None:
        self.services, self.engine = services, engine
        key = self._local("POST", "/_local/accounts", {"name": "judge"})
        permissions = f"/_local/spreadsheets/{services.spreadsheet_id}/permissions"
        self._local("PUT", permissions, {"emailAddress": key["client_email"], "role": "reader"})
        self.session = AuthorizedSession(service_account.Credentials.from_service_account_info(key, scopes=_SCOPES))

    def verdicts(self) -> dict[str, Verdict]:
        """One verdict per tab; two read requests."""
        sheets = self._get("?fields=sheets.properties.title")["sheets"]
        titles = [str(sheet["properties"]["title"]) for sheet in sheets]
        query = "&".join(f"ranges={quote(title)}" for title in titles)
        ranges = self._get(f"/values:batchGet?{query}&valueRenderOption=UNFORMATTED_VALUE")["valueRanges"]
        shown = {title: one.get("values", [[]]) for title, one in zip(titles, ranges, strict=True)}
        return {tab: self._judge(tab, shown) for tab in _TABS}

    def _judge(self, tab: str, by_title: dict[str, list[list[Any]]]) -> Verdict:
        key_header, fact_header, query = _TABS[tab]
        shown: Counter[int] = Counter()
        facts: dict[int, Any] = {}
        for title, (header, *rows) in by_title.items():
            if title != tab and not re.fullmatch(rf"{tab} \d{{4}}-\d\d", title):
                continue
            key, fact = header.index(key_header), header.index(fact_header)
            for row in (row for row in rows if len(row) > key and row[key] != ""):
                shown[int(row[key])] += 1
                facts[int(row[key])] = row[fact] if len(row) > fact else None
        with self.engine.connect() as connection:
            wanted = {int(key): fact for key, fact in connection.execute(query)}
        return Verdict(
            rows=len(wanted),
            missing=len(wanted.keys() - shown.keys()),
            doubled=sum(1 for count in shown.values() if count > 1),
            unknown=len(shown.keys() - wanted.keys()),
            wrong=sum(1 for key, fact in wanted.items() if key in facts and not _same(facts[key], fact)),
        )

    def _get(self, path: str) -> Any:
        base = f"{self.services.sheets_api_endpoint}/v4/spreadsheets/{self.services.spreadsheet_id}"
        answer = self.session.get(base + path, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def _local(self, method: str, path: str, body: Any) -> Any:
        host = str(self.services.sheets_api_endpoint).removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer


def _same(shown: Any, known: Any) -> bool:
    if isinstance(shown, int | float) and known is not None:
        return abs(float(shown) - float(known)) < 1e-9
    return (shown or "") == (known or "")
