"""Tells ALERT_URLS what Dagster's own sensor cannot: that the daemon is silent or stuck, or its storage away or full.

A daemon is stuck when it reports that it lives, and its sensors are not looked at all the same: what it cannot write
down it does not do.

What was told is kept in memory, because there may be no storage: a restart of the control API tells it once more.
"""

import logging
import time
from threading import Event

from sheets_pipeline.control.operations import Operations
from sheets_pipeline.dagster_runtime.instigators import last_look_of_sensor
from sheets_pipeline.database.engine import explain
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.monitoring import alerts
from sheets_pipeline.monitoring.alerts import ALERT_SENSOR, Incident, Incidents, Told
from sheets_pipeline.monitoring.status import daemon_running

logger = logging.getLogger(__name__)

#: The daemon is not missed before it had this time to come up beside us, in seconds.
GRACE_SECONDS = 120.0

_SILENT = Incident(
    "Dagster's daemon is silent",
    "It starts all syncs, and has not reported for minutes. The tabs keep what they show; events stay queued.",
    "See why its process ended, and start it again: `sheets-pipeline dev`, or `sheets-pipeline daemon` as a service.",
)
#: A sensor that looked this many intervals ago, and a minute, has missed its turn.
_MISSED_INTERVALS = 3

_REMEDY = (
    "Start the database of DAGSTER_POSTGRES_URL, or make room on its disk. Syncs go on by themselves then; until then "
    "the tabs keep what they show."
)


_STUCK_REMEDY = "Read the daemon's log, and start the daemon again."

_DISK = "disk"


class DaemonAlerts:
    """Looks every SYNC_HEALTH_CHECK_INTERVAL; all but a full disk counts when two looks in a row see it."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._began = time.monotonic()
        self._seen: Incidents = {}
        self._told: Told = {}

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
        lasting = {key: incident for key, incident in now.items() if key in self._seen or key == _DISK}
        self._seen = now
        self._told, _ = alerts.tell(self._told, urls, lasting, logger)

    def _incidents(self) -> Incidents:
        try:
            instance = self._operations.instance
            is_running, looked = daemon_running(instance), last_look_of_sensor(instance, ALERT_SENSOR)
        except Exception as error:  # whatever it is, nothing can be started
            known = explain(error)
            detail = str(known) if known else f"Nothing can be started while it is away ({type(error).__name__})."
            return {"storage": Incident("Dagster's storage cannot be reached", detail, _REMEDY)}
        if full_disk := self._full_disk():
            return {_DISK: Incident("A disk is full", full_disk)}
        if time.monotonic() - self._began < GRACE_SECONDS:
            return {}
        if not is_running:
            return {"daemon": _SILENT}
        interval = self._operations.settings.sync_health_check_interval
        seconds = time.time() - looked if looked else 0.0
        if seconds < _MISSED_INTERVALS * interval + 60:
            return {}
        detail = f"It is running, but the sensor `alerts` has not run for {seconds:.0f} s instead of {interval} s."
        return {"stuck": Incident("Dagster's daemon is stuck", detail, _STUCK_REMEDY)}

    def _full_disk(self) -> str | None:
        try:
            return self._operations.pipeline.full_disk(now=True)
        except SheetsPipelineError as error:  # the sensor tells of a database that is away
            logger.debug("Not known whether a disk is full: %s", error)
            return None
