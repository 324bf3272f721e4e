"""What a sync of a spreadsheet needs, opened once for a process that lives long."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from sheets_pipeline import pipeline as pipeline_module
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.pipeline import Pipeline, StoredMemory
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sheets.memory import TabFacts


def test_a_key_file_that_is_replaced_is_taken_by_a_process_that_goes_on(tmp_path: Path, monkeypatch: Any) -> None:
    """Opening one takes databases, so the parts that an identity needs stand in for it."""
    key = tmp_path / "key.json"

    def put(client_id: str) -> None:
        new = tmp_path / "new.json"
        new.write_text(json.dumps({"type": "authorized_user", "client_id": client_id}))
        new.replace(key)

    loaded: list[str] = []

    def load(_text: Any, file: Path, _declared: Any) -> Any:
        loaded.append(json.loads(file.read_text())["client_id"])
        return SimpleNamespace(name=loaded[-1])

    monkeypatch.setattr(pipeline_module, "load_identity", load)
    monkeypatch.setattr(pipeline_module, "install_state", lambda _state: None)
    settings: Any = load_settings(google_application_credentials=key)
    database = f"sqlite:///{tmp_path}/own.db"
    services: Any = SimpleNamespace(
        database_url=database,
        pipeline_database_url=database,
        spreadsheet_id="a",
        spreadsheet_url="",
        credentials_file=None,
    )
    opened = Pipeline(settings, services)
    put("first")
    assert [opened.identity.name, opened.identity.name] == ["first", "first"]
    put("second")
    assert opened.identity.name == "second"
    key.unlink()  # in the middle of being replaced
    assert opened.identity.name == "second"
    assert loaded == ["first", "second"]


def test_facts_are_read_once_while_the_lock_of_their_tab_is_held(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    install_state(engine)
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cursor, text, *_: asked.append(text))
    mine, other = (StoredMemory(engine, "SHEET", "Tab") for _ in range(2))
    first, second = (TabFacts(7, "Etc/GMT", {"id": 0}, at, key=["id"]) for at in (1.0, 2.0))
    with mine.held():
        assert mine.facts() is None
        mine.save_facts(first)
        asked.clear()
        assert mine.facts() == first
        assert not asked
        assert other.facts() == first
    other.save_facts(second)
    assert mine.facts() == second
    with mine.held():
        assert mine.facts() == second
        mine.save_facts(first)
        assert mine.facts() == first
    engine.dispose()
