"""Tells ALERT_URLS what Dagster's own sensor cannot: that the daemon is silent, or its storage cannot be reached.

What was told is kept in memory, because there may be no storage: a restart of the control API tells it once more.
"""

import logging
import time
from threading import Event

from sheets_pipeline import alerts
from sheets_pipeline.alerts import Incident, Incidents, Told
from sheets_pipeline.control.operations import Operations
from sheets_pipeline.control.status import daemon_running

logger = logging.getLogger(__name__)

#: The daemon is not missed before it had this time to come up beside us, in seconds.
GRACE_SECONDS = 120.0

_SILENT = Incident(
    "Dagster's daemon is silent",
    "It starts all syncs, and has not reported for minutes. The tabs keep what they show; events stay queued.",
    "See why its process ended, and start it again: `sheets-pipeline dev`, or `dagster-daemon run` as a service.",
)
_REMEDY = (
    "Start the database of DAGSTER_POSTGRES_URL, or make room on its disk. Syncs go on by themselves then; until that "
    "the tabs keep what they show."
)


class DaemonAlerts:
    """Looks every SYNC_HEALTH_CHECK_INTERVAL; an incident counts when two looks in a row see it."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._began = time.monotonic()
        self._seen: Incidents = {}
        self._told = Told()

    def watch(self, ended: Event) -> None:
        """Look until it is over; nothing is looked at where nobody is to be told."""
        urls = self._operations.settings.alert_urls
        if urls is None:
            return
        while not ended.wait(self._operations.settings.sync_health_check_interval):
            self.look(alerts.targets(urls.get_secret_value()))

    def look(self, urls: list[str]) -> None:
        """One look."""
        now = self._incidents()
        lasting = {key: incident for key, incident in now.items() if key in self._seen}
        self._seen = now
        self._told, _ = alerts.tell(self._told, urls, lasting, logger)

    def _incidents(self) -> Incidents:
        try:
            is_running = daemon_running(self._operations.instance)
        except Exception as error:  # whatever it is, nothing can be started
            found = f"Nothing can be started while it is away ({type(error).__name__})."
            return {"storage": Incident("Dagster's storage cannot be reached", found, _REMEDY)}
        if is_running or time.monotonic() - self._began < GRACE_SECONDS:
            return {}
        return {"daemon": _SILENT}
