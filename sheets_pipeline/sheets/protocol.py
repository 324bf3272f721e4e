"""What every writer of tabs can do, whether it keeps archive tabs or not, and what a person may allow it."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.memory import TabMemory
from sheets_pipeline.sheets.rounds import TabLook
from sheets_pipeline.sync.archive import Part
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Tab


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person allows one sync to do: ``deletes`` rows instead of the default; ``dry_run`` sends nothing.

    ``take_over`` replaces another installation that keeps the spreadsheet.
    """

    deletes: int | None = None
    dry_run: bool = False
    take_over: bool = False


class Writer(Protocol):
    """Keeps one tab, with whatever belongs to it, as its frames say."""

    @property
    def tab(self) -> Tab:
        """The declaration."""

    @property
    def memory(self) -> TabMemory:
        """What is remembered of the tab."""

    @property
    def lock(self) -> Callable[[], AbstractContextManager[Callable[[], None] | None]]:
        """Lets one writer per tab in at a time."""

    def full_sync(
        self,
        frame: pd.DataFrame,
        *,
        computed_at: float,
        allowance: Allowance | None = None,
        leave: Collection[str] = (),
    ) -> SyncReport:
        """Make the whole tab as the frame says; rows with a key in ``leave`` stay as they are."""

    def event_sync(self, compute: Callable[[], pd.DataFrame], keys: Collection[str]) -> SyncReport:
        """Write the rows of these keys; those without a row leave the tab."""

    def looking(self) -> AbstractContextManager[TabLook | None]:
        """The whole tab itself as it is now, None where it is not there; nobody else writes it meanwhile."""

    def since(self) -> datetime | None:
        """The moment from which on rows belong into the tab itself; None for all rows."""

    def planned_archives(self, spreadsheet: access.SpreadsheetProperties) -> list[Part]:
        """Months whose archive tabs the next full sync makes."""

    def recheck_archives(self) -> None:
        """Have the next full sync compare archive tabs with the database, too."""
