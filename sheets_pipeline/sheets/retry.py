"""The loop that tries a request to Google again, and how long it waits before each try.

A read, or a write that Google refused or never received, is simply sent again. A write whose answer was lost is not:
it may have been applied, so ``OutcomeUnknown`` goes up to the writer, which reads before it decides.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from gspread.exceptions import APIError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay
from tenacity.wait import wait_base

from sheets_pipeline.sheets.failures import describe

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits of 1, 2, 4 ... seconds with jitter, at most ``longest_wait_seconds`` each and ``total_seconds`` together.

    ``timeout_seconds`` bounds one request: (connect, read). Google gives up on a request after 180 s.
    """

    total_seconds: float = 100
    first_wait_seconds: float = 1
    longest_wait_seconds: float = 32
    timeout_seconds: tuple[float, float] = (10, 185)


class _Wait(wait_base):
    """``Retry-After`` where Google gives one, else exponential with jitter."""

    def __init__(self, policy: RetryPolicy, random: Callable[[], float]) -> None:
        self.policy, self.random = policy, random

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, APIError) and (after := _retry_after(error.response)) is not None:
            return after
        exponential = self.policy.first_wait_seconds * 2.0 ** (retry_state.attempt_number - 1)
        return min(exponential, self.policy.longest_wait_seconds) * (0.75 + 0.5 * self.random())


def _retry_after(response: requests.Response) -> float | None:
    """Seconds from a ``Retry-After`` header; Google's are whole seconds, dates are not waited for."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def retrying(
    policy: RetryPolicy,
    worth_it: Callable[[BaseException], bool],
    random: Callable[[], float],
    on_retry: Callable[[], Any],
) -> Retrying:
    """A loop that tries again while ``worth_it`` says so, and raises the last error when time is up."""

    def before_sleep(state: RetryCallState) -> None:
        on_retry()
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0
        logger.warning("Google answered %s; next try in %.1f s", describe(error), seconds)

    return Retrying(
        retry=retry_if_exception(worth_it),
        wait=_Wait(policy, random),
        stop=stop_before_delay(policy.total_seconds),
        before_sleep=before_sleep,
        reraise=True,
    )
