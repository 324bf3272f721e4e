"""Faults on demand: errors, delays, lost connections and silence, for the next N requests or at random from a seed.

A rule says which requests it is for and what happens to them; what was done is counted and listed.
"""

import random
import re
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from local_sheets.api_error import ApiError
from local_sheets.server.quota import exceeded

ACTIONS = ("error", "delay", "reset", "timeout")
STATUSES = (401, 403, 404, 408, 409, 429, 500, 502, 503, 504)
MOST_LISTED = 1000

_MESSAGES = {
    401: "Request had invalid authentication credentials.",
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    409: "The operation was aborted.",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
    504: "Deadline exceeded.",
}


class FaultSpecError(ValueError):
    """A rule that makes no sense; the message says what is valid."""


@dataclass(slots=True)
class Fault:
    """One rule.

    Args:
        action: ``error`` answers ``status``; ``delay`` waits ``seconds`` and goes on; ``reset`` cuts the connection;
            ``timeout`` holds it without an answer for ``seconds`` and then cuts it.
        method: Pattern of method ids: ``sheets.spreadsheets.values.*``.
        kind: ``read``, ``write`` or ``any``.
        spreadsheet: Only requests whose path names this id.
        after: The request is carried out first, only its answer is replaced or lost.
        count: For how many requests; None is without end.
        skip: So many matching requests are left alone first.
        probability: Of each matching request to be hit; drawn from ``seed``.
        body: For ``error``: answer with this text of HTML instead of a Google error.
    """

    action: str
    method: str = "*"
    kind: str = "any"
    spreadsheet: str | None = None
    status: int = 503
    after: bool = False
    seconds: float = 0.0
    count: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int | None = None
    body: str | None = None
    retry_after: int | None = None
    rule_id: int = 0
    hits: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 -- a repeatable draw, not a secret
        self._check()

    def _check(self) -> None:
        problems = [
            (self.action not in ACTIONS, f"action is {self.action!r}: expected one of {', '.join(ACTIONS)}"),
            (self.kind not in ("read", "write", "any"), f"kind is {self.kind!r}: expected read, write or any"),
            (
                self.action == "error" and self.status not in STATUSES,
                f"status is {self.status!r}: expected one of {', '.join(map(str, STATUSES))}",
            ),
            (self.count is not None and self.count < 1, f"count is {self.count}: expected 1 or more, or null"),
            (not 0 <= self.probability <= 1, f"probability is {self.probability}: expected 0 to 1"),
            (self.seconds < 0, f"seconds is {self.seconds}: expected 0 or more"),
        ]
        for wrong, text in problems:
            if wrong:
                raise FaultSpecError(f"Fault: {text}.")

    def wants(self, method_id: str, kind: str, path: str = "") -> bool:
        """Whether this request is hit; draws and counts."""
        if self.spreadsheet is not None and self.spreadsheet not in re.split("[/:]", path):
            return False
        if self.count is not None and self.hits >= self.count:
            return False
        if self.kind not in ("any", kind) or not fnmatchcase(method_id, self.method):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def error(self, kind: str) -> ApiError:
        """The error that it answers."""
        if self.status == 429:
            return exceeded(kind if kind in ("read", "write") else "read", 60, project=False)
        return ApiError(self.status, _MESSAGES.get(self.status, "The service is currently unavailable."))

    def as_json(self) -> dict[str, Any]:
        """The rule as it was set, and how often it was used."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("_")}
        return {**found, "left": None if self.count is None else self.count - self.hits}


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault that happened. ``applied`` says whether the request had been carried out."""

    time: float
    rule_id: int
    method: str
    action: str
    status: int | None
    applied: bool


class Faults:
    """The rules in force, first match wins, and what they did."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._next_id = 1
        self._injected: deque[Injected] = deque(maxlen=MOST_LISTED)
        self._counts: Counter[str] = Counter()

    def add(self, spec: Mapping[str, Any]) -> Fault:
        """Set a rule.

        Raises:
            FaultSpecError: A field is unknown or its value makes no sense.
        """
        known = {f.name for f in fields(Fault) if not f.name.startswith("_")} - {"rule_id", "hits"}
        unknown = sorted(set(spec) - known)
        if unknown or "action" not in spec:
            raise FaultSpecError(f"Fault has {unknown or 'no action'}: expected {', '.join(sorted(known))}.")
        try:
            rule = Fault(**spec, rule_id=self._next_id)
        except TypeError as error:
            raise FaultSpecError(f"Fault: {error}.") from None
        self._next_id += 1
        self._rules.append(rule)
        return rule

    def remove(self, rule_id: int | None = None) -> None:
        """Take away one rule, or all."""
        self._rules = [] if rule_id is None else [rule for rule in self._rules if rule.rule_id != rule_id]

    def pick(self, method_id: str, kind: str, path: str = "") -> Fault | None:
        """The rule that hits this request, if any does."""
        return next((rule for rule in self._rules if rule.wants(method_id, kind, path)), None)

    def pick_named(self, method_id: str, kind: str = "any", path: str = "") -> Fault | None:
        """As ``pick``, for what is no request to Sheets: only rules that name its kind hit it, not those for ``*``."""
        named = (rule for rule in self._rules if rule.method.partition(".")[0] == method_id.partition(".")[0])
        return next((rule for rule in named if rule.wants(method_id, kind, path)), None)

    def record(self, rule: Fault, method_id: str, *, applied: bool) -> None:
        """Note what was done."""
        status = rule.status if rule.action == "error" else None
        self._injected.append(Injected(time.time(), rule.rule_id, method_id, rule.action, status, applied))
        self._counts[f"{rule.action} {status}" if status else rule.action] += 1

    def state(self) -> dict[str, Any]:
        """Rules, what was done so far (newest last), and the counts."""
        return {
            "rules": [rule.as_json() for rule in self._rules],
            "injected": [asdict(one) for one in self._injected],
            "counts": dict(self._counts),
            "total": sum(self._counts.values()),
        }
