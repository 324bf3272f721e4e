"""Job ``event_sync`` and sensor ``pending_events``: the rows that pending events touch, soon after the commit.

The run takes whatever is pending when it starts, and deletes events only once every tab they touch has been written.

Dagster starts a tick of a sensor every 5 s. So the sensor waits inside its tick for the next event, and the run that it
asked for stays at least until the next tick has begun: there is always somebody who looks. While events keep coming, it
stays and writes them (``runs/stay.py``).
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any

import dagster as dg

from sheets_pipeline.components.tab_asset import is_refreshed_by_events
from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG
from sheets_pipeline.dagster_runtime.connections import shared
from sheets_pipeline.dagster_runtime.instigators import carry_over_off, switched_off
from sheets_pipeline.database import event_parts, events
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import CONSOLE, RUN_CONFIG
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import gate, governor
from sheets_pipeline.runs.event_round import sync_due_events, tabs_to_write_anew
from sheets_pipeline.runs.failures import explained
from sheets_pipeline.runs.loaded_code import differs_from_disk
from sheets_pipeline.runs.parts import PART_TAG, Part, part_in, part_of
from sheets_pipeline.runs.placing import place_events, place_plain_events
from sheets_pipeline.runs.run_tags import OTHERS_TAG, add_missing, run_tags
from sheets_pipeline.runs.settling import Round
from sheets_pipeline.runs.stay import LONGEST_SECONDS, stays_until
from sheets_pipeline.runs.switches import EVENT_SENSOR, FORMER_EVENT_SENSOR, enabled_tabs
from sheets_pipeline.runs.tick_wait import TickWait

#: After a failed run, the next one waits 5, 10, 20 ... seconds, at most this long; the circuit breaker waits longer.
_LONGEST_PAUSE_SECONDS = 60

#: Dagster's sensor daemon starts ticks this far apart; one that lasted longer would miss its next turn.
_TICK_SECONDS = 5.0
_tick_wait = TickWait(_TICK_SECONDS, most_seconds=4.6)

#: Run tag: when the next tick has begun for sure (seconds since 1970).
_NEXT_TICK_TAG = "sheets_pipeline/next_tick"

#: While a run is under way and events are pending, the sensor looks whether it has ended: at first this often, then ever
#: less, as it may rest.
_FIRST_LOOK_SECONDS, _LOOKS_GROW, _LAST_LOOK_SECONDS = 0.05, 1.25, 0.25

#: With several parts, the sensor looks this often who is at work, and places what has come.
_PARTS_LOOK_SECONDS = 0.2

#: A run for a part looks this often for events, in a queue that holds those of other parts, too.
_PART_POLL_SECONDS = 0.1

#: Reasons listed in a run's metadata.
_LISTED = 20


@dg.op(description="Writes the rows that pending events touch, tab by tab, then deletes the events.")
def sync_pending_events(context: dg.OpExecutionContext, pipeline: PipelineResource) -> Iterator[Any]:
    """Take all that is pending now; an error in one tab does not keep the others from being written.

    Gives the materializations itself: what is only logged is lost where the step fails.
    """
    opened = pipeline.opened()
    add_missing(context.instance, context.run, run_tags(opened, others=OTHERS_TAG in context.run.tags))
    next_tick = min(float(context.run.tags.get(_NEXT_TICK_TAG, 0)), time.time() + 2 * _TICK_SECONDS)  # clocks differ
    if not next_tick and (reason := why_none_are_taken(opened)):  # the sensor has asked
        context.log.warning(reason)
        yield dg.Output(None)
        return
    told = partial(explained, context.instance, context.run.run_id, pipeline.opened)
    rounds, last_event = [Round()], time.time()
    while True:
        failure = _write_round(context, opened, rounds[-1], told)
        yield from rounds[-1].materializations
        if failure is not None:
            raise failure
        last_event = time.time() if rounds[-1].events else last_event
        with told():
            if not _is_another_wanted(context, opened, rounds[-1], next_tick, last_event):
                break
        rounds.append(Round())
    context.add_output_metadata(rounds_metadata(rounds))
    yield dg.Output(None)


def _write_round(
    context: dg.OpExecutionContext, opened: Pipeline, total: Round, told: Callable[[], AbstractContextManager[None]]
) -> dg.Failure | None:
    """Write what is due, which is added to ``total``; gives what failed, so that what did not is noted before."""
    others, part = OTHERS_TAG in context.run.tags, part_in(context.run.tags)
    try:
        with told():
            governor.wait_before_round(context, opened)
            if part:
                place_events(opened, context, total, part.of)
            sync_due_events(opened, context, total, others=others, part=part)
    except dg.Failure as error:
        return error
    return None


def _is_another_wanted(
    context: dg.OpExecutionContext, opened: Pipeline, last: Round, next_tick: float, last_event: float
) -> bool:
    """Whether the run goes on to another round; waits until there are events for it.

    A database that is away by now has no say in what has been written.
    """
    if not next_tick:  # started by hand: somebody waits for its end
        return False
    part = part_in(context.run.tags)
    try:
        if governor.wait_after_round(context, opened, last.seconds, last.busy_seconds, part):
            if time.time() > next_tick + LONGEST_SECONDS:
                return False
        elif not _wait_for_another(opened, last, stays_until(next_tick, last_event), part):
            return False
        reason = _why_no_other(context, opened)
    except gate.UNREACHABLE as error:
        context.log.info("No more events are waited for. %s", gate.in_one_line(error))
        return False
    if reason:
        context.log.info("Events are pending. %s", reason)
    return reason is None


def _wait_for_another(opened: Pipeline, last: Round, until: float, part: Part | None) -> bool:
    """Whether there are events before then."""
    if part and not last.events:  # another run places what has come
        time.sleep(_PART_POLL_SECONDS)
    poll, only = (_PART_POLL_SECONDS, part.events_to_look_at) if part else (events.POLL_SECONDS, ())
    left = until - time.time()
    return left > 0 and events.wait_for_event(opened.platform, left, poll_seconds=poll, only=only)


def _why_no_other(context: dg.OpExecutionContext, opened: Pipeline) -> str | None:
    """Why the events that wait are not for this run; None where they are."""
    instance, others = context.instance, OTHERS_TAG in context.run.tags
    origin = context.run.remote_job_origin
    if EVENT_SENSOR in switched_off(instance, origin.location_name if origin else None):
        return f"{EVENT_SENSOR} is switched off."
    if differs_from_disk():
        return "Declarations have changed: the next run takes them as they are now."
    if others and not gate.default_rests(instance, opened, "events", enabled_tabs(instance)):
        return "The default spreadsheet rests no more: the next run takes its events, too."
    return gate.reason_to_skip(instance, opened, "events", others=others)


def why_none_are_taken(opened: Pipeline) -> str | None:
    """Why there is nothing for event syncs to do, ever; None where there may be."""
    with opened.platform.connect() as connection:
        return events.why_none_are_taken(connection, are_expected=is_refreshed_by_events())


def rounds_metadata(rounds: Collection[Round]) -> dict[str, Any]:
    """What a run did, as metadata of its step."""
    reasons = {failure.reason: None for done in rounds for failure in done.failures}
    metadata: dict[str, Any] = {
        "events": sum(done.events for done in rounds),
        "cells": sum(report.cells for done in rounds for report in done.reports.values()),
        "events_set_aside": sum(done.set_aside for done in rounds),
    }
    if reasons:
        metadata["failures"] = list(reasons)[:_LISTED]
    return metadata


@dg.job(
    description="Writes the rows that pending events touch. Started by the sensor pending_events.",
    # The sensor asks again while events are pending, so Dagster need not.
    tags={"dagster/max_retries": "0", "sheets_pipeline/sync": "events", AT_ONCE_TAG: "true"},
    executor_def=dg.in_process_executor,
    logger_defs={"console": CONSOLE},
    config=RUN_CONFIG,
)
def event_sync() -> None:
    """One step: everything that is pending."""
    sync_pending_events()


@dg.sensor(
    job=event_sync,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for one event_sync run while events are pending and none is under way; for one of each part with SYNC_EVENT_RUNS.",
)
def pending_events(
    context: dg.SensorEvaluationContext, pipeline: PipelineResource
) -> dg.RunRequest | list[dg.RunRequest] | dg.SkipReason:
    """One run for all that is pending, while no such run is under way; waits for the first of them."""
    instance = shared(context)
    is_first = context.last_tick_completion_time is None
    if is_first and carry_over_off(instance, FORMER_EVENT_SENSOR, EVENT_SENSOR):
        return dg.SkipReason(f"Switched off, as {FORMER_EVENT_SENSOR} was, which this sensor was called before.")
    try:
        opened = pipeline.opened()
        if _is_divided(context, opened):
            return _wait_for_parts(instance, opened, opened.settings.sync_event_runs)
        return _wait_for_events(instance, opened)
    except gate.UNREACHABLE as error:
        return dg.SkipReason(gate.in_one_line(error))


def _wait_for_events(instance: dg.DagsterInstance, opened: Pipeline) -> dg.RunRequest | dg.SkipReason:
    started, until = time.time(), _tick_wait.begin(time.monotonic())
    look_again = _FIRST_LOOK_SECONDS
    if reason := why_none_are_taken(opened):
        return dg.SkipReason(reason)
    others = gate.default_rests(instance, opened, "events", enabled_tabs(instance))
    while tabs_to_write_anew(opened, instance, others=others) or events.wait_for_event(
        opened.platform, until - time.monotonic()
    ):
        if not instance.get_runs_count(dg.RunsFilter(job_name="event_sync", statuses=gate.UNDER_WAY)):
            break
        if time.monotonic() >= until:
            _tick_wait.has_waited()
            return dg.SkipReason("Events are pending; an event_sync run is under way.")
        time.sleep(min(look_again, max(0.0, until - time.monotonic())))
        look_again = min(look_again * _LOOKS_GROW, _LAST_LOOK_SECONDS)
    else:
        _tick_wait.has_waited()
        return dg.SkipReason("No events are pending.")
    if reason := gate.reason_to_skip(instance, opened, "events", others=others):
        return dg.SkipReason(f"Events are pending. {reason}")
    if (pause := pause_after_failures(instance)) > 0:
        return dg.SkipReason(f"Events are pending; the last run failed, the next starts in {pause:.0f} s.")
    return dg.RunRequest(tags=run_tags(opened, others=others) | {_NEXT_TICK_TAG: _next_look(started)})


def _next_look(started: float) -> str:
    """The value of the tag for a run that a tick asks for now."""
    return str(started + _tick_wait.seconds_to_next_look(time.monotonic()))


# Several beside each other, each for its part of the spreadsheets -------------------------------------------------------


def _is_divided(context: dg.SensorEvaluationContext, opened: Pipeline) -> bool:
    """Whether events are handed to several runs: that is wanted, and can be done."""
    if opened.settings.sync_event_runs == 1 or why_none_are_taken(opened):
        return False
    with opened.platform.connect() as connection:
        reason = event_parts.why_not_divided(connection)
    if reason:
        context.log.warning("One event sync for all, whatever SYNC_EVENT_RUNS says, as %s.", reason)
    return reason is None


def _wait_for_parts(instance: dg.DagsterInstance, opened: Pipeline, of: int) -> list[dg.RunRequest] | dg.SkipReason:
    """A run for each part that has something to do and none under way; what has come is placed meanwhile."""
    started, until = time.time(), _tick_wait.begin(time.monotonic())
    home = part_of(opened.spreadsheet.id, of)
    others = gate.default_rests(instance, opened, "events", enabled_tabs(instance))
    while (anew := tabs_to_write_anew(opened, instance, others=others)) or events.wait_for_event(
        opened.platform, until - time.monotonic()
    ):
        free = _parts_without_run(instance, opened, home, is_home_wanted=bool(anew))
        if free:
            break
        if time.monotonic() >= until:
            _tick_wait.has_waited()
            return dg.SkipReason("Events are pending; event_sync runs of their parts are under way.")
        time.sleep(min(_PARTS_LOOK_SECONDS, max(0.0, until - time.monotonic())))
    else:
        _tick_wait.has_waited()
        return dg.SkipReason("No events are pending.")
    reasons: dict[str, None] = {}
    requests: list[dg.RunRequest] = []
    for is_home in {part == home for part in free}:
        leaves_default = others if is_home else True
        if reason := gate.reason_to_skip(instance, opened, "events", others=leaves_default):
            reasons[f"Events are pending. {reason}"] = None
            continue
        for part in (one for one in free if (one == home) == is_home):
            tags = {PART_TAG: str(part)}
            if (pause := pause_after_failures(instance, tags)) > 0:
                reasons[f"Part {part}: the last run failed, the next starts in {pause:.0f} s."] = None
                continue
            tags |= run_tags(opened, others=leaves_default) | {_NEXT_TICK_TAG: _next_look(started)}
            requests.append(dg.RunRequest(tags=tags))
    return requests or dg.SkipReason(" ".join(reasons))


def _parts_without_run(
    instance: dg.DagsterInstance, opened: Pipeline, home: Part, *, is_home_wanted: bool
) -> list[Part]:
    """Parts that have something to do; none while a run of another division is under way, which is for all or ends soon."""
    filters = dg.RunsFilter(job_name="event_sync", statuses=gate.UNDER_WAY)
    under_way = [part_in(run.tags) for run in instance.get_runs(filters)]
    if any(part is None or part.of != home.of for part in under_way):
        return []
    with suppress(*gate.UNREACHABLE):  # a run tells what is wrong
        place_plain_events(opened, instance, home.of)
    with opened.platform.connect() as connection:
        due, are_left = event_parts.parts_due(connection, home.of)
    if is_home_wanted or (are_left and not under_way):
        due.add(home.number)
    return [part for part in (Part(number, home.of) for number in sorted(due)) if part not in under_way]


def pause_after_failures(instance: dg.DagsterInstance, tags: Mapping[str, str] | None = None) -> float:
    """Seconds to wait before the next run, by how many runs in a row have failed.

    The circuit breaker waits for several failures of the spreadsheet. Until then, and for failures that are none of its
    business (a lost lock, a worker that died), this keeps the sensor from asking again at once.
    """
    records = instance.get_run_records(dg.RunsFilter(job_name="event_sync", tags=tags), limit=7)
    failures = 0
    for record in records:
        if record.dagster_run.status != dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
    if not failures:
        return 0
    ended = records[0].end_time or records[0].update_timestamp.timestamp()
    pause = min(5 * 2.0 ** (failures - 1), _LONGEST_PAUSE_SECONDS)
    return max(0.0, ended + pause - time.time())
