"""What a sync of a spreadsheet needs, opened once for a process that lives long."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sheets_pipeline import pipeline as pipeline_module
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.settings import load_settings


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
