"""Event syncs of many spreadsheets, simulated: things happen at moments of a clock that nobody waits for.

What decides is the pipeline's own code: the budgets of credentials and projects (``DatabaseQuota``, in a database whose clock
is this one), the governor, whose turn a spreadsheet is, how many are at work at once, how many events a round takes. Work
takes what was measured: of processor time, one at a time in each process; of requests, their latency.
"""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from benchmarks.scale_plan import PER_CREDENTIAL, PER_PROJECT, Cost, Costs, Plan
from sheets_pipeline.database.events import POLL_SECONDS
from sheets_pipeline.database.quota import _ANSWERED, _SENT, BULK, URGENT, DatabaseQuota, Kind, ProjectQuota
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.defs.event_sync import _TICK_SECONDS
from sheets_pipeline.runs import governor
from sheets_pipeline.runs.event_round import EVENTS_PER_ROUND
from sheets_pipeline.runs.job_pool import _SPREADSHEETS_AT_ONCE, in_turns
from sheets_pipeline.runs.parts import part_of
from sheets_pipeline.runs.stay import LONGEST_SECONDS, stays_until

#: A run is forked from a warm process, and Dagster sets it up. Source: docs/measured/benchmarks-latency.md
_RUN_START_SECONDS = 0.5

#: Of a spreadsheet's processor time: until its read is sent, until its write is sent, after that.
_BEFORE, _BETWEEN, _AFTER = 0.4, 0.3, 0.3

_DAY = 86_400.0

#: Spreadsheets at work beside each other, in one run.
AT_ONCE = _SPREADSHEETS_AT_ONCE

#: What happens gives the seconds until it goes on.
Steps = Generator[float, None, None]


class Clock:
    """Moments in order; ``now`` is the one at which something happens."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Steps]] = []
        self._number = 0

    def start(self, steps: Steps, after: float = 0.0) -> None:
        """Have this happen, from so many seconds on."""
        self._number += 1
        heapq.heappush(self._due, (self.now + after, self._number, steps))

    def run(self, until: Callable[[], bool]) -> None:
        """Let things happen until that is so, or nothing is left."""
        while self._due and not until():
            self.now, _, steps = heapq.heappop(self._due)
            try:
                self.start(steps, next(steps))
            except StopIteration:
                continue


class Processor:
    """Of one process: works for one at a time, in the order in which they ask."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._free_at = clock, 0.0
        self.worked = 0.0

    def work(self, seconds: float) -> float:
        """Seconds until so much work, asked for now, is done."""
        self._free_at = max(self._clock.now, self._free_at) + seconds
        self.worked += seconds
        return self._free_at - self._clock.now


@dataclass
class Outcome:
    """What came of it, from when on it counts."""

    counted_from: float
    seconds: float = 0.0
    lags: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)
    requests: Counter[tuple[Kind, int]] = field(default_factory=Counter)
    #: By the pipeline, and by the application for what it submits.
    spent: Cost = field(default_factory=Cost)
    application: Cost = field(default_factory=Cost)
    made_way_seconds: float = 0.0


@dataclass(frozen=True)
class Setting:
    """How it is run.

    Attributes:
        seconds: Submissions of so long count ...
        counted_from: ... from this moment on; it ends once they are shown.
        goes_on: Whether more of them come in after that.
        work_share: SYNC_WORK_SHARE.
        interval_seconds: SYNC_INTERVAL_SECONDS; no full sync for None.
        event_runs: SYNC_EVENT_RUNS.
    """

    seconds: float = 600.0
    counted_from: float = 0.0
    goes_on: bool = True
    work_share: float = 1.0
    interval_seconds: float | None = None
    event_runs: int = 1


class _Part:
    """The event syncs of one part of the spreadsheets, one run after the other: what waits for them, and their process."""

    def __init__(self, clock: Clock) -> None:
        self.pending: deque[tuple[float, int]] = deque()
        self.processor = Processor(clock)
        self.at_work = 0
        self.quota_waits = self.round_seconds = 0.0


