"""What the control API can do, apart from HTTP: read the status, start a sync, switch, pause, look back."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import sqlalchemy as sa

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.components.tab_asset import TabAsset, declared_sources
from sheets_pipeline.control.stats import tab_stats
from sheets_pipeline.dagster_runtime.connections import keep_connections
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.database import events, history, leases
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.errors import PauseTooLong, SheetsPipelineError, TabIsOff, UnknownTab
from sheets_pipeline.home import dagster_home
from sheets_pipeline.monitoring.dagster_client import JOB, DagsterClient
from sheets_pipeline.monitoring.status import as_json, collect
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.list_sync import PARTS_TAG, TABS_TAG, list_job
from sheets_pipeline.runs.loaded_code import follow, stale_code
from sheets_pipeline.runs.run_tags import run_tags
from sheets_pipeline.runs.switches import (
    EVENT_SENSOR,
    FULL_SYNC_SCHEDULE,
    declared_tabs,
    enabled_tabs,
    switch_name,
)
from sheets_pipeline.runs.targets import Target, usable_targets
from sheets_pipeline.settings import Settings
from sheets_pipeline.sync.health import Status
from sheets_pipeline.sync.hosts import SILENT_SECONDS
from sheets_pipeline.sync.spreadsheet import Each, titled
from sheets_pipeline.sync.titles import no_such_tab

#: Run tag of a sync that a person asked for here.
FORCED_TAG = "sheets_pipeline/forced"

#: Many callers within this time share one look at the database.
STATUS_SHARED_SECONDS = 1.0

#: The queue's depth is noted this often, and kept for an hour.
SAMPLE_SECONDS = 5.0
_SAMPLES = 720

#: Syncs per tab that /stats gives for drawing.
HISTORY_POINTS = 60

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


class Operations:
    """One pipeline and its Dagster, opened when first needed: the API answers before they do."""

    def __init__(
        self,
        settings: Settings,
        open_pipeline: Callable[[], Pipeline],
        instance: dg.DagsterInstance | None = None,
    ) -> None:
        self.settings, self._open = settings, open_pipeline
        self.dagster = DagsterClient(settings)
        self._instance = instance
        self._opening, self._looking = threading.Lock(), threading.Lock()
        self._status: tuple[float, Status | Exception] | None = None
        #: Whether the status could be read at all since this process began.
        self.has_started = False
        self.queue: deque[tuple[datetime, int]] = deque(maxlen=_SAMPLES)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline; raises as long as its database cannot be reached."""
        with self._opening:
            return self._open()

    @property
    def instance(self) -> dg.DagsterInstance:
        """Dagster's storage."""
        with self._opening:
            if self._instance is None:
                self._instance = dg.DagsterInstance.from_config(str(dagster_home()))
                keep_connections(self._instance)
            return self._instance

    def status(self) -> Status:
        """Health of everything, or the error of looking, at most ``STATUS_SHARED_SECONDS`` old.

        Raises:
            DatabaseError: One of the databases cannot be reached.
        """
        with self._looking:
            if self._status is None or time.monotonic() - self._status[0] > STATUS_SHARED_SECONDS:
                seen = self._look()
                self._status = (time.monotonic(), seen)
            latest = self._status[1]
        if isinstance(latest, Exception):
            raise latest
        return latest

    def _look(self) -> Status | Exception:
        try:
            follow(self.instance, self.pipeline)
            status = collect(self.instance, self.pipeline)
            self.has_started = True
            return status
        except (SheetsPipelineError, sa.exc.SQLAlchemyError) as error:
            return error

    def forget_status(self) -> None:
        """Something was changed: the next caller shall see it."""
        with self._looking:
            self._status = None

    def status_json(self) -> dict[str, Any]:
        """``status`` as JSON, with the runs under way and where to look further."""
        status = as_json(self.status())
        for tab in status["tabs"].values():
            tab["last_run_url"] = self.dagster.run_url(tab["last_run_id"]) if tab.get("last_run_id") else None
        return {
            **status,
            "under_way": self.under_way(),
            "dagster_url": self.dagster.address(),
            "spreadsheet_url": self.pipeline.spreadsheet.url,
            "everything_enabled": self.everything_enabled(),
            "host_silent_after_seconds": SILENT_SECONDS,
            "pause_limit_seconds": self.settings.sync_pause_limit_seconds,
        }

    def sources(self) -> list[DeclaredSource]:
        """All sources, as the code location has loaded them; those that cannot be used among them."""
        follow(self.instance, self.pipeline)
        return declared_sources()

    def stale_code(self) -> str | None:
        """How declarations on disk differ from those that the code location has loaded; None where they do not."""
        return stale_code(self.instance, self.pipeline)

    def titles(self) -> list[str]:
        """Names of all tabs that the settings leave in."""
        return [tab_asset.tab.name for tab_asset in declared_tabs(self.settings)]

    def tab_of(self, title: str) -> tuple[str, str | None]:
        """The tab of this name, and where it names one of several copies (``TITLE @ LIST/ID``) the id in the list.

        Raises:
            UnknownTab: Names the tabs that there are.
        """
        if found := self._tab_of(title):
            return found
        follow(self.instance, self.pipeline)
        if found := self._tab_of(title):
            return found
        raise UnknownTab(no_such_tab(title, self.titles()))

    def _tab_of(self, title: str) -> tuple[str, str | None] | None:
        for tab_asset in declared_tabs(self.settings):
            tab, place = tab_asset.tab, tab_asset.tab.spreadsheet
            if tab.name == title:
                return title, None
            if isinstance(place, Each) and title.startswith(start := titled(tab.title, f"{place.spreadsheets}/")):
                return tab.name, title.removeprefix(start)
        return None

    def check_tab(self, title: str | None) -> None:
        """Refuse a title that no tab has.

        Raises:
            UnknownTab: Names the tabs that there are.
        """
        if title is not None:
            self.tab_of(title)

    def force(self, titles: Collection[str]) -> dict[str, Any]:
        """Start a full sync of these tabs (all that are on where none is named), or join one under way.

        Raises:
            UnknownTab: No tab has such a title.
            TabIsOff: It is switched off.
            DagsterUnreachable: The webserver does not answer.
        """
        chosen, parts = self._chosen(titles)
        wanted = {tab_asset.tab.name for tab_asset in chosen}
        with named_lock(self.pipeline.state, "Start of a forced sync", timeout_seconds=30):
            joined = next((run for run in self.under_way() if wanted <= set(run["tabs"])), None)
            if joined:
                return {"run_id": joined["run_id"], "url": joined["url"], "tabs": joined["tabs"], "joined": True}
            run_ids = list(self._launch(chosen, parts))
        self.forget_status()
        return {"run_id": run_ids[0], "url": self.dagster.run_url(run_ids[0]), "tabs": sorted(wanted), "joined": False}

    def _launch(self, chosen: list[TabAsset], parts: Collection[str]) -> Iterator[str]:
        """One run for tabs in single spreadsheets, one for each list of spreadsheets."""
        forced = {FORCED_TAG: "true"}
        lists: dict[str, list[str]] = {}
        single = []
        for tab_asset in chosen:
            if isinstance(place := tab_asset.tab.spreadsheet, Each):
                lists.setdefault(place.spreadsheets, []).append(tab_asset.tab.name)
            else:
                single.append(tab_asset.key.path)
        if single:
            yield self.dagster.launch(single, forced | run_tags(self.pipeline))
        for name, tabs in lists.items():
            some = {PARTS_TAG: json.dumps(sorted(parts))} if parts else {}
            tags = forced | run_tags(self.pipeline, others=True) | {TABS_TAG: json.dumps(tabs)} | some
            yield self.dagster.launch([], tags, list_job(name))

    def under_way(self) -> list[dict[str, Any]]:
        """Full syncs that are queued or running, newest first."""
        records = self.instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=_UNDER_WAY), limit=20)
        by_key = {tab_asset.key: tab_asset.tab.name for tab_asset in declared_tabs(self.settings)}
        runs = []
        for record in records:
            run = record.dagster_run
            keys = run.asset_selection
            runs.append(
                {
                    "run_id": run.run_id,
                    "url": self.dagster.run_url(run.run_id),
                    "status": run.status.value,
                    "tabs": sorted(by_key.values())
                    if keys is None
                    else sorted(by_key[key] for key in keys if key in by_key),
                    "started_at": datetime.fromtimestamp(record.start_time, UTC) if record.start_time else None,
                }
            )
        return runs

    def switch(self, title: str | None, *, on: bool) -> list[str]:
        """Turn a tab, or everything, on or off; gives the names of the sensors and schedules that were set.

        Raises:
            UnknownTab: No tab has this title.
            DagsterUnreachable: The webserver does not answer.
        """
        name = None if title is None else self.tab_of(title)[0]
        tabs = [tab_asset.tab for tab_asset in declared_tabs(self.settings) if tab_asset.tab.name == name]
        names = [switch_name(tab) for tab in tabs] or [FULL_SYNC_SCHEDULE, EVENT_SENSOR]
        self.dagster.set_switches(names, on=on)
        self.forget_status()
        return names

    def everything_enabled(self) -> bool:
        """Whether the schedule and the sensor of events are on; both are unless somebody turned them off."""
        return not {FULL_SYNC_SCHEDULE, EVENT_SENSOR} & switched_off(self.instance)

    def pause(self, seconds: float, reason: str, holder: str) -> datetime:
        """Take or renew a pause lease; gives when bulk syncs go on.

        Raises:
            PauseTooLong: Longer than SYNC_PAUSE_LIMIT_SECONDS.
        """
        limit = self.settings.sync_pause_limit_seconds
        if seconds > limit:
            raise PauseTooLong(
                f"A pause lasts at most {limit} seconds (SYNC_PAUSE_LIMIT_SECONDS), found {seconds:g}. Ask for less and "
                "renew it, or raise the setting."
            )
        until = leases.take(self.pipeline.state, holder, seconds, reason)
        self.forget_status()
        return until

    def resume(self, holder: str | None) -> datetime | None:
        """End a holder's pause, or all; gives until when another holder's lasts."""
        leases.release(self.pipeline.state, holder)
        self.forget_status()
        return leases.paused_until(self.pipeline.state, self.settings.sync_pause_limit_seconds)

    def sample(self) -> None:
        """Note how many events are pending now."""
        with self.pipeline.platform.connect() as connection:
            self.queue.append((datetime.now(UTC), events.count(connection)))

    def recent(self, *, tab: str | None = None, by_copy: bool = True, **which: Any) -> list[history.SyncRecord]:
        """Latest syncs, newest first, of all spreadsheets that tabs stand in.

        Args:
            tab: Name of a tab, or of one of its copies.
            by_copy: Whether records of a tab in a list of spreadsheets bear the copy's name, else the tab's.
            which: As ``history.recent`` takes it.
        """
        places = self._places()
        wanted = {key: one for key, one in places.items() if tab in (None, one.name, one.tab_asset.tab.name)}
        if tab is not None and not wanted:
            return []
        title = None if tab is None else next(iter(wanted))[1]
        ids = {spreadsheet_id for spreadsheet_id, _ in wanted} | (
            {self.pipeline.spreadsheet.id} if tab is None else set()
        )
        records = history.recent(self.pipeline.state, spreadsheet_ids=ids, tab=title, **which)
        named = []
        for record in records:
            one = wanted.get((record.spreadsheet_id, record.tab))
            name = record.tab if one is None else one.name if by_copy else one.tab_asset.tab.name
            named.append(record._replace(tab=name))
        return named

    def stats(self, points: int) -> dict[str, dict[str, Any]]:
        """Totals and latest syncs of each tab, over all spreadsheets that it stands in."""
        places: dict[str, tuple[str, list[str]]] = {
            one.tab.name: (one.tab.title, []) for one in declared_tabs(self.settings)
        }
        for (spreadsheet_id, _), one in self._places().items():
            places[one.tab_asset.tab.name][1].append(spreadsheet_id)
        return tab_stats(self.pipeline.state, places, points)

    def _places(self) -> dict[tuple[str, str], Target]:
        """Spreadsheet's id and title → the target that it is."""
        found = usable_targets(self.pipeline, declared_tabs(self.settings))
        return {(one.spreadsheet.id, one.tab_asset.tab.title): one for one in found}

    def _chosen(self, titles: Collection[str]) -> tuple[list[TabAsset], set[str]]:
        """The tabs, and of a list the spreadsheets that are named; none where all are meant."""
        follow(self.instance, self.pipeline)
        named = dict(map(self.tab_of, titles))
        on = enabled_tabs(self.instance)
        if off := sorted(set(named) - {tab_asset.tab.name for tab_asset in on}):
            raise TabIsOff(f"Tab {off[0]!r} is switched off. Switch it on first (POST /sync/enable).")
        chosen = [tab_asset for tab_asset in on if not named or tab_asset.tab.name in named]
        if not chosen:
            raise TabIsOff("Every tab is switched off, so there is nothing to sync. Switch one on first.")
        return chosen, {part for part in named.values() if part is not None}
