"""What runs on which host, and what of it people should know: who is silent, who does a silent one's work, whose code is another.

Decided from what processes have said of themselves (``database.host_processes``), without looking at anything.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

DAEMON, WORKER = "daemon", "worker"

#: What a process does: its work; waits for the work of another one that may die; none, as something of its host is wrong; it
#: was asked to end.
WORKS, STANDS_BY, HELD_BACK, ENDED = "works", "stands by", "held back", "ended"

#: A process says that it lives so often, and is silent once it has said nothing for so long, in seconds.
BEAT_SECONDS, SILENT_SECONDS = 5.0, 20.0

#: Dagster's own daemon, started by other means, is missed after so long: it says that it lives every half minute, or later.
_DAGSTER_SILENT_SECONDS = 300.0

#: A daemon that other means have started since says that it lives so long after the last word of the one before, at least.
_ANOTHERS_SECONDS = 15.0

_START = "Start the machine, or its services (`systemctl status 'sheets-pipeline-*'` says how they are)."
_OR_FORGET = " If it is gone for good, do nothing: it is forgotten after a day."
_SAME_CODE = "Give all hosts the same version and the same project folder, and start their services again."


@dataclass(frozen=True, slots=True)
class HostProcess:
    """A process on a host, as it last told of itself; times are the database's. ``since`` it has been in this state."""

    host: str
    role: str
    state: str
    since: datetime
    heard_at: datetime
    silent_seconds: float
    code: str = ""
    problem: str | None = None

    @property
    def is_heard(self) -> bool:
        """Whether it lives, as far as can be told."""
        return self.state != ENDED and self.silent_seconds <= SILENT_SECONDS

    @property
    def is_silent(self) -> bool:
        """Whether it has gone without a word."""
        return self.state != ENDED and self.silent_seconds > SILENT_SECONDS


@dataclass(frozen=True, slots=True)
class HostFinding:
    """Something of hosts that people should know. ``key`` stays the same while it lasts; ``is_grave``: syncs stand still."""

    key: str
    title: str
    detail: str
    remedy: str
    is_grave: bool = False

    @property
    def text(self) -> str:
        """A paragraph."""
        return f"{self.title}: {self.detail} {self.remedy}".strip()


def host_findings(
    processes: Sequence[HostProcess], at: datetime, dagster_heard_at: datetime | None = None, *, by_workers: bool = True
) -> list[HostFinding]:
    """All that is wrong, the gravest first; nothing that may be a restart.

    Args:
        processes: What is known of each; those that ended of themselves among them.
        at: Now.
        dagster_heard_at: When Dagster's daemon last said that it lives, whoever started it; None where none ever has.
        by_workers: Whether runs are handed to workers.
    """
    found = [
        *_of_the_daemon(processes, at, dagster_heard_at),
        *(_of_workers(processes) if by_workers else ()),
        *_of_silent_hosts(processes),
        *_of_held_back(processes),
        *(_of_other_code(processes) if by_workers else ()),
    ]
    return sorted(found, key=lambda finding: not finding.is_grave)


def _of_the_daemon(
    processes: Sequence[HostProcess], at: datetime, dagster_heard_at: datetime | None
) -> Iterator[HostFinding]:
    daemons = [one for one in processes if one.role == DAEMON]
    if any(one.is_heard and one.state == WORKS for one in daemons):
        return
    last = max((one for one in daemons if one.state in (WORKS, ENDED)), key=lambda one: one.heard_at, default=None)
    # a daemon that other means have started says so in Dagster's storage alone
    least = timedelta(seconds=_ANOTHERS_SECONDS)
    if last is not None and (dagster_heard_at is None or dagster_heard_at < last.heard_at + least):
        how = "was ended" if last.state == ENDED else "was last heard of"
        heard_at, seconds, longest, told = last.heard_at, last.silent_seconds, SILENT_SECONDS, f"{how} on {last.host}"
    elif dagster_heard_at is not None:
        seconds, longest, told = (at - dagster_heard_at).total_seconds(), _DAGSTER_SILENT_SECONDS, "was last heard of"
        heard_at = dagster_heard_at
    else:
        return
    if seconds <= longest:
        return
    remedy = "Start `sheets-pipeline daemon` (or `sheets-pipeline dev`) on one of the hosts, or look into its log."
    if standing_by := sorted(one.host for one in daemons if one.is_heard and one.state == STANDS_BY):
        remedy = f"{standing_by[0]} takes over within 30 seconds."
    detail = f"no sync starts by itself. It {told} at {_moment(heard_at, seconds)}."
    yield HostFinding("daemon", "Dagster's daemon runs nowhere", detail, remedy, is_grave=not standing_by)


