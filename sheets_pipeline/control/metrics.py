"""Metrics for Prometheus: gauges from the status of the moment, counters that follow the record of syncs.

Counters begin at 0 when this process starts and count every sync that ends from then on, whichever process did it:
rows that are cleaned away from the record never make them fall.
"""

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sheets_pipeline.database.history import SyncRecord
from sheets_pipeline.errors import QuotaExceeded, error_class
from sheets_pipeline.sync.health import Health, Status
from sheets_pipeline.sync.hosts import ENDED, WORKS, HostProcess
from sheets_pipeline.sync.numbers import NUMBERS, SyncNumbers

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_CIRCUIT_STATES = ("closed", "half_open", "open")
_OUTCOMES = ("success", "failed", "refused")

#: Syncs that were begun up to this long before we started may end while we count.
_LONGEST_SYNC = timedelta(hours=1)

#: Numbers of syncs that are metrics of their own, and their names there.
_SUMS = {name: name for name in ("bytes_sent", "quota_wait_seconds")} | {"refused_requests": "requests_refused"}


class Metrics:
    """All metrics of one process. ``render`` gives the text that Prometheus reads."""

    def __init__(self, titles: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._began = datetime.now(UTC)
        self._counted: dict[int, datetime] = {}
        self._make_gauges()
        self._make_counters()
        for title in titles:
            for kind in ("full", "events"):
                for outcome in _OUTCOMES:
                    self.syncs.labels(title, kind, outcome)
                self.seconds.labels(title, kind)
            self.cells.labels(title)

    def since(self) -> datetime:
        """Syncs that started before this moment have all been counted, or ended before this process began."""
        return max(self._began, datetime.now(UTC) - _LONGEST_SYNC) - _LONGEST_SYNC

    def absorb(self, records: Iterable[SyncRecord]) -> None:
        """Count each sync that has ended, once."""
        with self._lock:
            oldest = self.since()
            self._counted = {key: at for key, at in self._counted.items() if at >= oldest}
            for record in records:
                if record.ended_at is None or record.ended_at < self._began or record.id in self._counted:
                    continue
                self._counted[record.id] = record.started_at
                self._count(record)

    def render(self, status: Status | None) -> bytes:
        """The metrics as text; with None only that the status cannot be read, and the counters."""
        with self._lock:
            self.readable.set(0 if status is None else 1)
            if status is not None:
                self._observe(status)
            return generate_latest(self.registry)

    def _make_gauges(self) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"sheets_pipeline_{name}", text, labels, registry=self.registry)

        scale = "0 healthy, 1 warning, 2 degraded, 3 stopped, 4 unhealthy (could not start)."
        self.readable = gauge("status_readable", "1 while databases answer, so that the other gauges are fresh.")
        self.health = gauge("health", f"Health of the whole: {scale}")
        self.health.set(Health.UNHEALTHY.badness)  # until the status was read for the first time
        self.tab_health = gauge("tab_health", f"Health of a tab: {scale}", "tab")
        self.tab_enabled = gauge("tab_enabled", "1 while the tab is switched on.", "tab")
        self.lag = gauge("tab_lag_seconds", "How long the tab has been behind the database.", "tab")
        self.last_success = gauge("tab_last_success_timestamp_seconds", "When the tab was last synced.", "tab")
        self.tab_pending = gauge("tab_pending_events", "Events that wait for this tab.", "tab")
        self.failures = gauge("tab_consecutive_failures", "Failed syncs since the last success.", "tab")
        self.set_aside = gauge("tab_rows_set_aside", "Rows that cannot be written, at the last sync.", "tab")
        self.queue = gauge("queue_events", "Pending events by priority.", "priority")
        self.oldest = gauge("queue_oldest_seconds", "Age of the oldest pending event; 0 without one.")
        self.given_up = gauge("queue_set_aside_events", "Events given up after repeated failures.")
        self.used = gauge("quota_used_requests", "Requests of the last minute.", "kind")
        self.left = gauge("quota_left_requests", "Requests that can be sent now without waiting.", "kind")
        self.allowed = gauge("quota_limit_requests", "Requests allowed per minute.", "kind")
        self.circuit = gauge("circuit_state", "1 for the state that the circuit breaker is in.", "state")
        self.sources = gauge("sources", "Sources by state: completed, failed, held, broken, off, new.", "state")
        self.sources_not_told = gauge("sources_not_told", "Sources of whose change somebody could not be told.")
        self.host_silent = gauge(
            "host_silent_seconds", "How long a process on a host has said nothing.", "host", "role"
        )
        self.host_works = gauge(
            "host_works", "1 while it does its work, 0 while it stands by or is held back.", "host", "role"
        )
        self.paused = gauge("paused", "1 while a pause holds bulk syncs up.")

    def _make_counters(self) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"sheets_pipeline_{name}", text, labels, registry=self.registry)

        self.syncs = counter("syncs", "Syncs of a tab that ended.", "tab", "kind", "outcome")
        self.errors = counter("sync_errors", "Failed syncs by class of error.", "tab", "error")
        self.cells = counter("cells_written", NUMBERS["cells"][1], "tab")
        self.changes = counter("rows_changed", "Rows inserted, updated, deleted.", "tab", "change")
        self.requests = counter("requests", "Requests sent to the Sheets API by syncs that succeeded.", "kind")
        self.sums = {name: counter(metric, NUMBERS[name][1]) for name, metric in _SUMS.items()}
        self.refused = counter("quota_refused_syncs", "Syncs given up because the Sheets API kept answering 429.")
        self.seconds = Histogram(
            "sheets_pipeline_sync_seconds",
            "Duration of syncs that succeeded.",
            ("tab", "kind"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def _count(self, record: SyncRecord) -> None:
        self.syncs.labels(record.tab, record.kind, record.outcome).inc()
        if record.error_kind:
            self.errors.labels(record.tab, record.error_kind).inc()
            self.refused.inc(error_class(record.error_kind) is QuotaExceeded)
        if record.numbers:
            self.seconds.labels(record.tab, record.kind).observe(record.numbers.seconds)
        numbers = record.numbers or SyncNumbers()
        self.cells.labels(record.tab).inc(numbers.cells)
        for change in ("inserts", "updates", "deletes"):
            self.changes.labels(record.tab, change).inc(getattr(numbers, change))
        self.requests.labels("read").inc(numbers.read_requests)
        self.requests.labels("write").inc(numbers.write_requests)
        for name, sum_of in self.sums.items():
            sum_of.inc(getattr(numbers, name))

    def _observe_sources(self, numbers: Mapping[str, int]) -> None:
        for name, number in numbers.items():
            if name == "not_told":
                self.sources_not_told.set(number)
            elif name != "sources":
                self.sources.labels(name).set(number)

    def _observe_hosts(self, hosts: Iterable[HostProcess]) -> None:
        """A host with several processes of a kind is as good as the best of them; those that ended of themselves are gone."""
        best: dict[tuple[str, str], HostProcess] = {}
        for one in sorted((one for one in hosts if one.state != ENDED), key=lambda one: one.silent_seconds):
            best.setdefault((one.host, one.role), one)
        for gauge in (self.host_silent, self.host_works):
            gauge.clear()
        for where, one in best.items():
            self.host_silent.labels(*where).set(one.silent_seconds)
            self.host_works.labels(*where).set(one.is_heard and one.state == WORKS)

    def _observe(self, status: Status) -> None:
        self.health.set(status.health.badness)
        self._observe_sources(status.sources or {})
        self._observe_hosts(status.hosts)
        of_tabs = (self.tab_health, self.tab_enabled, self.tab_pending, self.failures)
        for gauge in (*of_tabs, self.set_aside, self.lag, self.last_success):
            gauge.clear()  # a tab that is declared no longer
        for title, tab in status.tabs.items():
            self.tab_health.labels(title).set(tab.health.badness)
            self.tab_enabled.labels(title).set(tab.enabled)
            self.tab_pending.labels(title).set(tab.pending_events)
            self.failures.labels(title).set(tab.consecutive_failures)
            self.set_aside.labels(title).set(tab.set_aside_rows)
            self.lag.labels(title).set(tab.lag_seconds if tab.lag_seconds is not None else float("nan"))
            self.last_success.labels(title).set(tab.last_success.timestamp() if tab.last_success else 0)
        for priority, number in status.queue["pending_by_priority"].items():
            self.queue.labels(priority).set(number)
        self.oldest.set(status.queue["oldest_seconds"] or 0)
        self.given_up.set(status.queue["set_aside"])
        for use in status.quota:
            self.used.labels(use.kind).set(use.used_last_minute)
            self.left.labels(use.kind).set(max(0, use.per_minute - use.used_last_minute))
            self.allowed.labels(use.kind).set(use.per_minute)
        for state in _CIRCUIT_STATES:
            self.circuit.labels(state).set(state == status.circuit.state)
        self.paused.set(status.paused_until is not None)
