"""What edits need of a pipeline; the pipeline itself is built on top of them."""

from typing import Protocol

import sqlalchemy as sa

from sheets_pipeline.embedded.services import Services
from sheets_pipeline.settings import Settings


class Ends(Protocol):
    """The database that edits change, the one that keeps the ledger, and where the spreadsheet is."""

    settings: Settings
    services: Services
    platform: sa.Engine
    state: sa.Engine