def _of_workers(processes: Sequence[HostProcess]) -> Iterator[HostFinding]:
    workers = [one for one in processes if one.role == WORKER]
    if any(one.is_heard and one.state == WORKS for one in workers):
        return
    if workers:
        last = max(workers, key=lambda one: one.heard_at)
        seconds = last.silent_seconds
        told = f"The last one was heard of on {last.host} at {_moment(last.heard_at, seconds)}."
    else:  # who hands runs out waits for one
        daemons = [one for one in processes if one.role == DAEMON and one.is_heard and one.state == WORKS]
        seconds = max(((one.heard_at - one.since).total_seconds() + one.silent_seconds for one in daemons), default=0.0)
        told = "None was heard of in the last day."
    if seconds > SILENT_SECONDS:
        remedy = "Start `sheets-pipeline worker` on a host."
        yield HostFinding("workers", "No worker takes runs", f"they wait. {told}", remedy, is_grave=True)


def _of_silent_hosts(processes: Sequence[HostProcess]) -> Iterator[HostFinding]:
    for host, of_host in groupby(sorted(processes, key=lambda one: one.host), key=lambda one: one.host):
        every = list(of_host)
        silent = [one for one in every if one.is_silent]
        if not silent:
            continue
        last = max(silent, key=lambda one: one.heard_at)
        roles = {one.role for one in silent}
        what = " and ".join(sorted(roles))
        is_whole = not any(one.is_heard for one in every)
        title = f"Host {host} is silent" if is_whole else f"The {what} on {host} is silent"
        detail = f"nothing was heard of {f'its {what}' if is_whole else 'it'} since {_moment(last.heard_at, last.silent_seconds)}."
        if others := sorted({one.host for one in processes if one.is_heard and one.role in roles} - {host}):
            detail += f" {' and '.join(others)} {'does' if len(others) == 1 else 'do'} what it did."
        yield HostFinding(f"host {host}", title, detail, _START + (_OR_FORGET if others else ""))


def _of_held_back(processes: Iterable[HostProcess]) -> Iterator[HostFinding]:
    for one in processes:
        if one.is_heard and one.state == HELD_BACK:
            detail = f"{one.problem or 'something of its host is wrong'}."
            yield HostFinding(f"{one.role} {one.host}", f"The {one.role} on {one.host} takes no part", detail, "")


def _of_other_code(processes: Sequence[HostProcess]) -> Iterator[HostFinding]:
    """Of workers beside the daemon's code, where there are any: runs are given to workers of the daemon's code."""
    daemon = next((one for one in processes if one.role == DAEMON and one.is_heard and one.state == WORKS), None)
    workers = [one for one in processes if one.role == WORKER and one.is_heard and one.state == WORKS]
    if daemon is None or not (others := sorted({one.host for one in workers if one.code != daemon.code})):
        return
    is_grave = all(one.code != daemon.code for one in workers)
    detail = f"it is not that of Dagster's daemon on {daemon.host} ({daemon.code}), so "
    detail += "no worker takes its runs and they wait." if is_grave else "they take no runs of it."
    yield HostFinding("code", f"Other code or declarations on {', '.join(others)}", detail, _SAME_CODE, is_grave)


def _moment(moment: datetime, seconds: float) -> str:
    return f"{moment:%H:%M:%S} UTC, {seconds:.0f} s ago" if seconds < 3600 else f"{moment:%Y-%m-%d %H:%M} UTC"