class Simulation:
    """One plan, run one way."""

    def __init__(self, plan: Plan, costs: Costs, setting: Setting, seed: int = 1) -> None:
        self.plan, self.costs, self.setting = plan, costs, setting
        self.clock, self.outcome = Clock(), Outcome(setting.counted_from)
        self._engine = _database_with(self.clock)
        self._connection = self._engine.connect()
        self._to_come = _submissions(plan, None if setting.goes_on else setting.counted_from + setting.seconds, seed)
        self._parts = [_Part(self.clock) for _ in range(setting.event_runs)]
        self._part_of = [self._parts[part_of(f"{n}", setting.event_runs).number] for n in range(plan.spreadsheets)]
        self._left = round(setting.seconds * plan.per_second)
        self._chance = random.Random(seed)
        self._idle_seconds = 0.0

    def run(self) -> Outcome:
        """Let it happen."""
        for part in self._parts:
            self.clock.start(self._event_syncs(part))
        if self.setting.interval_seconds is not None:
            self.clock.start(self._full_syncs())
        self.clock.run(until=lambda: self._left <= 0)
        self._connection.close()
        self._engine.dispose()
        self.outcome.seconds = self.clock.now - self.setting.counted_from
        self.outcome.spent = self.outcome.spent + self.costs.standing * self._standing_seconds()
        self.outcome.application = self.costs.commit * len(self.outcome.lags)
        return self.outcome

    def _standing_seconds(self) -> float:
        """So many seconds of what is done while nothing comes in: to look for events, one transaction each, is a part of it that
        falls away while some are pending."""
        looks = min(1.0, 1 / POLL_SECONDS / max(1.0, self.costs.standing.transactions))
        return self.outcome.seconds * (1 - looks) + self._idle_seconds * looks

    # Event syncs: the sensor, runs, rounds

    def _event_syncs(self, part: _Part) -> Steps:
        """One run after the other; each stays while events keep coming."""
        while (first := self._until_pending(part)) is not None:
            yield self._looked_for(first)  # the sensor waits in its tick
            next_tick = self.clock.now + _TICK_SECONDS
            yield _RUN_START_SECONDS
            while True:
                yield from self._round(part)
                last_event = self.clock.now
                rested = yield from self._make_way(part)
                if rested:
                    if self.clock.now > next_tick + LONGEST_SECONDS:
                        break
                    continue
                left = stays_until(next_tick, last_event) - self.clock.now
                ahead = self._until_pending(part)
                if ahead is None or left <= 0 or ahead > left:
                    break
                yield self._looked_for(ahead)

    def _looked_for(self, seconds: float) -> float:
        """Seconds in which nothing is pending for a part, and somebody looks all the time whether something is."""
        counted = self.clock.now + seconds - max(self.clock.now, self.setting.counted_from)
        self._idle_seconds += max(0.0, counted) / len(self._parts)
        return seconds

    def _until_pending(self, part: _Part) -> float | None:
        """Seconds until a submission is pending; None where no more come."""
        while not part.pending:
            if (following := next(self._to_come, None)) is None:
                return None
            self._part_of[following[1]].pending.append(following)
        return max(0.0, part.pending[0][0] - self.clock.now)

    def _take(self, part: _Part) -> dict[int, list[float]]:
        """What is pending now: when it was committed, by spreadsheet."""
        due: dict[int, list[float]] = {}
        for _ in range(EVENTS_PER_ROUND):
            if (ahead := self._until_pending(part)) is None or ahead > 0:
                break
            committed_at, spreadsheet = part.pending.popleft()
            due.setdefault(spreadsheet, []).append(committed_at)
        return due

    def _round(self, part: _Part) -> Steps:
        began, due = self.clock.now, self._take(part)
        taken = sum(map(len, due.values()))
        looks = 1 if self.setting.event_runs == 1 else 2  # once more, to tell whose an event is
        yield self._spend(part.processor, self.costs.round + self.costs.submission * (looks * taken))
        waiting = in_turns([[self._job(number)] for number in sorted(due)])
        part.quota_waits = 0.0
        part.at_work = _SPREADSHEETS_AT_ONCE
        for _ in range(_SPREADSHEETS_AT_ONCE):
            self.clock.start(self._place(part, waiting, due))
        while part.at_work:
            yield 0.02
        part.round_seconds = self.clock.now - began
        if self.clock.now >= self.setting.counted_from:
            self.outcome.rounds.append(part.round_seconds)

    def _make_way(self, part: _Part) -> Generator[float, None, bool]:
        """What the governor says after a round."""
        situation = governor.Situation(
            worked_seconds=max(0.0, part.round_seconds - part.quota_waits),
            work_share=governor.share_of_each(self.setting.work_share, self.setting.event_runs),
            interval_seconds=self.setting.interval_seconds or _DAY,
            events_per_second=self.plan.per_second,
        )
        seconds = governor.decide(situation).seconds
        self.outcome.made_way_seconds += seconds
        yield seconds
        return bool(seconds)

    def _job(self, number: int) -> Any:
        """What ``in_turns`` looks at."""
        credential = SimpleNamespace(name=f"robot{number % self.plan.credentials}")
        return SimpleNamespace(
            number=number, target=SimpleNamespace(spreadsheet=SimpleNamespace(credential=credential))
        )

    def _place(self, part: _Part, waiting: Iterator[list[Any]], due: dict[int, list[float]]) -> Steps:
        for [job] in waiting:
            waited = yield from self._write(part.processor, job.number, due[job.number])
            part.quota_waits = max(part.quota_waits, waited)
        part.at_work -= 1

    def _write(self, processor: Processor, number: int, committed: list[float]) -> Generator[float, None, float]:
        """One spreadsheet: computes and reads, plans and writes, notes; returns the seconds waited for quota."""
        cost, waited = self.costs.spreadsheet, 0.0
        yield self._spend(processor, cost * _BEFORE)
        for _ in range(self._times(self.costs.reads)):
            waited += yield from self._request("read", number, URGENT, processor)
        yield self._spend(processor, cost * _BETWEEN)
        for _ in range(self._times(self.costs.writes)):
            waited += yield from self._request("write", number, URGENT, processor)
        until = self.setting.counted_from + self.setting.seconds
        lags = [self.clock.now - at for at in committed if self.setting.counted_from <= at < until]
        self.outcome.lags += lags
        self._left -= len(lags)
        yield self._spend(processor, cost * _AFTER)
        return waited

    def _times(self, mean: float) -> int:
        """A whole number, so that in the long run it is this one."""
        return int(mean) + (self._chance.random() < mean % 1)

    # Full syncs, in a process of their own

    def _full_syncs(self) -> Steps:
        processor = Processor(self.clock)
        while True:
            began, numbers = self.clock.now, iter(range(self.plan.spreadsheets))
            left = [_SPREADSHEETS_AT_ONCE]

            def place(numbers: Iterator[int] = numbers, left: list[int] = left) -> Steps:
                for number in numbers:
                    yield self._spend(processor, self.costs.full)
                    yield from self._request("read", number, BULK, processor)
                left[0] -= 1

            for _ in range(_SPREADSHEETS_AT_ONCE):
                self.clock.start(place())
            while left[0]:
                yield 1.0
            yield max(0.0, began + (self.setting.interval_seconds or _DAY) - self.clock.now)

    # What both need

    def _request(self, kind: Kind, number: int, priority: int, processor: Processor) -> Generator[float, None, float]:
        """Wait for room in the budgets, then for the answer; returns the seconds waited for room."""
        credential = number % self.plan.credentials
        project = f"team-{credential * self.plan.projects // self.plan.credentials}"
        quota = DatabaseQuota(
            self._engine,
            f"robot{credential}",
            reads_per_minute=PER_CREDENTIAL,
            writes_per_minute=PER_CREDENTIAL,
            priority=priority,
            project=ProjectQuota(project, {"read": PER_PROJECT, "write": PER_PROJECT}),
        )
        began, slot = self.clock.now, None
        while True:
            slot, pause = quota._ask(kind, _SENT, slot, self._connection)
            if not pause:
                break
            yield pause + self._spend(processor, self.costs.look)
        waited = self.clock.now - began
        if self.clock.now >= self.setting.counted_from:
            self.outcome.requests[kind, priority] += 1
        yield self.costs.latency_seconds
        quota._change(self._connection, slot, _ANSWERED)
        return waited

    def _spend(self, processor: Processor, cost: Cost) -> float:
        """Seconds until this work is done: its process's, and the database's for it."""
        if self.clock.now >= self.setting.counted_from:
            self.outcome.spent = self.outcome.spent + cost
        return processor.work(cost.pipeline) + cost.database


def _submissions(plan: Plan, until: float | None, seed: int) -> Iterator[tuple[float, int]]:
    """Moments and spreadsheets, in order; without end for None."""
    rng = random.Random(seed)
    for number in count():
        if until is not None and number >= round(until * plan.per_second):
            return
        yield number / plan.per_second, rng.randrange(plan.spreadsheets)


def _database_with(clock: Clock) -> sa.Engine:
    """A database in memory whose clock is this one."""
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)

    @sa.event.listens_for(engine, "connect")
    def tell_the_time(connection: Any, _: Any) -> None:
        connection.create_function("julianday", 1, lambda _: (clock.now + 1e9) / _DAY + 2440587.5)

    state_metadata.create_all(
        engine, [state_metadata.tables[name] for name in ("sync_quota_budget", "sync_quota_slot")]
    )
    return engine


def percentile(values: list[float], share: float) -> float:
    """Of values in any order; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
