"""What the doctor's checks find out and hand on to the checks that need it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.embedded.services import Services
from sheets_pipeline.monitoring.doctor import secrets_in, secrets_of
from sheets_pipeline.settings import Settings
from sheets_pipeline.sheets.credentials import Identity


class Facts:
    """What checks have found out; each is set by the check that others need."""

    settings: Settings
    services: Services
    platform: sa.Engine
    state: sa.Engine
    identity: Identity
    client: Any
    spreadsheet: Any
    daemon_heard_at: datetime | None = None

    def secrets(self) -> set[str]:
        """What must not be shown, as far as it is known by now."""
        known = secrets_of(self.settings) if hasattr(self, "settings") else set()
        return known | (secrets_in(*_urls(self.services)) if hasattr(self, "services") else set())


def _urls(services: Services) -> list[str]:
    return [services.database_url, services.pipeline_database_url, services.dagster_postgres_url]
