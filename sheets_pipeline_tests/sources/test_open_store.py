"""Which store settings mean."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import DatabaseError, SettingsError
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sources.postgresql import PostgresqlStore
from sheets_pipeline.sources.stores import open_store
from sheets_pipeline_tests.sources.contents import people


def _pipeline(state: str, **settings: Any) -> Pipeline:
    return cast(Pipeline, SimpleNamespace(state=connect(state), settings=load_settings(**settings)))


def test_sources_are_kept_beside_the_pipelines_own_tables_or_where_settings_say(tmp_path: Path, database_url: str):
    beside = open_store(_pipeline(database_url))
    apart = open_store(_pipeline(f"sqlite:///{tmp_path / 'state.db'}", sources_database_url=database_url))
    version = beside.put("people", people(3)).version
    assert apart.latest("people") == version
    for store in (beside, apart):
        assert isinstance(store, PostgresqlStore)
        store.engine.dispose()


def test_a_pipeline_without_postgresql_is_told_what_to_set(tmp_path: Path):
    with pytest.raises(DatabaseError, match=r"SOURCES_DATABASE_URL, or use Elasticsearch: SOURCES_STORE=elasticsearch"):
        open_store(_pipeline(f"sqlite:///{tmp_path / 'state.db'}"))


@pytest.mark.parametrize(
    ("setting", "value", "remedy"),
    [
        ("sources_database_url", "mysql://me:secret@h/d", "must be a PostgreSQL URL, or use Elasticsearch"),
        ("elasticsearch_url", "me:secret@host:9200", "must be a URL such as http://user:password@127.0.0.1:9200"),
    ],
)
def test_wrong_addresses_are_told_without_their_passwords(setting: str, value: str, remedy: str):
    with pytest.raises(SettingsError, match=remedy) as told:
        load_settings(**{setting: value})
    assert "secret" not in str(told.value)
