"""The commands ``queue ...`` against a real database and Local Sheets."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from sheets_pipeline.cli.main import main
from sheets_pipeline.database import events
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform"]


@pytest.fixture(autouse=True)
def in_memory(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands see the test's Dagster instance and leave it open."""

    class Opened:
        def __enter__(self) -> Any:
            return platform.instance

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr("dagster.DagsterInstance.from_config", lambda _home: Opened())
    with platform.engine.begin() as connection:
        connection.execute(sa.text("delete from pending_event"))


def invoke(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, ["queue", *arguments], **options)


def status() -> dict[str, Any]:
    result = invoke("status", "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def give_up(platform: Platform) -> list[int]:
    """Set all pending events aside."""
    with platform.engine.begin() as connection:
        ids = [event.id for event in events.pending(connection)]
        events.record_failure(connection, ids, "a cell is too long", 1, waits_for={"UserProfiles"})
    return sorted(ids)


def test_status_gives_the_documented_shape(platform: Platform) -> None:
    list(submit_quizzes(platform.engine, 2, 100))
    current = status()
    assert set(current) >= {
        "running",
        "pending",
        "pending_by_priority",
        "pending_by_entity",
        "oldest_seconds",
        "set_aside",
        "reads_last_minute",
        "writes_last_minute",
        "reads_per_minute",
        "writes_per_minute",
    }
    assert current["pending"] >= 2
    assert current["running"] == 0
    assert current["oldest_seconds"] > 0
    text = invoke("status").stdout
    assert f"{current['pending']}" in text
    assert "0 of 10000" in text


def test_process_syncs_now_and_says_what_it_did(platform: Platform) -> None:
    list(submit_quizzes(platform.engine, 1, 100))
    result = invoke("process", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["status"] == "success"
    assert answer["events"] > 0
    assert answer["still_pending"] == 0
    assert answer["tabs"]["UserProfiles"]["cells"] > 0
    assert len(platform.rows("UserProfiles")) == 60
    assert platform.instance.get_run_by_id(answer["run_id"]) is not None
    assert "0 events taken" in invoke("process").stdout


def test_process_fails_with_the_remedy_where_the_spreadsheet_is_not_shared(platform: Platform) -> None:
    list(submit_quizzes(platform.engine, 1, 100))
    platform.server.faults(action="error", status=403, count=None)
    result = invoke("process")
    assert result.exit_code == 1
    assert "failed" in result.stdout
    assert status()["pending"] > 0


def test_events_set_aside_are_listed_and_wait_again_after_retry(platform: Platform) -> None:
    list(submit_quizzes(platform.engine, 2, 100))
    first, *rest = give_up(platform)
    current = status()
    assert current["pending"] == 0
    assert [event["id"] for event in current["set_aside_events"]] == [first, *rest]
    assert current["set_aside_events"][0]["tabs"] == ["UserProfiles"]
    assert "a cell is too long" in invoke("status").stdout
    assert "1 event waits again" in invoke("retry", str(first)).stdout
    assert (status()["pending"], status()["set_aside"]) == (1, len(rest))
    assert invoke("retry", "--all").exit_code == 0
    assert (status()["pending"], status()["set_aside"]) == (1 + len(rest), 0)


def test_drop_asks_first_and_forgets_only_what_was_set_aside(platform: Platform) -> None:
    list(submit_quizzes(platform.engine, 1, 100))
    ids = give_up(platform)
    list(submit_quizzes(platform.engine, 1, 100))
    waiting = status()["pending"]
    assert invoke("drop", "--all", input="n\n").exit_code == 1
    assert status()["set_aside"] == len(ids)
    assert "1 event dropped" in invoke("drop", str(ids[0]), input="y\n").stdout
    assert invoke("drop", "--all", "--yes").exit_code == 0
    assert (status()["pending"], status()["set_aside"]) == (waiting, 0)


def test_an_id_that_was_not_set_aside_changes_nothing(platform: Platform) -> None:
    list(submit_quizzes(platform.engine, 1, 100))
    ids = give_up(platform)
    result = invoke("retry", str(ids[0]), "999999")
    assert result.exit_code == 1
    assert "999999" in result.stderr
    assert status()["set_aside"] == len(ids)


@pytest.mark.parametrize("command", ["retry", "drop"])
@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
def test_neither_ids_nor_all_or_both_is_a_wrong_call(command: str, arguments: list[str]) -> None:
    assert invoke(command, *arguments).exit_code == 2


def test_watch_shows_the_queue_again_and_again(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("sheets_pipeline.cli.queue_output.time", SimpleNamespace(sleep=pause))
    result = invoke("status", "--watch", "--every", "0.5")
    assert result.exit_code == 0, result.output
    assert looks == [0.5, 0.5, 0.5]
