"""What ``benchmarks.scale`` measures: what work costs, then a part of the plan as it really runs, with Dagster's daemon."""

import gc
import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dagster as dg
import psutil
import sqlalchemy as sa

from benchmarks.load import most_in_a_minute
from benchmarks.scale_ground import Ground, clocked, running_ground, without_limits
from benchmarks.scale_plan import TABS, Cost, Costs, Plan, costs_of_rounds
from benchmarks.stack import Stack
from sheets_pipeline.database.quota import DatabaseQuota, sync_quota_slot
from sheets_pipeline.embedded.services import ensure_services
from sheets_pipeline.processes.family import end_family
from sheets_pipeline.runs.stay import IDLE_SECONDS
from sheets_pipeline.settings import load_settings

#: Spreadsheets and submissions of the rounds from which costs are told.
_FEW, _EACH = 10, 12

_LOOKS = 200
_DRAIN_SECONDS, _START_SECONDS = 150.0, 300.0

#: The first run ends, and the process for the next one makes itself ready.
_SETTLE_SECONDS = IDLE_SECONDS + 8.0

#: So long nothing comes in: each sensor and heartbeat has its turn, the rarest once.
_IDLE_SECONDS = 60.0

#: Parts of the stack that do a run's work; runs that have ended are counted by the process that they were forked from.
_RUNS = ("warm process", "run")


def measure(plan: Plan, seconds: float, latency_seconds: float) -> dict[str, Any]:
    """Costs, and what the plan did while submissions came in for so long; as JSON.

    Raises:
        RuntimeError: A sync failed.
    """
    with running_ground(plan, latency_seconds) as ground:
        learners = _learners(plan)
        with without_limits():
            fill = _full_sync(ground)
        print(f"filled in {fill['seconds']:.0f} s", flush=True)
        costs, rounds = _costs(ground, learners, latency_seconds)
        real, standing = _real_run(ground, learners, seconds)
        costs = replace(costs, standing=standing)
    print(costs, flush=True)
    print(real | {"lags": len(real["lags"])}, flush=True)
    return {"fill": fill, "rounds": rounds, "costs": costs, "real": real}


def _learners(plan: Plan) -> list[tuple[int, int]]:
    """Spreadsheet and row of each, in an order by chance; none is submitted for twice, so that its cells tell which it was."""
    places = [(spreadsheet, row) for spreadsheet in range(plan.spreadsheets) for row in range(plan.rows)]
    random.Random(7).shuffle(places)
    return places


# Costs -----------------------------------------------------------------------------------------------------------------


