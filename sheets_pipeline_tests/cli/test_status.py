"""What ``sheets-pipeline status`` shows: the sentence, the numbers, and what to do."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from rich.console import Console

from sheets_pipeline.cli.main import main
from sheets_pipeline.cli.status import duration, exit_code, view
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.health import Health, QuotaUse, Status, Steering, TabHistory, TabWait, overall, tab_health
from sheets_pipeline.sync.hosts import DAEMON, WORKER, WORKS, HostProcess, host_findings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUEUE = {"pending": 3, "oldest_seconds": 90.0, "set_aside": 1, "installed": True, "none_taken": None}


def status(history: TabHistory, circuit: Circuit | None = None, *, daemon_running: bool = True) -> Status:
    steering = Steering(circuit or Circuit(), NOW, 300, next_full_sync=NOW + timedelta(seconds=60))
    tabs = {"grades": tab_health("grades", history, TabWait(), steering)}
    health, reason = overall(tabs, steering)
    quota = [QuotaUse("read", 12, 60)]
    return Status(health, reason, steering.circuit, None, tabs, QUEUE, quota, NOW, daemon_running)


def shown(current: Status) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(view(current))
    return capture.get()


SYNCED = TabHistory(total_syncs=4, successful_syncs=4, last_success=NOW - timedelta(seconds=30))


def test_all_numbers_stand_on_one_screen() -> None:
    text = shown(status(SYNCED))
    for part in ("grades", "30 s ago", "4 of 4", "100 %", "in 60 s", "3 events pending", "90 s", "12 of 60 reads"):
        assert part in text
    assert "daemon" not in text


def test_edits_are_told_by_the_way_that_found_them() -> None:
    waiting = {"new": 1, "awaiting": 0, "conflict": 2, "rejected": 5, "dead": 0}
    edits = {"enabled": True, "waiting": waiting, "found_by": {"webhook": 0, "read": 4}, "webhook_is_silent": True}
    text = shown(replace(status(SYNCED), edits=edits))
    assert (
        "1 waiting, 2 in conflict; found in the last day: 0 by the webhook, 4 by reading; the webhook is silent" in text
    )
    assert "off (EDITS_ENABLED)" in shown(replace(status(SYNCED), edits=edits | {"enabled": False}))
    assert "edits" not in shown(status(SYNCED))


def test_it_says_so_when_nothing_ever_ran_and_when_no_daemon_runs() -> None:
    text = shown(status(TabHistory(), daemon_running=False))
    assert "Nothing has been synced yet" in text
    assert "daemon has not reported" in text
    assert "never" in text


def test_what_runs_on_which_host_is_told_with_what_is_wrong() -> None:
    hosts = [HostProcess("a", DAEMON, WORKS, NOW, NOW, 1.0), HostProcess("b", WORKER, WORKS, NOW, NOW, 90.0)]
    found = host_findings(hosts, NOW)
    text = shown(replace(status(SYNCED), hosts=hosts, host_findings=found))
    assert "daemon on a works, worker on b silent for 90 s" in text
    assert "Host b is silent: nothing was heard of its worker" in text.replace("\n", " ")
    steering = Steering(Circuit(), NOW, 300)
    tabs = status(SYNCED).tabs
    grave, silent = found
    assert overall(tabs, steering, host_findings=found) == (Health.DEGRADED, grave.text)
    assert overall(tabs, steering, host_findings=[silent]) == (Health.WARNING, silent.text)


def test_what_cannot_be_opened_is_unhealthy_for_scripts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_INTERVAL_SECONDS", "7")
    result = CliRunner().invoke(main, ["status", "--json"])
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["health"] == "unhealthy"
    assert "SYNC_INTERVAL_SECONDS" in said["reason"]
    assert CliRunner().invoke(main, ["status"]).stdout == ""


def test_an_open_circuit_is_told_once_with_its_remedy() -> None:
    circuit = Circuit("open", NOW + timedelta(seconds=30), 1, "Runs failed once.", "Press Share.", needs_person=True)
    text = shown(status(SYNCED, circuit))
    assert "open until 12:00:30 UTC" in text
    assert text.count("Press Share.") == 2  # in the first sentence and beside the circuit


@pytest.mark.parametrize(
    ("health", "code"), [("healthy", 0), ("warning", 0), ("degraded", 1), ("stopped", 1), ("unhealthy", 1)]
)
def test_the_exit_code_tells_scripts_whether_somebody_should_look(health: str, code: int) -> None:
    assert exit_code(Health(health)) == code


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.351, "0.35 s"), (12, "12 s"), (240, "4 min"), (12_600, "3.5 h"), (172_800, "2 d")],
)
def test_durations_read_as_people_say_them(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
