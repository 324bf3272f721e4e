"""High traffic, noticed and told to the pipeline: counters, the decision with its hysteresis, and the lease.

Used by the middleware. Imports nothing but the standard library, so that it costs the application nothing to start; what
a lease needs is imported by the background thread that takes it.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

logger = logging.getLogger(__name__)

#: Time between two looks at the counters, in seconds.
LOOK_SECONDS = 1.0
#: Length of a lease; renewed after half of it, so that it ends soon after its holder died, in seconds.
LEASE_SECONDS = 60.0
#: Traffic is over once it has stayed below this share of each threshold ...
CALM_SHARE = 0.7
#: ... for this long, in seconds.
CALM_SECONDS = 10.0
#: After a failure, the pipeline is left alone for this long, in seconds.
RETRY_SECONDS = 15.0
_HTTP_TIMEOUT_SECONDS = 5.0


class Pauses(Protocol):
    """Where leases are taken."""

    def take(self, holder: str, seconds: float, reason: str) -> None:
        """Hold syncs up for so many seconds, or renew that."""

    def release(self, holder: str) -> None:
        """Let them go on."""


class Action(Enum):
    """What to do with the lease."""

    TAKE = "take"
    RELEASE = "release"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Threshold:
    """From where on traffic is high; None for not counted."""

    in_flight: int | None
    per_second: float | None

    def load(self, in_flight: int, per_second: float) -> float:
        """Traffic as a share of what is high: 1 and more is high."""
        shares = [in_flight / self.in_flight] if self.in_flight else []
        shares += [per_second / self.per_second] if self.per_second else []
        return max(shares)


@dataclass(slots=True)
class Watch:
    """Decides, look by look: takes the lease when traffic is high, gives it back when it has been calm for a while."""

    threshold: Threshold
    taken_at: float | None = None
    calm_since: float | None = None

    def look(self, now: float, in_flight: int, per_second: float) -> Action:
        """What to do now; ``now`` in seconds of any steady clock."""
        load = self.threshold.load(in_flight, per_second)
        if self.taken_at is None:
            if load < 1:
                return Action.NOTHING
            self.taken_at, self.calm_since = now, None
            return Action.TAKE
        if load >= CALM_SHARE:
            self.calm_since = None
        elif self.calm_since is None:
            self.calm_since = now
        if self.calm_since is not None and now - self.calm_since >= CALM_SECONDS:
            self.taken_at = None
            return Action.RELEASE
        if now - self.taken_at >= LEASE_SECONDS / 2:
            self.taken_at = now
            return Action.TAKE
        return Action.NOTHING


class Counters:
    """Requests under way and requests begun. Safe for threads; a step takes well under a microsecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight = self._peak = self._begun = 0

    def enter(self) -> None:
        """A request begins."""
        with self._lock:
            self._begun += 1
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)

    def leave(self) -> None:
        """It has been answered."""
        with self._lock:
            self._in_flight -= 1

    def read(self) -> tuple[int, int]:
        """The most requests under way at once, and those begun, since the last call."""
        with self._lock:
            peak, begun = self._peak, self._begun
            self._peak, self._begun = self._in_flight, 0
            return peak, begun


