"""How long, how often and how many at once scripts may run, as Google limits them.

See https://developers.google.com/apps-script/guides/services/quotas and .../guides/triggers#restrictions
"""

import time
from collections import deque
from dataclasses import dataclass, fields, replace
from typing import Any

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class ScriptLimits:
    """What holds for one person's scripts; None is without limit."""

    #: Executions of one person at the same time.
    at_once: int = 30
    #: Seconds that a simple trigger, and any other execution, may take.
    simple_seconds: float = 30.0
    execution_seconds: float = 360.0
    #: Triggers of one script.
    triggers: int = 20
    fetches_per_day: int | None = None
    trigger_seconds_per_day: float | None = None


_NAMED = {
    "on": ScriptLimits(),
    "consumer": ScriptLimits(fetches_per_day=20_000, trigger_seconds_per_day=90 * 60),
    "workspace": ScriptLimits(fetches_per_day=100_000, trigger_seconds_per_day=6 * 3600),
}


def parse_script_limits(text: str) -> ScriptLimits:
    """``on``, ``consumer`` or ``workspace``, then single limits: ``workspace,simple_seconds=5``.

    Raises:
        ValueError: A word is none of these, or no number stands where one should.
    """
    limits = ScriptLimits()
    for part in text.split(","):
        name, equals, number = part.strip().partition("=")
        if not equals and name in _NAMED:
            limits = _NAMED[name]
            continue
        if name not in {field.name for field in fields(ScriptLimits)}:
            known = ", ".join([*_NAMED, *(f"{field.name}=N" for field in fields(ScriptLimits))])
            raise ValueError(f"Limits of scripts: found {part.strip()!r}, expected some of {known}.")
        try:
            value: Any = float(number) if name.endswith("seconds") or "seconds_per" in name else int(number)
        except ValueError:
            raise ValueError(f"Limits of scripts: {name} is {number!r}, expected a number.") from None
        if value <= 0:
            raise ValueError(f"Limits of scripts: {name} is {number}, expected more than 0.")
        limits = replace(limits, **{name: value})
    return limits


class DailyUse:
    """What was used within the last 24 hours."""

    def __init__(self) -> None:
        self._used: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def add(self, amount: float) -> None:
        self._used.append((time.monotonic(), amount))
        self._sum += amount

    @property
    def sum(self) -> float:
        while self._used and self._used[0][0] < time.monotonic() - DAY_SECONDS:
            self._sum -= self._used.popleft()[1]
        return self._sum