def _costs(
    ground: Ground, learners: list[tuple[int, int]], latency_seconds: float
) -> tuple[Costs, dict[str, dict[str, float]]]:
    number, few = ground.plan.spreadsheets, min(_FEW, ground.plan.spreadsheets // 2)
    _round(ground, learners, range(few), 1)  # not counted: everything has been imported and prepared after it
    gc.collect()
    gc.freeze()  # as the process does that runs are forked from; this one has more to look through
    rounds = {
        "few": _round(ground, learners, range(few), 1),
        "many": _round(ground, learners, range(number), 1),
        "submitted": _submitted(ground, learners, range(number), _EACH),
        "full": _handled(ground),
        "nothing changed": _full_sync(ground),
    }
    look = _look(ground)
    measured = {name: _cost(one) - look * one["looks"] for name, one in rounds.items()}
    of_round, spreadsheet, submission = costs_of_rounds(
        measured["few"], few, measured["many"], number, measured["full"], _EACH
    )
    full = measured["nothing changed"] * (1 / number)
    reads, writes = ((rounds["many"][kind] + rounds["full"][kind]) / (2 * number) for kind in ("reads", "writes"))
    of_submitting = measured["submitted"] * (1 / (number * _EACH))
    commit = replace(of_submitting, pipeline=0.0)  # what submits is no part of the pipeline
    return Costs(of_round, spreadsheet, submission, look, full, latency_seconds, reads, writes, commit), rounds


def _cost(clocked: dict[str, float]) -> Cost:
    return Cost(clocked["pipeline"], clocked["database"], clocked["transactions"])


def _full_sync(ground: Ground) -> dict[str, float]:
    from sheets_pipeline.cli.run_sync import run_sync  # loads the declarations, which the ground has made

    with _looks_counted() as looks, clocked(ground) as result:
        done = run_sync([], None)
    result["looks"] = looks.total()
    if done["status"] != "success":
        raise RuntimeError(f"The full sync failed: {done}")
    return result


def _round(ground: Ground, learners: list[tuple[int, int]], spreadsheets: range, each: int) -> dict[str, float]:
    """A round of events: so many submissions in each of these spreadsheets."""
    _submitted(ground, learners, spreadsheets, each)
    return _handled(ground)


def _submitted(ground: Ground, learners: list[tuple[int, int]], spreadsheets: range, each: int) -> dict[str, float]:
    """So many submissions in each of these spreadsheets, by the application."""
    wanted = dict.fromkeys(spreadsheets, each)
    places = []
    for place in list(learners):
        if wanted.get(place[0]):
            wanted[place[0]] -= 1
            places.append(place)
            learners.remove(place)
        if not any(wanted.values()):
            break
    with clocked(ground) as result:
        ground.submit([ground.learner(*place) for place in places], 1)
    return result | {"looks": 0}


def _handled(ground: Ground) -> dict[str, float]:
    """All that is pending, shown by one round."""
    from sheets_pipeline.cli.run_events import run_events

    with _looks_counted() as looks, clocked(ground) as result:
        done = run_events()
    result["looks"] = looks.total()
    if done["status"] != "success" or done["still_pending"]:
        raise RuntimeError(f"The event sync failed: {done}")
    return result


@contextmanager
def _looks_counted() -> Iterator[Counter[bool]]:
    """Looks at the budget while there is no room, of this process: rounds keep to the quota, as a process that is at work all
    the time pays more for the same, and these looks are told apart."""
    looks, ask = Counter[bool](), DatabaseQuota._ask

    def counted(self: DatabaseQuota, *args: Any) -> tuple[int, float]:
        slot, pause = ask(self, *args)
        looks.update([True] if pause else [])
        return slot, pause

    DatabaseQuota._ask = counted  # type: ignore[method-assign,assignment]
    try:
        yield looks
    finally:
        DatabaseQuota._ask = ask  # type: ignore[method-assign]


def _look(ground: Ground) -> Cost:
    """Of a look at the budget: half of what a request costs, which looks once and says how it ended."""
    quota = DatabaseQuota(ground.engine, "costs", reads_per_minute=100_000, writes_per_minute=100_000)
    with clocked(ground) as result:
        for _ in range(_LOOKS):
            with quota.slot("read"):
                pass
    return _cost(result) * (1 / _LOOKS / 2)


# The real run ----------------------------------------------------------------------------------------------------------


class _Shown:
    """When Local Sheets changed which rows of which spreadsheet, in all four tabs."""

    def __init__(self, ground: Ground) -> None:
        self._numbers = {one: number for number, one in enumerate(ground.spreadsheet_ids)}
        self._ground = ground
        self.writes: list[float] = []
        self.committed: dict[tuple[int, int], float] = {}
        self.shown: dict[tuple[int, int], float] = {}
        self._tabs: dict[tuple[int, int], int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def waiting(self) -> int:
        """Submissions that are not shown yet."""
        return len(self.committed) - len(self.shown)

    def forget(self) -> None:
        """Begin anew."""
        for seen in (self.committed, self.shown, self.writes):
            seen.clear()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()

    def _follow(self) -> None:
        connection = http.client.HTTPConnection(self._ground.sheets.endpoint.removeprefix("http://"), timeout=300)
        connection.request("GET", "/_local/events?kinds=change")
        stream = connection.getresponse()
        while not self._stop.is_set():
            line = stream.readline()
            if line.startswith(b"data:"):
                self._note(json.loads(line[5:]))
        connection.close()

    def _note(self, change: dict[str, Any]) -> None:
        now, spreadsheet = time.time(), self._numbers.get(change["spreadsheetId"])
        if spreadsheet is None:
            return
        self.writes.append(now)
        for tab in change["sheets"]:
            rows = {row for first, end, _, _ in tab["ranges"] for row in range(first, end)}
            for row in rows:
                place = (spreadsheet, row - 1)  # below the header
                if place in self.committed and place not in self.shown:
                    self._tabs[place] = self._tabs.get(place, 0) + 1
                    if self._tabs[place] >= TABS:
                        self.shown[place] = now


def _real_run(ground: Ground, learners: list[tuple[int, int]], seconds: float) -> tuple[dict[str, Any], Cost]:
    """What happened, and what a second costs in which nothing does."""
    settings = load_settings()
    stack = Stack(ground.folder, settings, ensure_services(settings))
    _no_fill_is_due(ground)
    _forget_requests(ground)
    shown = _Shown(ground)
    try:
        stack.start_daemon()
        _wait_for_runs(ground, learners, shown)
        standing = _standing(ground, stack)
        _forget_requests(ground)
        ground.sheets.reset_stats()
        before, used, began = ground.processor_seconds(), _seconds_of(stack), time.time()
        transactions = ground.transactions()
        shown.forget()
        _submit(ground, learners, shown, seconds)
        totals = ground.sheets.stats()["totals"]
        took = time.time() - began
        after = ground.processor_seconds()
        real = {
            "seconds": took,
            "submissions": len(shown.committed),
            "lags": sorted(at - shown.committed[place] for place, at in shown.shown.items()),
            "reads": totals["reads"],
            "writes": totals["writes"],
            "most_writes_in_a_minute": most_in_a_minute(shown.writes),
            "database": after["database"] - before["database"],
            "transactions": ground.transactions() - transactions,
            "pipeline": _seconds_of(stack) - used,
        }
        return real, standing
    finally:
        shown.close()
        end_family(stack.mark, [one.pid for one in (stack.daemon, stack.code_server) if one])


def _standing(ground: Ground, stack: Stack) -> Cost:
    """Of a second in which nothing comes in, while all run that is needed where something does."""
    used = _seconds_of(stack)
    with clocked(ground) as result:
        time.sleep(_IDLE_SECONDS)
    cost = Cost(_seconds_of(stack) - used, result["database"], result["transactions"])
    return cost * (1 / result["seconds"])


def _submit(ground: Ground, learners: list[tuple[int, int]], shown: _Shown, seconds: float) -> None:
    """Submissions at an even pace, then time until they are shown."""
    began, number = time.time(), round(seconds * ground.plan.per_second)
    with ground.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        update = sa.text("update learner set score = 2, at = now() where id = :id")
        for count in range(number):
            time.sleep(max(0.0, began + count / ground.plan.per_second - time.time()))
            place = learners.pop()
            shown.committed[place] = time.time()
            connection.execute(update, {"id": ground.learner(*place)})
    end = time.monotonic() + _DRAIN_SECONDS
    while shown.waiting() and time.monotonic() < end:
        time.sleep(0.2)


def _wait_for_runs(ground: Ground, learners: list[tuple[int, int]], shown: _Shown) -> None:
    """Until a submission is shown by a run that the daemon has started, and nothing waits."""
    place = learners.pop()
    shown.committed[place] = time.time()
    ground.submit([ground.learner(*place)], 2)
    end = time.monotonic() + _START_SECONDS
    while shown.waiting():
        if time.monotonic() > end:
            raise RuntimeError(f"Nothing was shown; see {ground.folder / 'daemon.log'}.")
        time.sleep(0.1)
    time.sleep(_SETTLE_SECONDS)


def _no_fill_is_due(ground: Ground) -> None:
    """The spreadsheets are known and full: their sensor has nothing to ask for."""
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("courses", [str(number) for number in range(ground.plan.spreadsheets)])


def _forget_requests(ground: Ground) -> None:
    """Requests of what was measured before take nothing of the minute's quota."""
    with ground.engine.begin() as connection:
        connection.execute(sa.delete(sync_quota_slot))


def _seconds_of(stack: Stack) -> float:
    """Processor seconds of runs, those that have ended among them."""
    total = 0.0
    for part, processes in stack.parts().items():
        for process in processes if part in _RUNS else ():
            try:
                total += sum(process.cpu_times()[:4])
            except psutil.Error:
                continue  # it ended meanwhile, and is counted by its parent
    return total