class TrafficGuard:
    """Counts requests and keeps the lease, in a thread that starts with the first request of each process."""

    def __init__(
        self,
        *,
        in_flight: int | None = 20,
        per_second: float | None = None,
        url: str | None = None,
        token: str | None = None,
        name: str = "application",
        pauses: Pauses | None = None,
    ) -> None:
        """Arguments as of ``PauseSyncs``; ``pauses`` replaces what ``url`` names."""
        if (not in_flight and not per_second) or (in_flight or 0) < 0 or (per_second or 0) < 0:
            raise ValueError(
                f"in_flight={in_flight!r} and per_second={per_second!r} set no threshold for high traffic. "
                "Give at least one of them, above 0."
            )
        self.threshold = Threshold(in_flight, per_second)
        self.name = name
        self._pauses = pauses or _pauses(url, token)
        self._forget()

    def enter(self) -> None:
        """A request begins. Never raises, never waits."""
        if self._pid != os.getpid():  # a forked worker: the thread stayed with its parent
            self._forget()
        if not self._is_watching:
            self._start()
        self.counters.enter()

    def leave(self) -> None:
        """It has been answered."""
        self.counters.leave()

    def close(self) -> None:
        """Stop watching and give the lease back, without waiting for that."""
        self._stop.set()

    def _forget(self) -> None:
        self._pid, self._is_watching = os.getpid(), False
        self.counters, self._stop = Counters(), threading.Event()

    def _start(self) -> None:
        self._is_watching = True  # one thread too many, started in the same instant, would do no harm
        if self._pauses is None:
            logger.warning(
                "Syncs do not make way for traffic: expected the pipeline's database in PIPELINE_DATABASE_URL, or the "
                "control API's address as url, found neither."
            )
            return
        thread = threading.Thread(target=self._watch, args=(self._pauses,), daemon=True, name="sheets-pipeline-pause")
        try:
            thread.start()
        except RuntimeError as error:  # no thread left, or the interpreter ends
            logger.warning("Syncs do not make way for traffic; the application is not affected: %s", error)

    def _watch(self, pauses: Pauses) -> None:
        holder = _LeaseHolder(pauses, f"{self.name}@{socket.gethostname()}:{self._pid}")
        watch, looked_at = Watch(self.threshold), time.monotonic()
        stop, counters = self._stop, self.counters
        while not stop.wait(LOOK_SECONDS):
            now = time.monotonic()
            peak, begun = counters.read()
            rate = begun / (now - looked_at)
            looked_at = now
            action = watch.look(now, peak, rate)
            done = holder.act(action, now, f"{peak} requests under way, {rate:.0f} per second")
            if action is Action.TAKE and not done:
                watch.taken_at = None  # asked again at the next look, while traffic stays high
        if watch.taken_at is not None:
            holder.act(Action.RELEASE, time.monotonic(), "")


class _LeaseHolder:
    """Takes and releases one holder's lease; a failure is logged once, until it works again."""

    def __init__(self, pauses: Pauses, holder: str) -> None:
        self.pauses, self.holder = pauses, holder
        self._failed_at: float | None = None

    def act(self, action: Action, now: float, reason: str) -> bool:
        """Do it; returns whether it is done."""
        if action is Action.NOTHING:
            return True
        if action is Action.TAKE and self._failed_at is not None and now - self._failed_at < RETRY_SECONDS:
            return False
        try:
            if action is Action.TAKE:
                self.pauses.take(self.holder, LEASE_SECONDS, reason)
            else:
                self.pauses.release(self.holder)
        except Exception as error:  # whatever it is, the application must not notice
            if self._failed_at is None:
                logger.warning("Syncs do not make way for traffic now; the application is not affected: %s", error)
            self._failed_at = now
            return False
        if self._failed_at is not None:
            logger.info("Syncs make way for traffic again.")
            self._failed_at = None
        return True


class DatabasePauses:
    """Leases in the pipeline's database. Connects for each call: a lease needs two a minute, and holds none between."""

    def __init__(self, url: str) -> None:
        self._url = url

    def take(self, holder: str, seconds: float, reason: str) -> None:
        """One short transaction."""
        from sheets_pipeline.database import leases

        self._call(lambda engine: leases.take(engine, holder, seconds, reason))

    def release(self, holder: str) -> None:
        """One short transaction."""
        from sheets_pipeline.database import leases

        self._call(lambda engine: leases.release(engine, holder))

    def _call(self, work: Callable[[Any], object]) -> None:
        from sheets_pipeline.database.engine import connect

        engine = connect(self._url)
        try:
            work(engine)
        finally:
            engine.dispose()


class ApiPauses:
    """Leases through the control API, for applications that cannot reach the pipeline's database."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url, self._token = url.rstrip("/"), token

    def take(self, holder: str, seconds: float, reason: str) -> None:
        """``POST /sync/pause``."""
        self._post("/sync/pause", {"holder": holder, "seconds": seconds, "reason": reason})

    def release(self, holder: str) -> None:
        """``POST /sync/resume``."""
        self._post("/sync/resume", {"holder": holder})

    def _post(self, path: str, body: dict[str, object]) -> None:
        import urllib.request  # takes as long to import as all the rest together

        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)  # noqa: S310 # http(s) only
        with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_SECONDS) as answer:  # noqa: S310
            answer.read()


def _pauses(url: str | None, token: str | None) -> Pauses | None:
    url = url or os.environ.get("PIPELINE_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if not url:
        return None
    if url.startswith(("http://", "https://")):
        return ApiPauses(url, token or os.environ.get("CONTROL_API_TOKEN"))
    return DatabasePauses(url)
