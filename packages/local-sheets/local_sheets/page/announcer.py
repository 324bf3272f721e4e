"""Tells another program what people edited: one JSON message per edit, delivered in the background with a few retries.

An edit never waits for its announcement, and a receiver that is down costs nothing but the announcements it missed;
those are listed with the reason. Messages are delivered one after another, in the order of the edits.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

#: Seconds before each further try; after the last one the announcement has failed.
RETRY_DELAYS_SECONDS = (0.5, 2.0, 6.0)
TIMEOUT_SECONDS = 10.0
#: Announcements waiting at most; beyond that the oldest are given up.
MOST_WAITING = 1000
#: Past announcements kept for the page to show.
MOST_KEPT = 50


@dataclass(slots=True)
class Announcement:
    """One message and how it fared. ``status`` is ``waiting``, ``delivered`` or ``failed``."""

    number: int
    url: str
    message: dict[str, Any]
    status: str = "waiting"
    tries: int = 0
    error: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {
            "number": self.number,
            "time": self.at.isoformat(),
            "title": self.message.get("title"),
            "range": self.message.get("range"),
            "changeType": self.message.get("changeType"),
            "status": self.status,
            "tries": self.tries,
            "error": self.error,
        }


class Announcer:
    """Delivers announcements to one address, which can be changed or taken away (None) at any time."""

    def __init__(
        self,
        url: str | None = None,
        *,
        retry_delays_seconds: Sequence[float] = RETRY_DELAYS_SECONDS,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.on_change = on_change
        self._delays = tuple(retry_delays_seconds)
        self._url = checked_url(url)
        self._waiting: deque[Announcement] = deque()
        self._kept: deque[Announcement] = deque(maxlen=MOST_KEPT)
        self._count = 0
        self._totals = {"delivered": 0, "failed": 0}
        self._wake = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str | None:
        return self._url

    def set_url(self, url: str | None) -> None:
        """Announce to another address from now on; what is under way still goes to the old one.

        Raises:
            ValueError: The text is no http or https address.
        """
        self._url = checked_url(url)
        self.on_change()

    def announce(self, message: dict[str, Any]) -> None:
        """Deliver a message soon; does nothing where no address is set."""
        if self._url is None:
            return
        with self._wake:
            self._count += 1
            announcement = Announcement(self._count, self._url, message)
            self._kept.append(announcement)
            self._waiting.append(announcement)
            if len(self._waiting) > MOST_WAITING:
                self._give_up_oldest()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="edit-announcer", daemon=True)
                self._thread.start()
            self._wake.notify_all()
        self.on_change()

    def state(self) -> dict[str, Any]:
        """What the page shows: address, totals, the latest announcements, newest first."""
        with self._wake:
            recent = [announcement.as_json() for announcement in reversed(self._kept)]
            return {"url": self._url, "waiting": len(self._waiting), **self._totals, "recent": recent}

    def stop(self) -> None:
        """End the background work; what still waits is given up."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=TIMEOUT_SECONDS)

    # -- in the background

    def _work(self) -> None:
        while (announcement := self._next()) is not None:
            self._deliver(announcement)
            with self._wake:
                if self._waiting and self._waiting[0] is announcement:
                    self._waiting.popleft()
            self.on_change()

    def _next(self) -> Announcement | None:
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._stopped)
            return None if self._stopped else self._waiting[0]

    def _deliver(self, announcement: Announcement) -> None:
        for delay in (*self._delays, None):
            announcement.tries += 1
            error = _post(announcement.url, announcement.message)
            if error is None:
                self._finish(announcement, "delivered", None)
                return
            announcement.error = error
            if delay is None or self._paused(delay):
                break
            self.on_change()
        self._finish(announcement, "failed", announcement.error)

    def _paused(self, seconds: float) -> bool:
        """Wait before the next try; True when the work was stopped meanwhile."""
        deadline = time.monotonic() + seconds
        with self._wake:
            while not self._stopped and (left := deadline - time.monotonic()) > 0:
                self._wake.wait(left)
            return self._stopped

    def _give_up_oldest(self) -> None:
        """The first one waiting may be under way, so the second one goes."""
        oldest = self._waiting[1]
        del self._waiting[1]
        self._finish(oldest, "failed", f"More than {MOST_WAITING} announcements were waiting.")

    def _finish(self, announcement: Announcement, status: str, error: str | None) -> None:
        announcement.status, announcement.error = status, error
        self._totals[status] += 1


def checked_url(url: str | None) -> str | None:
    """The address, or None for an empty text.

    Raises:
        ValueError: It is no http or https address.
    """
    if not url or not url.strip():
        return None
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address to announce edits to: expected http://HOST/PATH or https://HOST/PATH.")
    return url.strip()


def _post(url: str, message: dict[str, Any]) -> str | None:
    """Send one message; None when the receiver took it (2xx), else why not."""
    import requests  # here, so that a server without an address to announce to starts faster

    try:
        answer = requests.post(url, json=message, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        return f"{type(error).__name__}: no answer from {urlsplit(url).netloc}"
    return None if answer.ok and answer.status_code < 300 else f"{urlsplit(url).netloc} answered {answer.status_code}"
