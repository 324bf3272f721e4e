"""Which hosts are silent, whose work nobody does, and what people are told of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sheets_pipeline.sync.hosts import DAEMON, ENDED, HELD_BACK, STANDS_BY, WORKER, WORKS, HostProcess, host_findings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def process(
    host: str, role: str, state: str = WORKS, silent: float = 2.0, code: str = "v1", problem: str | None = None
):
    heard_at = NOW - timedelta(seconds=silent)
    return HostProcess(host, role, state, heard_at, heard_at, silent, code, problem)


def daemon(host: str, state: str = WORKS, silent: float = 2.0) -> HostProcess:
    return process(host, DAEMON, state, silent)


def worker(host: str, state: str = WORKS, silent: float = 2.0, code: str = "v1") -> HostProcess:
    return process(host, WORKER, state, silent, code)


WELL = [daemon("a"), worker("a"), daemon("b", STANDS_BY), worker("b")]


def told(
    processes: Sequence[HostProcess], dagster_silent: float | None = None, *, by_workers: bool = True
) -> list[str]:
    """Each finding as its key, with ! before a grave one."""
    heard_at = None if dagster_silent is None else NOW - timedelta(seconds=dagster_silent)
    found = host_findings(processes, NOW, heard_at, by_workers=by_workers)
    assert all(one.title and one.detail.endswith(".") for one in found)
    return [f"{'!' if one.is_grave else ''}{one.key}" for one in found]


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        pytest.param([], [], id="nobody tells of himself"),
        pytest.param(WELL, [], id="all is well"),
        pytest.param([*WELL[:2], daemon("b", STANDS_BY, 30), worker("b", silent=30)], ["host b"], id="a host is gone"),
        pytest.param([*WELL[:3], worker("b", silent=30)], ["host b"], id="a process of a host is gone"),
        pytest.param([*WELL[:3], worker("b", silent=15)], [], id="not heard for a moment"),
        pytest.param([*WELL[:3], worker("b", ENDED, 3000)], [], id="one was asked to end"),
        pytest.param([daemon("a", silent=25), *WELL[1:]], ["daemon", "host a"], id="another daemon takes over"),
        pytest.param([daemon("a", silent=25), daemon("b"), *WELL[1:2], WELL[3]], ["host a"], id="it has taken over"),
        pytest.param([daemon("a", silent=25), WELL[1], WELL[3]], ["!daemon", "host a"], id="no other daemon is there"),
        pytest.param([daemon("a", ENDED, 25), WELL[1]], ["!daemon"], id="the daemon was ended"),
        pytest.param([daemon("a", ENDED, 5), WELL[1]], [], id="the daemon is started again"),
        pytest.param([WELL[0], worker("a", silent=40), worker("b", ENDED, 60)], ["!workers", "host a"], id="no worker"),
        pytest.param([WELL[0], worker("b", ENDED, 5)], [], id="the worker is started again"),
        pytest.param([daemon("a"), daemon("b", STANDS_BY)], [], id="workers are not started yet"),
        pytest.param([replace(daemon("a"), since=NOW - timedelta(seconds=25))], ["!workers"], id="no worker ever"),
        pytest.param([*WELL, process("c", WORKER, HELD_BACK, problem="its clock")], ["worker c"], id="held back"),
        pytest.param([*WELL, worker("c", code="v2")], ["code"], id="other code on one"),
        pytest.param([WELL[0], worker("a", code="v2")], ["!code"], id="other code on all"),
    ],
)
def test_what_is_wrong_with_hosts_is_told_the_gravest_first(processes: list[HostProcess], expected: list[str]) -> None:
    assert told(processes) == expected


def test_workers_are_not_missed_where_runs_are_not_handed_to_them() -> None:
    assert told([daemon("a"), worker("a", ENDED, 4000, code="v0")], by_workers=False) == []


@pytest.mark.parametrize(
    ("processes", "dagster_silent", "expected"),
    [
        pytest.param([], 20, [], id="started by other means"),
        pytest.param([], 400, ["!daemon"], id="and gone"),
        pytest.param([daemon("a", ENDED, 600)], 30, [], id="started by other means since then"),
        pytest.param([daemon("a", silent=100)], 90, ["!daemon", "host a"], id="its last word was not one of another's"),
        pytest.param([daemon("a", ENDED, 40)], 20, [], id="started by other means right after"),
    ],
)
def test_a_daemon_that_dagster_alone_knows_of_counts(
    processes: list[HostProcess], dagster_silent: float, expected: list[str]
) -> None:
    assert told(processes, dagster_silent) == expected


def test_people_are_told_which_host_since_when_who_does_its_work_and_what_to_do() -> None:
    [of_host] = host_findings([*WELL[:2], daemon("b", STANDS_BY, 45), worker("b", silent=42)], NOW)
    assert of_host.text.startswith(
        "Host b is silent: nothing was heard of its daemon and worker since 11:59:18 UTC, 42 s ago. a does what it did. Start the "
    )
    takes_over, _ = host_findings([daemon("a", silent=25), daemon("b", STANDS_BY)], NOW)
    assert takes_over.remedy == "b takes over within 30 seconds."
    assert "was last heard of on a at 11:59:35 UTC, 25 s ago" in takes_over.detail
    held_back, *_ = host_findings(
        [*WELL, process("c", DAEMON, HELD_BACK, problem="this host's clock is 90 s behind")], NOW
    )
    assert held_back.text == "The daemon on c takes no part: this host's clock is 90 s behind."
