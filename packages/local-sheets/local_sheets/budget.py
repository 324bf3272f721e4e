"""How much may be computed: values and characters of one formula, processor time of one formula and of one round.

Without a limit one cell could stop the server for everybody, or take all memory. Google ends such formulas as well, and
shows ``#ERROR!``. Processor time is counted, not time that passes: a busy machine changes no result.
"""

import threading
import time
from contextvars import ContextVar

from local_sheets.cell_values.model import CellError

#: Values that one formula may read, make and compare.
MOST_STEPS = 5_000_000
#: Characters of text that one formula may make.
MOST_CHARACTERS = 20_000_000
FORMULA_SECONDS = 3.0
ROUND_SECONDS = 20.0
_ASKED_EVERY_SECONDS = 0.01
#: Steps that one round may take to find out which formulas are to be evaluated, and in which order.
MOST_ORDER_STEPS = 5_000_000

LIMIT_REACHED = CellError("ERROR", "Calculation limit was reached while trying to compute this formula.")


class LimitReached(Exception):
    """More is computed than may be; no function of formulas catches this."""


class Clock:
    """Processor time of this thread, from when this is made. The time that passes is never less, and cheap to ask for."""

    __slots__ = ("_computed_until", "_passed_until")

    def __init__(self, seconds: float) -> None:
        passed = time.perf_counter()
        self._passed_until = passed + seconds
        self._computed_until = _computed(passed) + seconds

    @property
    def is_over(self) -> bool:
        passed = time.perf_counter()
        if passed <= self._passed_until:
            return False
        left = self._computed_until - time.thread_time()
        self._passed_until = passed + max(left, 0)
        return left <= 0


_asked = threading.local()


def _computed(passed: float) -> float:
    """Processor time of this thread, at most 10 ms less than it is: asking takes longer than many a formula."""
    last, computed = getattr(_asked, "last", (float("-inf"), 0.0))
    if passed - last > _ASKED_EVERY_SECONDS:
        computed = time.thread_time()
        _asked.last = passed, computed
    return float(computed)


class Budget:
    """What is left for one formula, or for one request that looks for a pattern."""

    __slots__ = ("_characters", "_clock", "_round", "_steps")

    def __init__(self, clock: Clock, whole_round: Clock | None, steps: int) -> None:
        self._steps, self._characters = steps, MOST_CHARACTERS
        self._clock, self._round = clock, whole_round

    def spend(self, steps: int, characters: int = 0) -> None:
        """Take from what is left.

        Raises:
            LimitReached: Nothing is left.
        """
        self._steps -= steps
        self._characters -= characters
        if self._steps < 0 or self._characters < 0 or self._clock.is_over:
            raise LimitReached
        if self._round is not None and self._round.is_over:
            raise LimitReached


_CURRENT: ContextVar[Budget | None] = ContextVar("budget", default=None)


class limited:  # noqa: N801 -- reads as what it does; a class, as a generator takes longer than a short formula
    """A fresh budget for what is computed within."""

    __slots__ = ("_budget", "_token")

    def __init__(
        self, seconds: float = FORMULA_SECONDS, whole_round: Clock | None = None, steps: int = MOST_STEPS
    ) -> None:
        self._budget = Budget(Clock(seconds), whole_round, steps)

    def __enter__(self) -> Budget:
        self._token = _CURRENT.set(self._budget)
        return self._budget

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)


def spend(steps: int, characters: int = 0) -> None:
    """Take from the budget of what is under way; outside of ``limited`` there is none.

    Raises:
        LimitReached: Nothing is left.
    """
    budget = _CURRENT.get()
    if budget is not None:
        budget.spend(steps, characters)
