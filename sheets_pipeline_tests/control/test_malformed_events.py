"""Nonsense in the queue, from the event round to all who tell of it: everybody answers, and good events are synced."""

import json
from collections.abc import Collection
from typing import Any

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sheets_pipeline.cli.main import main
from sheets_pipeline.components import tab_asset as tab_asset_module
from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database import events
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.frames import read_frame
from sheets_pipeline.definitions import defs
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline_tests.control.stage import Stage

_HOSTILE = "\x1b[31m\u202e'; drop table users; -- \U0001f335"
_LONG = "9" * 10_000
_OF_THE_PLATFORM = ["None", "", " \t\n", "abc", "1.5", _HOSTILE, _LONG, "[1]", "NaN"]
_COMPOSITE = ["None", "", '["EU"', '["EU", 7, 8]', '["EU"]', '{"region": "EU"}', "[[1], 2]", "null", "[" * 9_000, _LONG]
_MALFORMED: list[dict[str, Any]] = [
    *({"entity": entity, "key": "1"} for entity in ("", "ordr", _HOSTILE[:40])),
    *({"entity": "quiz_response", "key": key} for key in _OF_THE_PLATFORM),
    *({"entity": "part", "key": key} for key in _COMPOSITE),
]  # fmt: skip
_STOCK = Tab(
    "Stock",
    ("region", "part"),
    (Column("region"), Column("part", ColumnType.INTEGER), Column("pieces", ColumnType.INTEGER)),
    entities=("part",),
)


@pytest.fixture
def stock(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tab of one's own with a key of two columns."""

    class Opened:
        def __enter__(self) -> dg.DagsterInstance:
            return stage.instance

        def __exit__(self, *_: object) -> None:
            return None

    def parts(connection: sa.Connection, ids: Collection[Any] | None) -> pd.DataFrame:
        frame = read_frame(connection, "select 'EU' as region, 7 as part, 70 as pieces")
        return frame if ids is None else frame[[("EU", "7") in ids]]

    monkeypatch.setattr(tab_asset_module, "_BY_KEY", tab_assets())
    tab_asset_module.tab_asset(_STOCK)(parts)
    monkeypatch.setattr("dagster.DagsterInstance.from_config", lambda _home: Opened())


def cli(*arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert "Traceback" not in result.output
    return result.output


def test_malformed_events_are_told_everywhere_and_hold_up_nobody(stage: Stage, stock: None) -> None:
    with stage.pipeline.platform.begin() as connection:
        connection.execute(
            sa.text("alter table pending_event alter column key type text")
        )  # as where nobody looks at lengths
        for row in _MALFORMED:
            connection.execute(pending_event.insert().values({"kind": _HOSTILE[:40]} | row))
        connection.execute(sa.text("update users set full_name = 'Good Event' where id = 3"))
        events.record_event(connection, "part", ("EU", 7), "unheard_of")
    for path in ("/", "/sync/status", "/metrics"):
        stage.client.get(path).raise_for_status()
    cli("status")
    assert "pending" in cli("queue", "status")
    try:
        assert defs().resolve_job_def("event_sync").execute_in_process(instance=stage.instance).success
        with stage.pipeline.platform.connect() as connection:
            assert events.pending(connection) == []
            given_up = {event.id: event.reason or "" for event in events.set_aside(connection)}
        assert len(given_up) == len(_MALFORMED)
        _check_what_was_written(stage)
        _check_what_is_told(stage, given_up)
        _check_what_can_be_done(given_up)
    finally:
        with stage.pipeline.platform.begin() as connection:
            connection.execute(pending_event.delete())
            connection.execute(sa.text("alter table pending_event alter column key type varchar(200)"))


def _check_what_was_written(stage: Stage) -> None:
    stock, profiles = (stage.pipeline.client().read(f"/values/{tab}")["values"] for tab in ("Stock", "UserProfiles"))
    assert stock[1:] == [["EU", "7", "70"]]
    assert any("Good Event" in row for row in profiles)


def _check_what_is_told(stage: Stage, given_up: dict[int, str]) -> None:
    stage.operations.forget_status()
    number = len(given_up)
    sentence = f"{number} events are set aside; `sheets-pipeline queue status` lists them, why, and what to do."
    assert stage.get("/") == {"health": "warning", "reason": sentence}
    told = stage.get("/sync/status")
    assert (told["reason"], told["queue"]["set_aside"], told["queue"]["pending"]) == (sentence, number, 0)
    assert {tab["health"] for tab in told["tabs"].values()} == {"healthy"}
    assert f"sheets_pipeline_queue_set_aside_events {number}.0" in stage.client.get("/metrics").text
    assert sentence in " ".join(cli("status").split())
    known = json.loads(cli("queue", "status", "--json"))["set_aside_events"]
    assert {event["id"]: event["reason"] for event in known} == given_up
    shown = cli("queue", "status")
    for part in (
        "its key 'None' names no row",
        "no tab shows the entity 'ordr'",
        "(tab 'Stock')",
        "queue retry",
        "queue drop",
    ):
        assert part in shown
    assert "\x1b[31m" not in shown
    assert _LONG not in shown


def _check_what_can_be_done(given_up: dict[int, str]) -> None:
    first, second, *_ = sorted(given_up)
    assert cli("queue", "drop", str(first), "--yes") == "1 event dropped.\n"
    assert "1 event waits again" in cli("queue", "retry", str(second))
    assert f"{len(given_up) - 2} events dropped." in cli("queue", "drop", "--all", "--yes")
