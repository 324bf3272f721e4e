"""Health: are the tabs true? Decided from history, queue, circuit, pauses and switches, without looking at anything.

The rules, worst first (``docs/run/health.md`` has them at length):

- **unhealthy**: nothing could be started or looked at, as a database or a setting is missing (told by those who look)
- **stopped**: switched off, or the circuit is open on an error that only a person can mend
- **degraded**: the circuit is open otherwise, two or more syncs in a row failed, Google gives no answer, a disk is full, no
  host runs Dagster's daemon or takes runs, the tab's declaration cannot be used, or the tab lags two intervals behind or has
  not been synced for as long
- **warning**: the last sync failed, an event has waited for half a minute, rows or events are set aside, syncs are paused, a
  host is silent or takes no part, Google refuses some requests for quota, or our own share of the quota is nearly used up
- **healthy**: none of these
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.hosts import HostFinding, HostProcess

#: A tab that lags this many intervals behind is degraded.
LATE_INTERVALS = 2

#: A quota is nearly used up from this share.
NEARLY_USED = 0.9

#: Single failures are repeated and forgotten; one that goes on for so long is worth telling.
FAILING_SECONDS = 10

#: An event that waits for longer is told: event syncs take a second, and some more under load.
LATE_EVENT_SECONDS = 30

#: A request that Google has not answered for so long, and none since, is told: answers take a second, large ones some more.
SILENT_SECONDS = 30

#: So many answers of 429 in two minutes are no accident: we keep within the quota ourselves.
MANY_REFUSED = 3


class Health(StrEnum):
    """From best to worst."""

    HEALTHY = "healthy"
    WARNING = "warning"
    DEGRADED = "degraded"
    STOPPED = "stopped"
    UNHEALTHY = "unhealthy"

    @property
    def badness(self) -> int:
        """0 for the best."""
        return list(Health).index(self)


@dataclass(frozen=True, slots=True)
class LastError:
    """The newest failure; the message names the remedy."""

    kind: str
    message: str
    needs_person: bool
    at: datetime
    run_id: str


@dataclass(frozen=True, slots=True)
class TabHistory:
    """What the record of syncs says about one tab. Durations are in seconds, of syncs that succeeded."""

    total_syncs: int = 0
    successful_syncs: int = 0
    failed_syncs: int = 0
    consecutive_failures: int = 0
    last_success: datetime | None = None
    last_duration_seconds: float | None = None
    average_duration_seconds: float | None = None
    last_error: LastError | None = None
    set_aside_rows: int = 0
    last_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class TabWait:
    """Events that wait for one tab; ``oldest_seconds`` is None where there are none."""

    events: int = 0
    oldest_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TabHealth(TabHistory):
    """One tab's state in one sentence, and the numbers behind it."""

    title: str
    health: Health
    reason: str
    enabled: bool
    lag_seconds: float | None
    pending_events: int
    success_rate_percent: float | None
    next_sync_in_seconds: float | None
    url: str


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Requests of the last minute; ``kind`` is read or write."""

    kind: str
    used_last_minute: int
    per_minute: int

    @property
    def is_nearly_used(self) -> bool:
        """Whether little is left."""
        return self.used_last_minute >= NEARLY_USED * self.per_minute


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps our requests from being answered, and what to do. ``is_total``: none is."""

    title: str
    detail: str
    remedy: str
    is_total: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """How Google answered in the last two minutes: ``refused`` with 429, ``failed`` with 5xx or not at all.

    ``failing_seconds`` is how long there has been no other answer; 0 where the last one was good. ``silent_seconds`` is how
    long a request has been waiting for its answer while no other was answered; 0 where none waits.
    """

    answered: int = 0
    refused: int = 0
    failed: int = 0
    failing_seconds: float = 0.0
    silent_seconds: float = 0.0

    @property
    def trouble(self) -> Trouble | None:
        """None while requests come through."""
        is_silent = self.silent_seconds >= SILENT_SECONDS
        is_total = is_silent or self.failing_seconds >= FAILING_SECONDS
        if self.refused >= MANY_REFUSED or (is_total and self.refused):
            return Trouble(
                "Something else uses up our quota",
                f"Google refused {self.refused} of {self.answered + self.refused + self.failed} requests of the last two "
                "minutes for quota (429), although we keep within it.",
                "Give the pipeline a service account that nobody else uses, or lower SHEETS_READS_PER_MINUTE and "
                "SHEETS_WRITES_PER_MINUTE to what is left for it.",
                is_total,
            )
        if not is_total:
            return None
        seconds = max(self.failing_seconds, self.silent_seconds)
        return Trouble(
            "Google does not answer",
            f"Google has answered no request for {seconds:.0f} s; {self.failed} have failed"
            f"{', and one is still waiting' if is_silent else ''}.",
            "Requests are repeated and events stay queued. If it lasts, see https://www.google.com/appsstatus and run "
            "`sheets-pipeline doctor`, which tells whether it is the network.",
            is_total=True,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at one moment. ``queue`` is ``database.events.QueueStatus`` as a dict."""

    health: Health
    reason: str
    circuit: Circuit
    paused_until: datetime | None
    tabs: dict[str, TabHealth]
    queue: dict[str, Any]
    quota: list[QuotaUse]
    at: datetime
    #: Whether Dagster's daemon has been heard of lately; without it nothing is started.
    daemon_running: bool = True
    answers: Answers = Answers()
    #: Which database has no room left on its disk, and what to do.
    full_disk: str | None = None
    #: How declarations on disk differ from those that the code location has loaded.
    stale_code: str | None = None
    #: What starts syncs, and failed to when it was last asked.
    failed_ticks: list[str] = field(default_factory=list)
    #: ``edits.counts.Traffic`` as a dict; None where no tab has editable columns.
    edits: dict[str, Any] | None = None
    #: How many sources there are in which state; None where none is declared.
    sources: dict[str, int] | None = None
    #: What runs on which host, where it says so, and what is wrong with it.
    hosts: list[HostProcess] = field(default_factory=list)
    host_findings: list[HostFinding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Steering:
    """What holds for all tabs: the circuit, pauses, the switches of both kinds of sync, when the next full one is due.

    ``records_events`` is False where no triggers are installed: then only full syncs notice changes.
    """

    circuit: Circuit
    at: datetime
    interval_seconds: float
    paused_until: datetime | None = None
    full_sync_on: bool = True
    event_sync_on: bool = True
    records_events: bool = True
    next_full_sync: datetime | None = None


def tab_health(
    title: str,
    history: TabHistory,
    wait: TabWait,
    steering: Steering,
    *,
    enabled: bool = True,
    url: str = "",
    problem: str | None = None,
) -> TabHealth:
    """One tab's state; ``problem`` says why its declaration cannot be used."""
    lag = lag_seconds(history, wait, steering)
    health, reason = _judge(history, wait, lag, steering, enabled=enabled)
    if problem is not None and enabled:
        health, reason = Health.DEGRADED, f"Its declaration cannot be used. {problem}"
    ended = history.successful_syncs + history.failed_syncs
    return TabHealth(
        **{name: getattr(history, name) for name in TabHistory.__slots__},
        title=title,
        health=health,
        reason=reason,
        enabled=enabled,
        lag_seconds=lag,
        pending_events=wait.events,
        success_rate_percent=round(100 * history.successful_syncs / ended, 1) if ended else None,
        next_sync_in_seconds=next_sync_in_seconds(wait, steering) if enabled else None,
        url=url,
    )


def with_failures(history: TabHistory, failures: Sequence[LastError]) -> TabHistory:
    """The history with failures (newest first) that it has no record of."""
    if not failures:
        return history
    since = [error for error in failures if history.last_success is None or error.at > history.last_success]
    is_newer = history.last_error is None or failures[0].at > history.last_error.at
    return replace(
        history,
        total_syncs=history.total_syncs + len(failures),
        failed_syncs=history.failed_syncs + len(failures),
        consecutive_failures=history.consecutive_failures + len(since),
        last_error=failures[0] if is_newer else history.last_error,
    )


def lag_seconds(history: TabHistory, wait: TabWait, steering: Steering) -> float | None:
    """How far the tab may lie behind the database; None where it was never synced.

    The age of the oldest event that waits for it; without one 0 while its last sync succeeded. Where that failed, and
    where nobody records events, the time since the last success.
    """
    if history.last_success is None:
        return None
    since_success = max(0.0, (steering.at - history.last_success).total_seconds())
    if not steering.records_events:
        return since_success
    if wait.oldest_seconds is not None:
        return wait.oldest_seconds
    return since_success if history.consecutive_failures else 0.0


def next_sync_in_seconds(wait: TabWait, steering: Steering) -> float | None:
    """When the tab is written next: now while events wait for it, else with the next full sync; None for never."""
    due: list[float] = []
    if steering.full_sync_on and steering.next_full_sync is not None:
        due.append((steering.next_full_sync - steering.at).total_seconds())
    if steering.event_sync_on and wait.events:
        due.append(0.0)
    if not due:
        return None
    holds = [steering.paused_until, steering.circuit.until if not steering.circuit.allows_run else None]
    waits = [(moment - steering.at).total_seconds() for moment in holds if moment is not None]
    return max(0.0, min(due), *waits)


def _judge(
    history: TabHistory, wait: TabWait, lag: float | None, steering: Steering, *, enabled: bool
) -> tuple[Health, str]:
    """The worst that holds, in one sentence."""
    late = LATE_INTERVALS * steering.interval_seconds
    failures, error = history.consecutive_failures, history.last_error
    if not enabled:
        return Health.STOPPED, "The tab is switched off."
    if not (steering.full_sync_on or steering.event_sync_on):
        return Health.STOPPED, "Full syncs and event syncs are both switched off."
    if stopped := _stopped_circuit(steering.circuit):
        return stopped
    if failures > 1:
        return Health.DEGRADED, f"The last {failures} syncs failed: {_message_of(error)}"
    if lag is not None and lag > late:
        return Health.DEGRADED, f"The tab lags {lag:.0f} s behind the database, more than {LATE_INTERVALS} intervals."
    if history.last_success is not None and steering.full_sync_on and steering.paused_until is None:
        since = (steering.at - history.last_success).total_seconds()
        if since > late:
            return Health.DEGRADED, f"The last sync was {since:.0f} s ago, more than {LATE_INTERVALS} intervals."
    if failures:
        return Health.WARNING, f"The last sync failed: {_message_of(error)}"
    if history.last_success is None:
        return Health.WARNING, "The tab has not been synced yet."
    waits = wait.oldest_seconds or 0.0
    if waits > LATE_EVENT_SECONDS and steering.event_sync_on:
        return (
            Health.WARNING,
            f"{_counted(wait.events, 'change')} not in the tab yet; the oldest has waited {waits:.0f} s.",
        )
    if history.set_aside_rows:
        they = "it" if history.set_aside_rows == 1 else "they"
        return Health.WARNING, f"{_counted(history.set_aside_rows, 'row')} set aside, because {they} cannot be written."
    if not steering.full_sync_on:
        return Health.WARNING, "Full syncs are switched off, so nothing repairs drift."
    if not steering.event_sync_on:
        return Health.WARNING, "Event syncs are switched off; changes show with the next full sync."
    if wait.events:
        return Health.HEALTHY, f"In step but for changes of the last {waits:.0f} s, which are on their way."
    if not steering.records_events:
        return Health.HEALTHY, f"As the database was {lag or 0.0:.0f} s ago; changes show with the next full sync."
    return Health.HEALTHY, "In step with the database."


def _stopped_circuit(circuit: Circuit) -> tuple[Health, str] | None:
    if circuit.state == "closed":
        return None
    health = Health.STOPPED if circuit.needs_person else Health.DEGRADED
    return health, f"{circuit.reason} {circuit.remedy}".strip()


def overall(
    tabs: Mapping[str, TabHealth],
    steering: Steering,
    *,
    quota: Collection[QuotaUse] = (),
    answers: Answers = Answers(),
    full_disk: str | None = None,
    host_findings: Collection[HostFinding] = (),
    set_aside_events: int = 0,
    stale_code: str | None = None,
    failed_ticks: Collection[str] = (),
) -> tuple[Health, str]:
    """The state of the whole: the worst of the tabs that are switched on, or what concerns all of them."""
    on = [tab for tab in tabs.values() if tab.enabled]
    if tabs and not on:
        return Health.STOPPED, "Every tab is switched off."
    findings: list[tuple[Health, str]] = []
    if stopped := _stopped_circuit(steering.circuit):
        findings.append(stopped)
    if full_disk:
        findings.append((Health.DEGRADED, full_disk))
    findings += [(Health.DEGRADED if one.is_grave else Health.WARNING, one.text) for one in host_findings]
    if trouble := answers.trouble:
        findings.append((Health.DEGRADED if trouble.is_total else Health.WARNING, f"{trouble.detail} {trouble.remedy}"))
    if on:
        worst = max(on, key=lambda tab: tab.health.badness)
        if worst.health is not Health.HEALTHY:
            findings.append((worst.health, f"{worst.title}: {worst.reason}"))
    findings += [(Health.DEGRADED, tick) for tick in failed_ticks]
    if stale_code:
        findings.append((Health.WARNING, stale_code))
    if steering.circuit.failures and steering.circuit.state == "closed":
        findings.append((Health.WARNING, f"{steering.circuit.reason} {steering.circuit.remedy}"))
    if steering.paused_until is not None:
        findings.append((Health.WARNING, f"Syncs are paused until {steering.paused_until:%H:%M:%S} UTC."))
    if set_aside_events:
        set_aside = f"{_counted(set_aside_events, 'event')} set aside"
        findings.append(
            (Health.WARNING, f"{set_aside}; `sheets-pipeline queue status` lists them, why, and what to do.")
        )
    if short := [use.kind for use in quota if use.is_nearly_used]:
        findings.append((Health.WARNING, f"The quota of {' and '.join(short)} requests is nearly used up."))
    if not findings:
        return Health.HEALTHY, _in_step(on, steering)
    return max(findings, key=lambda finding: finding[0].badness)


def _in_step(on: Collection[TabHealth], steering: Steering) -> str:
    """What may be said of tabs that are all healthy: never that they are in step while something waits."""
    lag = max((tab.lag_seconds or 0.0 for tab in on), default=0.0)
    if not steering.records_events:
        return f"All tabs are as the database was up to {lag:.0f} s ago; changes show with the next full sync."
    if any(tab.pending_events for tab in on):
        return f"All tabs are in step but for changes of the last {lag:.0f} s, which are on their way."
    return "All tabs are in step with the database."


def _message_of(error: LastError | None) -> str:
    return error.message if error else "no reason was recorded."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun} is" if number == 1 else f"{number:,} {noun}s are"
