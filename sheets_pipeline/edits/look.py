"""Reading tabs for what people did there, where that is wanted soon: with one request, computing and repairing nothing."""

import logging
from typing import Protocol

from sheets_pipeline.edits import looks
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.places import editable_tab
from sheets_pipeline.edits.rows import TabRows
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.protocol import Writer
from sheets_pipeline.sync.spreadsheet import Spreadsheet
from sheets_pipeline.sync.tab import Tab

logger = logging.getLogger(__name__)


class Reads(Ends, Protocol):
    """A pipeline of a spreadsheet that can be read."""

    spreadsheet: Spreadsheet

    def client(self) -> SheetsClient:
        """A client of the spreadsheet."""

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
    while (claim := looks.claim(pipeline.state, pipeline.spreadsheet.id, tab)) is not None:
        declared = editable_tab(pipeline, pipeline.spreadsheet.id, claim.tab)
        if declared is None:  # not any more
            looks.finish(pipeline.state, claim, None, ())
            continue
        try:
            look_at(pipeline, declared, claim)
            number += 1
        except SheetsPipelineError as error:  # tried again when the claim ends
            logger.warning("Tab %r could not be read for edits: %s", claim.tab, error)
    return number


def look_at(pipeline: Reads, tab: Tab, claim: looks.Claim) -> None:
    """Note in the ledger what people did in a tab since it was last read or written.

    Raises:
        SheetsPipelineError: The tab cannot be read.
    """
    client = pipeline.client()
    writer, rows = pipeline.writer(tab, client), pipeline.rows(tab, client)
    doubled: set[str] = set()
    seconds: float | None = None
    with writer.looking() as look:
        if look is not None and look.is_as_known:
            rows.reading.note(look, writer.memory.stood)
            doubled = set(look.index.doubled)
            seconds = rows.settle(look)
    looks.finish(pipeline.state, claim, seconds, doubled)
