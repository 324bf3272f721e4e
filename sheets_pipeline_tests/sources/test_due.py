"""Which sources are due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.components.yaml_nodes import Fault
from sheets_pipeline.database.source_tasks import Known, Task
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sources.content import SourceColumn
from sheets_pipeline.sources.due import Retries, due, next_at, together
from sheets_pipeline.sources.environments import settings_of
from sheets_pipeline.sources.schema import schema_change
from sheets_pipeline.sync.source import CellType, Source

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def declared(name: str = "a", spreadsheet: str = "S", **options: Any) -> DeclaredSource:
    source = Source(name, name, spreadsheet, **{"interval": 300, **options})
    return DeclaredSource(name, "f.yaml", "/f.yaml", 1, source=source)


def ended(seconds_ago: float, state: Any = "completed", **facts: Any) -> Task:
    at = NOW - timedelta(seconds=seconds_ago)
    return Task("run", "a", "", state, at, at, at, **facts)


BROKEN = DeclaredSource("broken", "f.yaml", "/f.yaml", 7, faults=(Fault(7, "url is missing"),))


@pytest.mark.parametrize(
    ("one", "task", "known", "is_due"),
    [
        pytest.param(declared(), None, None, True, id="never read"),
        pytest.param(declared(enabled=False), None, None, False, id="switched off"),
        pytest.param(declared(enabled=False), None, Known(asked_at=NOW), True, id="off, and asked for"),
        pytest.param(declared(), ended(299), None, False, id="read within its interval"),
        pytest.param(declared(), ended(300), None, True, id="read an interval ago"),
        pytest.param(declared(), ended(1), Known(asked_at=NOW), True, id="asked for"),
        pytest.param(declared(), ended(900, "processing"), None, False, id="being read"),
        pytest.param(declared(), ended(4, "failed", failures=1), None, False, id="failed just now"),
        pytest.param(declared(), ended(5, "failed", failures=1), None, True, id="failed, tried again"),
        pytest.param(declared(), ended(19, "failed", failures=3), None, False, id="the third failure waits longer"),
        pytest.param(declared(), ended(20, "failed", failures=3), None, True, id="the third failure, tried again"),
        pytest.param(declared(), ended(299, "failed", failures=4), None, False, id="no more tries than the most"),
        pytest.param(declared(), ended(299, "failed", failures=1, needs_person=True), None, False, id="needs a person"),
        pytest.param(BROKEN, None, None, True, id="broken, not told"),
        pytest.param(
            BROKEN, ended(9, "failed", error=f"Source: {BROKEN.problem}"), None, False, id="broken, and that was told"
        ),
        pytest.param(BROKEN, ended(9, "failed", error="another"), None, True, id="broken in another way"),
    ],
)
def test_a_source_is_due(one: DeclaredSource, task: Task | None, known: Known | None, is_due: bool):
    tasks = {one.id: task} if task else {}
    assert bool(due([one], tasks, {one.id: known} if known else {}, NOW, Retries())) is is_due


def test_the_lowest_priority_is_first_then_who_waits_longest():
    sources = [declared("late", priority=1), declared("b"), declared("a"), declared("first", priority=0)]
    tasks = {"late": ended(400), "a": ended(400), "b": ended(500), "first": ended(301)}
    assert [one.id for one in due(sources, tasks, {}, NOW, Retries())] == ["first", "late", "b", "a"]
    assert next_at(sources[0], tasks["late"], None, Retries()) == NOW - timedelta(seconds=100)


def test_sources_of_one_spreadsheet_and_credential_go_together():
    sources = [declared("a", "S"), declared("b", "T"), declared("c", "S"), declared("d", "S", credential="x"), BROKEN]
    assert [[one.id for one in group] for group in together(sources)] == [["a", "c"], ["b"], ["d"], ["broken"]]


COLUMNS = (SourceColumn("id", "ID", CellType.INTEGER), SourceColumn("note", "Note", CellType.EMPTY))


@pytest.mark.parametrize(
    ("after", "said"),
    [
        pytest.param(COLUMNS, None, id="the same"),
        pytest.param(COLUMNS[::-1], None, id="in another order"),
        pytest.param((COLUMNS[0], replace(COLUMNS[1], type=CellType.TEXT)), None, id="an empty one was filled"),
        pytest.param((COLUMNS[0],), "gone: note", id="gone"),
        pytest.param((*COLUMNS, SourceColumn("x", "X", CellType.TEXT)), "new: x", id="new"),
        pytest.param(
            (replace(COLUMNS[0], type=CellType.TEXT), COLUMNS[1]), "other type: id (integer → text)", id="other type"
        ),
    ],
)
def test_a_change_of_columns_is_told_in_words(after: tuple[SourceColumn, ...], said: str | None):
    assert schema_change(COLUMNS, after) == said


def test_a_named_store_is_where_variables_of_its_name_say():
    settings = load_settings()
    assert settings_of(settings, "", {}) is settings
    found = settings_of(settings, "my-stage", {"ELASTICSEARCH_URL_MY_STAGE": "http://es:9200"})
    assert found.sources_store == "elasticsearch"
    for variables in ({}, {"ELASTICSEARCH_URL_X": "http://es:9200", "SOURCES_DATABASE_URL_X": "postgresql://h/d"}):
        with pytest.raises(SettingsError, match="expected one of SOURCES_DATABASE_URL_X and ELASTICSEARCH_URL_X"):
            settings_of(settings, "x", variables)
    with pytest.raises(SettingsError, match="expected letters"):
        settings_of(settings, "../x", {})
