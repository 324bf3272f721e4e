"""Dagster's storage, as ``dagster.yaml`` names it: where the settings say, else embedded.

dagster-postgres does the storing in both cases; these classes only find out where. Every process of Dagster (webserver,
daemon, code server, run worker) builds them anew from ``dagster.yaml`` and attaches to the same server.
"""

import logging
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import sqlalchemy as sa
from dagster import Field
from dagster._config import UserConfigSchema
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from dagster._utils import touch_file
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.storage import DagsterPostgresStorage

from sheets_pipeline.dagster_runtime.compute_logs import captured
from sheets_pipeline.dagster_runtime.webserver import guard_this_process
from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.files import make_folder
from sheets_pipeline.embedded.services import ensure_dagster_postgres
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.settings import load_settings

logger = logging.getLogger(__name__)

_STREAMS = (ComputeIOType.STDOUT, ComputeIOType.STDERR)

#: Methods of Dagster's storages that look into the catalog of its database.
LOOKS = {
    PostgresRunStorage: "has_run_stats_index_cols has_bulk_actions_selector_cols has_backfill_id_column "
    "has_bulk_action_job_name_column has_backfill_tags_table",
    PostgresEventLogStorage: "_has_asset_key_col_on_connection",
    PostgresScheduleStorage: "has_instigators_table _has_instigators_table has_secondary_index_table has_built_index "
    "_has_asset_daemon_asset_evaluations_table",
}


def _asks_once(storage: Any) -> Any:
    """The storage, which knows for good what it has seen in the catalog: tables and columns never go.

    Dagster asks for them again and again, whenever it does something: eleven looks at the catalog a second while nothing
    happens at all, a quarter of what a full sync's events cost the database. What was missing is looked for again.
    """
    seen: set[tuple[object, ...]] = set()

    def once(name: str, look: Callable[..., bool]) -> Callable[..., bool]:
        def asked(*arguments: Any) -> bool:
            key = (name, *(argument for argument in arguments if not isinstance(argument, sa.Connection)))
            if key not in seen and look(*arguments):
                seen.add(key)
            return key in seen

        return asked

    for name in next(names for kind, names in LOOKS.items() if isinstance(storage, kind)).split():
        setattr(storage, name, once(name, getattr(storage, name)))
    return storage


class Runs(PostgresRunStorage):
    """Dagster's runs, behind our guard where a webserver shows them."""

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """Called by ``dagster-webserver`` before it serves, however it was started: time for the guard in front of it."""
        guard_this_process()
        super().optimize_for_webserver(statement_timeout, pool_recycle, max_overflow)


class PipelineStorage(DagsterPostgresStorage):
    """Runs, events, schedules and sensors, in DAGSTER_POSTGRES_URL or in the embedded PostgreSQL."""

    def __init__(
        self, postgres_url: str, should_autocreate_tables: bool, inst_data: ConfigurableClassData | None
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data)  # creates the tables
        self._run_storage = _asks_once(Runs(postgres_url, should_autocreate_tables=False))
        self._event_log_storage = _asks_once(PostgresEventLogStorage(postgres_url, should_autocreate_tables=False))
        self._schedule_storage = _asks_once(PostgresScheduleStorage(postgres_url, should_autocreate_tables=False))

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

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        """Called by Dagster for each step: what is printed in the block is its log."""
        out, err = (self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind]) for kind in _STREAMS)
        with captured({sys.stdout: out, sys.stderr: err}):
            yield CapturedLogContext(log_key)
        touch_file(self.complete_artifact_path(log_key))  # type: ignore[no-untyped-call] # Dagster's


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
    """A folder of Dagster's own files; what runs print and return is for us alone."""
    data = make_folder(load_settings().local_data_dir.absolute())
    folder = make_folder(data / "dagster") / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return str(folder)
