"""Events that failed, and that a full sync of the tab has covered since: nobody need wait for their next attempt.

A full sync computes every row. So events that were in the queue before its frame was computed are shown by it, except
those whose row it had to set aside, too. Events that never failed are left to the next event sync, which costs nothing.
"""

from collections.abc import Iterable

from sheets_pipeline.components.tab_asset import tab_events
from sheets_pipeline.database import events
from sheets_pipeline.database.event_table import Event
from sheets_pipeline.database.touched import Lookups, touched, waits
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Tab

#: So many are looked at in one sync; the next one looks at the rest.
_MOST = 10_000


def failed_before(pipeline: Pipeline, tab: Tab) -> list[Event]:
    """Events that have failed so far. None for a tab with archives: its frame has not all rows."""
    if tab.archive is not None:
        return []
    with pipeline.platform.connect() as connection:
        if events.why_none_are_taken(connection):
            return []
        return [event for event in events.failed(connection, _MOST) if event.tabs is None or tab.name in event.tabs]


def settle_covered(pipeline: Pipeline, tab: Tab, failed: Iterable[Event], report: SyncReport) -> int:
    """Take the tab off what these events wait for, and delete those that wait for nothing more; returns how many."""
    left = {row.key for row in report.set_aside}
    own, lookups = {tab.name: tab_events()[tab.name]}, Lookups()
    done = 0
    with pipeline.platform.begin() as connection, pipeline.source.connect() as reading:
        # As they are now: the tab before this one in the same run may have been what they waited for, too.
        for event in events.still_there(connection, [event.id for event in failed]):
            leads_to = touched(reading, [event], own, lookups)
            is_led_here = tab.name in leads_to.keys or tab.name in leads_to.failed
            keys = leads_to.keys.get(tab.name)
            if not is_led_here or (left if keys is None else left & keys):
                continue
            if others := set(waits(event, tab_events())) - {tab.name}:
                events.keep_for(connection, [event.id], others)
            else:
                done += events.delete(connection, [event.id])
    return done
