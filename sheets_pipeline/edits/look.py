"""Reading tabs for what people did there, where that is wanted soon: with one request for all of a spreadsheet, computing nothing."""

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from sheets_pipeline.edits import looks
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.places import editable_tab
from sheets_pipeline.edits.rows import TabRows
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.memory import stood_at
from sheets_pipeline.sheets.protocol import Writer
from sheets_pipeline.sheets.shared_requests import Participant, SharedRequests
from sheets_pipeline.sync.spreadsheet import Spreadsheet
from sheets_pipeline.sync.tab import Tab

logger = logging.getLogger(__name__)

#: Tabs of a spreadsheet that are read beside each other.
_TABS_AT_ONCE = 8


class Reads(Ends, Protocol):
    """A pipeline of a spreadsheet that can be read."""

    spreadsheet: Spreadsheet

    def client(self, *, participant: Participant | None = None) -> SheetsClient:
        """A client of the spreadsheet; with a ``participant`` it shares its requests."""

    def writer(self, tab: Tab, client: SheetsClient) -> Writer:
        """A writer of one of its tabs."""

    def rows(self, tab: Tab, client: SheetsClient) -> TabRows:
        """What people do to rows of a tab."""


def look_due(pipeline: Reads, tab: str | None = None) -> int:
    """Read the tabs of the pipeline's spreadsheet of which that is wanted by now, one or all; returns how many were read.

    Does nothing where EDITS_ENABLED is not set.

    Raises:
        DatabaseError: The database of the ledger cannot be reached.
    """
    if not pipeline.settings.edits_on:
        return 0
    number = 0
    while claims := list(iter(partial(looks.claim, pipeline.state, pipeline.spreadsheet.id, tab), None)):
        number += _look_at_all(pipeline, claims)
    return number


def _look_at_all(pipeline: Reads, claims: list[looks.Claim]) -> int:
    """Read tabs of one spreadsheet, with one request where that is possible."""
    found: list[tuple[looks.Claim, Tab]] = []
    for claim in claims:
        if (declared := editable_tab(pipeline, pipeline.spreadsheet.id, claim.tab)) is not None:
            found.append((claim, declared))
        else:  # not any more
            looks.finish(pipeline.state, claim, None, ())
    shared = SharedRequests()
    clients = [pipeline.client(participant=shared.join() if len(found) > 1 else None) for _ in found]

    def look(client: SheetsClient, claim: looks.Claim, tab: Tab) -> bool:
        try:
            look_at(pipeline, tab, claim, client)
        except SheetsPipelineError as error:  # tried again when the claim ends
            logger.warning("Tab %r could not be read for edits: %s", claim.tab, error)
            return False
        return True

    with ThreadPoolExecutor(_TABS_AT_ONCE) as pool:
        attempts = [pool.submit(look, client, *one) for client, one in zip(clients, found, strict=True)]
    return sum(attempt.result() for attempt in attempts)


def look_at(pipeline: Reads, tab: Tab, claim: looks.Claim, client: SheetsClient) -> None:
    """Note in the ledger what people did in a tab since it was last read or written.

    Raises:
        SheetsPipelineError: The tab cannot be read.
    """
    writer, rows = pipeline.writer(tab, client), pipeline.rows(tab, client)
    doubled: set[str] = set()
    seconds: float | None = None
    with writer.looking() as look:
        if look is not None and look.is_as_known:
            rows.reading.note(look, partial(stood_at, writer.memory, look.read_at))
            doubled = set(look.index.doubled)
            seconds = rows.settle(look)
    looks.finish(pipeline.state, claim, seconds, doubled)
