"""Dagster's storage, as ``dagster.yaml`` names it: where the settings say, else embedded.

dagster-postgres does the storing in both cases; these classes only find out where. Every process of Dagster (webserver,
daemon, code server, run worker) builds them anew from ``dagster.yaml`` and attaches to the same server.
"""

import logging
from collections.abc import Mapping
from typing import Any, Self

import sqlalchemy as sa
from dagster import Field
from dagster._config import UserConfigSchema
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.storage import DagsterPostgresStorage

from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.local.files import make_folder
from sheets_pipeline.local.services import ensure_dagster_postgres
from sheets_pipeline.settings import load_settings

logger = logging.getLogger(__name__)


class EventLog(PostgresEventLogStorage):
    """Dagster's event log, asking only once which columns the table of assets has.

    Dagster asks twice with each event of an asset, by reading the catalog: a quarter of what a full sync's events cost the
    database. A column that was missing is looked for again.
    """

    def __init__(self, postgres_url: str) -> None:
        self._seen: set[str] = set()
        super().__init__(postgres_url, should_autocreate_tables=False)

    def _has_asset_key_col_on_connection(self, conn: sa.Connection, column_name: str) -> bool:
        if column_name not in self._seen and super()._has_asset_key_col_on_connection(conn, column_name):
            self._seen.add(column_name)
        return column_name in self._seen


class PipelineStorage(DagsterPostgresStorage):
    """Runs, events, schedules and sensors, in DAGSTER_POSTGRES_URL or in the embedded PostgreSQL."""

    def __init__(
        self, postgres_url: str, should_autocreate_tables: bool, inst_data: ConfigurableClassData | None
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data)  # creates the tables
        self._event_log_storage = EventLog(postgres_url)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing but the switch for creating tables: the place comes from the settings."""
        return {"should_autocreate_tables": Field(bool, is_required=False, default_value=True)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Called by Dagster in each of its processes."""
        url = ensure_dagster_postgres(load_settings())
        _refuse_what_a_person_must_mend(url)
        return cls(
            postgres_url=url,
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
        )


class PipelineArtifacts(LocalArtifactStorage):
    """Files that Dagster keeps beside its storage, under LOCAL_DATA_DIR."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """No configuration: the folder follows from the settings."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Called by Dagster in each of its processes."""
        return cls(base_dir=_folder("artifacts"), inst_data=inst_data)


class PipelineComputeLogs(LocalComputeLogManager):
    """What runs print, under LOCAL_DATA_DIR."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """No configuration: the folder follows from the settings."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Called by Dagster in each of its processes."""
        return cls(base_dir=_folder("logs"), inst_data=inst_data)


def _refuse_what_a_person_must_mend(url: str) -> None:
    """One look before dagster-postgres tries again and again: a wrong password does not mend itself.

    Raises:
        DatabaseError: Names what is wrong with DAGSTER_POSTGRES_URL; never the password.
    """
    engine = connect(url)
    try:
        engine.connect().close()
    except DatabaseError as error:
        if error.needs_person:
            raise DatabaseError(f"Dagster's storage (DAGSTER_POSTGRES_URL): {error}") from None
        logger.warning("Dagster's storage: %s", error)
    finally:
        engine.dispose()


def _folder(name: str) -> str:
    return str(make_folder(load_settings().local_data_dir.absolute() / "dagster") / name)
