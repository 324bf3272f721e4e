"""Alerts: which incidents a status holds, and what to tell whom about them. Pure but for ``tell``.

An incident is told to each target once when it begins and once when it is over. What a target has been told is a small
JSON text (``Told``), kept by whoever calls; a target that could not be reached is told the next time.
"""

import json
import logging
from collections.abc import Mapping
from typing import NamedTuple

import apprise

from sheets_pipeline.database.engine import explain
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.logs import silent_addresses
from sheets_pipeline.sync.health import Health, Status, TabHealth

logger = logging.getLogger(__name__)

#: Name of the sensor that tells them.
ALERT_SENSOR = "alerts"

_CIRCUIT, _GOOGLE = "circuit", "google"
#: Incidents that are why tabs are late; while one lasts, tabs are not told one by one.
_EXPLAINS_TABS = {_CIRCUIT, _GOOGLE}

#: End of the key of a tab that only a person can mend.
_MEND = ", to mend"

_DOCTOR = "Run `sheets-pipeline doctor`: it checks what syncs depend on and says what to do."


class Incident(NamedTuple):
    """Something people should know of: what it is, what was found, what to do."""

    title: str
    detail: str
    remedy: str = ""

    @property
    def text(self) -> str:
        """A paragraph for a notification."""
        return "\n".join(part for part in (self.title, self.detail, self.remedy) if part)


#: Incidents by key; the key stays the same for as long as the incident lasts.
Incidents = dict[str, Incident]


#: Which incidents each target knows of: target → key → title. Holds no address; kept as JSON.
Told = dict[str, dict[str, str]]


def told_from(text: str | None) -> Told:
    """What was kept as JSON; nothing where there is nothing, or nothing that can be read."""
    try:
        kept = json.loads(text or "{}")
        return {str(target): {str(k): str(t) for k, t in known.items()} for target, known in kept.items()}
    except (ValueError, AttributeError):
        logger.warning("The record of alerts already sent could not be read; all that is wrong now is reported again.")
        return {}


class News(NamedTuple):
    """What one target does not know yet: incidents that began, and titles of those that are over."""

    began: Incidents
    over: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.began or self.over)

    @property
    def title(self) -> str:
        """The subject of a notification."""
        parts = [incident.title for incident in self.began.values()] or [
            f"Over: {title}" for title in self.over.values()
        ]
        more = len(self.began) + len(self.over) - 1
        return f"Sheets Pipeline: {parts[0]}" + (f", and {more} more" if more else "")

    @property
    def body(self) -> str:
        """One paragraph per incident."""
        return "\n\n".join(
            [*(incident.text for incident in self.began.values()), *(f"Over: {title}" for title in self.over.values())]
        )


def incidents(status: Status, *, pause_limit_reached: bool = False) -> Incidents:
    """All that is wrong in a status and worth telling.

    A full disk is none of it: Dagster's sensor could not note that it has told it. The control API tells.
    """
    current: Incidents = {}
    circuit = status.circuit
    if circuit.state != "closed":
        title = "Syncs have stopped" if circuit.needs_person else "Syncs are paused after failures"
        current[_CIRCUIT] = Incident(title, circuit.reason, circuit.remedy)
    trouble = status.answers.trouble
    if trouble and circuit.state == "closed":
        current[_GOOGLE] = Incident(trouble.title, trouble.detail, trouble.remedy)
    current |= {one.key: Incident(one.title, one.detail, one.remedy) for one in status.host_findings}
    for tab in status.tabs.values():
        is_explained = status.full_disk or current.keys() & _EXPLAINS_TABS
        is_stale = tab.health in (Health.DEGRADED, Health.STOPPED) or _needs_person(tab)
        if tab.enabled and not is_explained and is_stale:
            current[f"tab {tab.title}{_MEND if _needs_person(tab) else ''}"] = _stale(tab)
        if tab.enabled and tab.set_aside_rows:
            current[f"rows {tab.title}"] = Incident(
                f"Rows of tab {tab.title} are set aside",
                f"{tab.set_aside_rows:,} rows cannot be written: a blank key, or a text over 50,000 characters.",
                "The check all_rows_are_written of the tab's asset names them. Correct them in the database.",
            )
    if number := status.queue.get("set_aside"):
        current["events"] = Incident(
            "Events are set aside",
            f"{number:,} events failed too often to be tried again; full syncs still write their rows.",
            "`sheets-pipeline queue status` shows them and why; retry them once the cause is mended.",
        )
    current |= _of_edits(status)
    if pause_limit_reached:
        current["pause"] = Incident(
            "Pauses have reached their limit",
            "The application, or a busy database, has held syncs up for SYNC_PAUSE_LIMIT_SECONDS; one was let through.",
            "See who holds pauses with `sheets-pipeline status`; raise the limit if this is how it should be.",
        )
    return current


