"""Which store sources are kept in, as settings say."""

from typing import Protocol

import sqlalchemy as sa

from sheets_pipeline.database.engine import connect, described
from sheets_pipeline.errors import DatabaseError, SettingsError
from sheets_pipeline.settings import Settings
from sheets_pipeline.sources.elasticsearch import ElasticsearchStore
from sheets_pipeline.sources.environments import settings_of
from sheets_pipeline.sources.postgresql import PostgresqlStore
from sheets_pipeline.sources.store import SourceStore

#: A few sources are stored at once, and people look meanwhile.
_POOL = {"pool_size": 4, "max_overflow": 16}


class Home(Protocol):
    """What knows where sources are kept: a ``Pipeline``, or whoever looks on."""

    @property
    def state(self) -> sa.Engine:
        """The pipeline's own tables."""

    @property
    def settings(self) -> Settings:
        """Which store it is."""


def open_store(pipeline: Home, environment: str = "") -> SourceStore:
    """The store of the settings, or the one that is named ``environment``.

    Raises:
        SettingsError: There is no store of that name, or nothing says where Elasticsearch is.
        DatabaseError: It cannot be reached, or there is no PostgreSQL.
    """
    settings = settings_of(pipeline.settings, environment)
    if settings.sources_store == "postgresql":
        return PostgresqlStore(_database(pipeline, settings))
    if settings.elasticsearch_url is None:
        raise SettingsError("SOURCES_STORE is 'elasticsearch', and ELASTICSEARCH_URL says not where it is. Set it.")
    return ElasticsearchStore(settings.elasticsearch_url.get_secret_value())


def _database(pipeline: Home, settings: Settings) -> sa.Engine:
    url = settings.sources_database_url
    if url is not None:
        return connect(url.get_secret_value(), **_POOL)
    if pipeline.state.dialect.name != "postgresql":
        raise DatabaseError(
            f"Sources are kept in PostgreSQL, and the pipeline's own tables are in {described(pipeline.state.url)}. Name a "
            "PostgreSQL in SOURCES_DATABASE_URL, or use Elasticsearch: SOURCES_STORE=elasticsearch and ELASTICSEARCH_URL."
        )
    return pipeline.state
