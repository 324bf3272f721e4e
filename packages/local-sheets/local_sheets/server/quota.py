"""Requests per minute, per user and per project, reads and writes apart, and Google's answer when they are used up.

Google does not say how its minute is cut. Ours slides: a request is refused when as many requests as the limit allows
arrived in the 60 seconds before it. No other cut is stricter, so a client that passes here passes with any. Refused
requests are not counted. See https://developers.google.com/workspace/sheets/api/limits
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from local_sheets.api_error import ApiError
from local_sheets.server.accounts import PROJECT_NUMBER

WINDOW_SECONDS = 60.0
READ, WRITE = "read", "write"


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests per minute; None is no limit."""

    reads: int | None = 60
    writes: int | None = 60
    project_reads: int | None = 300
    project_writes: int | None = 300

    def of(self, kind: str, *, project: bool) -> int | None:
        """The limit for one kind of request."""
        limit: int | None = getattr(self, f"{'project_' if project else ''}{kind}s")
        return limit


UNLIMITED = Limits(None, None, None, None)


def parse_limits(text: str) -> Limits:
    """Read ``off``, ``on`` or ``reads=60,writes=60,project_reads=300,project_writes=300`` (each may be ``off``).

    Raises:
        ValueError: A name is unknown or a value is no positive number.
    """
    if text == "off":
        return UNLIMITED
    if text in ("on", ""):
        return Limits()
    names = [field.name for field in fields(Limits)]
    given: dict[str, int | None] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in names or not (value == "off" or (value.isdecimal() and int(value) > 0)):
            raise ValueError(
                f"Quota {part.strip()!r}: expected off, on, or NAME=NUMBER with NAME one of {', '.join(names)} "
                "and NUMBER requests per minute (or off), such as reads=60,writes=60."
            )
        given[name] = None if value == "off" else int(value)
    return Limits(**given)


class Quota:
    """Counts requests at their arrival. ``clock`` gives seconds that never run backwards."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._arrivals: dict[tuple[str, str | None], deque[float]] = {}

    def take(self, kind: str, user: str) -> None:
        """Count a request.

        Raises:
            ApiError: 429, the user's or the project's limit is used up.
        """
        own, project = self._recent(kind, user), self._recent(kind, None)
        for arrivals, is_project in ((own, False), (project, True)):
            limit = self.limits.of(kind, project=is_project)
            if limit is not None and len(arrivals) >= limit:
                raise exceeded(kind, limit, project=is_project)
        now = self._clock()
        own.append(now)
        project.append(now)

    def _recent(self, kind: str, user: str | None) -> deque[float]:
        arrivals = self._arrivals.setdefault((kind, user), deque())
        oldest = self._clock() - WINDOW_SECONDS
        while arrivals and arrivals[0] <= oldest:
            arrivals.popleft()
        return arrivals

    def usage(self) -> dict[str, Any]:
        """Requests of the last 60 seconds, in all and by user, and the limits."""
        users = sorted({user for _, user in self._arrivals if user is not None})
        return {
            "reads_last_minute": len(self._recent(READ, None)),
            "writes_last_minute": len(self._recent(WRITE, None)),
            "by_user": {
                user: {"reads": len(self._recent(READ, user)), "writes": len(self._recent(WRITE, user))}
                for user in users
            },
            "limits": {field.name: getattr(self.limits, field.name) for field in fields(Limits)},
        }


def exceeded(kind: str, limit: int, *, project: bool) -> ApiError:
    """Google's 429, word for word."""
    metric = f"{kind.capitalize()} requests"
    per = "per minute" if project else "per minute per user"
    name = f"{kind.capitalize()}RequestsPerMinutePer{'Project' if project else 'User'}"
    message = (
        f"Quota exceeded for quota metric '{metric}' and limit '{metric} {per}' of service "
        f"'sheets.googleapis.com' for consumer 'project_number:{PROJECT_NUMBER}'."
    )
    metadata: Mapping[str, str] = {
        "quota_limit_value": str(limit),
        "service": "sheets.googleapis.com",
        "consumer": f"projects/{PROJECT_NUMBER}",
        "quota_unit": "1/min/{project}" if project else "1/min/{project}/{user}",
        "quota_location": "global",
        "quota_metric": f"sheets.googleapis.com/{kind}_requests",
        "quota_limit": name,
    }
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    link = {
        "description": "Request a higher quota limit.",
        "url": "https://cloud.google.com/docs/quotas/help/request_increase",
    }
    return ApiError(429, message, [info, {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]}])