def _of_edits(status: Status) -> Incidents:
    """What people typed and is not in the database, and messages that do not come; nothing where edits are off."""
    edits, current = status.edits, Incidents()
    if edits is None or not edits["enabled"]:
        return current
    if number := edits["rejected_lately"]:
        current["edits rejected"] = Incident(
            "Edits were rejected",
            f"{number:,} of the cells that people typed within the last hour were refused by their column's type, its declaration or "
            "the database. The tab shows the database's values, with a note.",
            "The dashboard's page Edits, or `sheets-pipeline edits list --state rejected`, says why; `edits accept` tries again.",
        )
    if number := edits["waiting"]["dead"]:
        current["edits dead"] = Incident(
            "Edits could not be applied",
            f"{number:,} edits failed unexpectedly, five times each, and are not in the database.",
            "`sheets-pipeline edits list --state dead` says why; `edits accept` tries again once the cause is mended.",
        )
    if edits["webhook_is_silent"]:
        current["edits silent"] = Incident(
            "The Apps Script tells of no edits",
            f"Reading found {edits['found_by']['read']:,} edits in the last day, the webhook none: edits come late.",
            "Run test() in the Apps Script, and `sheets-pipeline doctor`.",
        )
    return current


def _needs_person(tab: TabHealth) -> bool:
    return bool(tab.consecutive_failures and tab.last_error and tab.last_error.needs_person)


def _stale(tab: TabHealth) -> Incident:
    if _needs_person(tab):
        return Incident(f"Tab {tab.title} waits for a person", tab.reason)
    return Incident(f"Tab {tab.title} is stale", tab.reason, "" if tab.consecutive_failures else _DOCTOR)


def evaluation_failed(error: BaseException) -> Incidents:
    """The incident that the status itself cannot be told."""
    known = error if isinstance(error, SheetsPipelineError) else explain(error)
    reason = str(known) if known else f"Unexpected {type(error).__name__}."
    return {"health": Incident("The health of the tabs is unknown", reason, _DOCTOR)}


def carried(key: str, now: Incidents) -> bool:
    """Whether a known incident that is not seen now may still go on.

    While nothing is known, everything may. While the circuit is open, or Google does not answer, tabs are not judged one
    by one; and an open circuit sends nothing that Google could answer. Either is over when tabs have caught up. A stale
    tab of which the cause is now known is still stale.
    """
    is_explained = bool(now.keys() & _EXPLAINS_TABS) and (key.startswith("tab ") or key == _GOOGLE)
    return "health" in now or is_explained or (key in _EXPLAINS_TABS and bool(_late(now))) or key + _MEND in now


def _late(now: Incidents) -> set[str]:
    """Tabs that only lie behind."""
    return {key for key in now if key.startswith("tab ") and not key.endswith(_MEND)}


def news(known: Mapping[str, str], now: Incidents) -> News:
    """What a target that knows of some incidents has to be told."""
    explained = _late(now) if known.keys() & _EXPLAINS_TABS else set()
    began = {key: incident for key, incident in now.items() if key not in known and key not in explained}
    over = {key: title for key, title in known.items() if key not in now and not carried(key, now)}
    return News(began, over)


def after(known: Mapping[str, str], news: News) -> dict[str, str]:
    """What the target knows then."""
    kept = {key: title for key, title in known.items() if key not in news.over}
    return kept | {key: incident.title for key, incident in news.began.items()}


def targets(alert_urls: str) -> list[str]:
    """The addresses, which are secrets."""
    return alert_urls.split()


def name_of(number: int, url: str) -> str:
    """What a target is called where addresses must not show: its place in ALERT_URLS, and its service."""
    scheme = url.partition("://")[0] if "://" in url else "unknown"
    return f"{number} ({scheme[:20]})"


def tell(before: Told, urls: list[str], now: Incidents, log: logging.Logger) -> tuple[Told, list[str]]:
    """Send every target what it does not know; gives what all know then, and what failed."""
    all_know, failed = {}, []
    for number, url in enumerate(urls, start=1):
        known = before.get(str(number), {})
        message = news(known, now)
        if message:
            problem = send(url, message)
            if problem is None:
                known = after(known, message)
                log.info("Told target %s: %s", name_of(number, url), message.title)
            else:
                failed.append(f"{name_of(number, url)}: {problem}")
                log.warning("Target %s, trying again at the next check", failed[-1])
        all_know[str(number)] = known
    return all_know, failed


def send(url: str, message: News) -> str | None:
    """Send one notification; returns what went wrong, without the address, or None."""
    with silent_addresses():
        target = apprise.Apprise()
        if not target.add(url):
            return "ALERT_URLS: this is not an address that Apprise knows (https://github.com/caronc/apprise/wiki)"
        kind = apprise.NotifyType.FAILURE if message.began else apprise.NotifyType.SUCCESS
        try:
            sent = bool(target.notify(title=message.title, body=message.body, notify_type=kind))
        except Exception as error:  # a plugin's error may quote the address, so only its kind is told
            return f"it could not be reached ({type(error).__name__})"
    return None if sent else "it did not accept the message"
