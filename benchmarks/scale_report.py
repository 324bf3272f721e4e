"""The page of ``benchmarks.scale``."""

import math
from dataclasses import asdict
from typing import Any

from benchmarks.scale_plan import PER_CREDENTIAL, PER_PROJECT, TABS, Cost, Costs, Plan
from benchmarks.scale_simulation import Outcome, percentile

#: What was simulated is taken for right where it is not further off than this.
_WITHIN = 0.2

#: Of Google's quota, from which on more is to be asked for; below, a burst is written at once.
_ASK_FROM = 0.7

#: Of a host, and how far they are used.
_CORES, _USED = 2, 0.7

_PAGE = """# Scale

Made by `python -m benchmarks.scale` on {date}: {cores} cores ({processor}), Python {python}, load {load} at the start.

The plan: {plan.spreadsheets:,} spreadsheets of {tabs} tabs with {plan.rows:,} rows each, {plan.credentials} credentials in {plan.projects} Google
projects, {plan.per_second:g} submissions a second, each of which shows in a row of all {tabs} tabs of one spreadsheet. Google grants
{per_credential} requests a minute of each kind to a credential and {per_project} to a project: {granted:,} reads and {granted:,} writes a minute
here. An event sync costs a spreadsheet one of each, whatever it writes.

**What binds first: {binds}** {verdict}

## How it was found

A *discrete simulation* on this machine: a clock that nobody waits for, and around it the pipeline's own code: the budgets of credentials and
projects, the governor, whose turn a spreadsheet is ({places} at work at once), how many events a round takes, how long a run stays. It takes
from Google {latency:g} s for each answer, and for its work what was measured in the same run, on {part.spreadsheets} of the spreadsheets:

| work | processor of the run | processor of PostgreSQL | transactions |
|---|---:|---:|---:|
{costs}

In a round, a spreadsheet took {reads:.2f} reads and {writes:.2f} writes (1 where its four tabs keep step and share them).

## The plan, simulated

One installation is one database with all that is declared. Event syncs are at work beside each other, each for its part of the spreadsheets
([`SYNC_EVENT_RUNS`](../run/many-hosts.md#many-spreadsheets)); each is a process of its own, on whatever host. Lag is from the commit to the cells, in the steady state. *PostgreSQL* is what the
pipeline takes of it, beside the application. *Hosts* of two cores, used to 70 %, are what the runs take. With several, each submission is looked up once more, to
tell whose it is.

| event syncs | hosts | lag: median | p99 | a round of events | reads, writes a minute | of Google's quota | PostgreSQL | transactions a second |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|
{runs}

## Several installations

*Several* share nothing: each is a team's own, with its own database (whose events no other installation may take), spreadsheets,
credentials and Google projects; the figures are of all of them together, with one event sync each.

| installations | hosts | lag: median | p99 | a round of events | reads, writes a minute | of Google's quota | PostgreSQL | transactions a second |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|
{rows}

Full syncs every {interval:g} s run beside them and read each spreadsheet once: {full_hours:.1f} hours of a core for all {plan.spreadsheets:,}, if
nothing has changed. They go behind events and take what these leave: {bulk} reads a minute, in the order of the table.

{made_way}

## The check: a part of it, for real

{part.spreadsheets} spreadsheets with {part.rows:,} rows in each tab, {part.credentials} credentials, {part.per_second:g} submissions a second for {seconds:g} s from a standstill, then until all were shown: Dagster's
daemon, its runs, PostgreSQL and Local Sheets, which answers as late as Google, on these cores. The simulation of the same beside it.

| | measured | simulated | ratio | within 20 % |
|---|---:|---:|---:|---|
{check}

{shown:,} of {submissions:,} submissions were shown. The most writes in any 60 s were {most_writes} of {part_granted} granted.

## When to ask Google for more

- One spreadsheet costs a read and a write each time it is written. With S spreadsheets that change all the time and G requests granted a minute
  (the smaller of {per_credential} times the credentials and {per_project} times the projects), no round takes less than S / G minutes: a median lag of about
  that, and twice that for the slowest. {plan.spreadsheets:,} spreadsheets and {granted:,} a minute make {least:.0f} s.
- More credentials help up to five in a project ({per_project} / {per_credential}); then it takes another project, or
  [a higher quota](https://cloud.google.com/docs/quotas/help/request_increase), of *read requests* and of *write requests*, *per minute* and *per
  minute per user*. Tell the pipeline by `reads_per_minute` and `writes_per_minute` of a credential and `SHEETS_PROJECT_*_PER_MINUTE`.
- Ask once `sheets-pipeline queue status` shows `reads_last_minute` above {ask_from:.0%} of `reads_per_minute` in usual hours. While that is below and the
  queue's `oldest_seconds` grows, quota is not what is short: {then}
"""


def render(about: dict[str, Any], plan: Plan, part: Plan, measured: dict[str, Any], simulated: dict[str, Any]) -> str:
    """The whole page.

    Args:
        about: The machine.
        plan: What is planned for.
        part: What of it really ran.
        measured: As ``scale_run.measure`` gives it, with ``Costs``.
        simulated: ``check``: the part's outcome; ``plan``: number of installations → outcome of one of them; ``runs``:
            number of event syncs of one → outcome; ``shy``: such a number of installations, and of one that makes way for its application as it does unless told otherwise; ``interval``: between full syncs.
    """
    costs: Costs = measured["costs"]
    real, outcomes = measured["real"], simulated["plan"]
    number, shy = simulated["shy"]
    quota = {number: use_of_quota(plan, number, one) for number, one in outcomes.items()}
    of_runs = {number: use_of_quota(plan, 1, one) for number, one in simulated["runs"].items()}
    return _PAGE.format(
        **about,
        plan=plan,
        part=part,
        tabs=TABS,
        per_credential=PER_CREDENTIAL,
        per_project=PER_PROJECT,
        granted=plan.granted_per_minute,
        part_granted=part.granted_per_minute,
        places=simulated["places"],
        latency=costs.latency_seconds,
        reads=costs.reads,
        writes=costs.writes,
        binds=_binds(of_runs),
        verdict=_verdict(real, simulated["check"]),
        costs="\n".join(_costs(costs)),
        rows="\n".join(_row(number, number, one, quota[number]) for number, one in outcomes.items()),
        runs="\n".join(_row(number, 1, one, of_runs[number]) for number, one in simulated["runs"].items()),
        interval=simulated["interval"],
        full_hours=costs.full.pipeline * plan.spreadsheets / 3600,
        bulk=", ".join(f"{n * 60 * one.requests['read', 1] / one.seconds:.0f}" for n, one in outcomes.items()),
        made_way=_made_way(number, shy, outcomes),
        seconds=simulated["seconds"],
        check="\n".join(_check(real, simulated["check"])),
        shown=len(real["lags"]),
        submissions=real["submissions"],
        most_writes=real["most_writes_in_a_minute"],
        least=60 * plan.spreadsheets / plan.granted_per_minute,
        ask_from=_ASK_FROM,
        then="event syncs are. Set `SYNC_EVENT_RUNS` higher, and give them cores, as the table shows.",
    )


def use_of_quota(plan: Plan, installations: int, outcome: Outcome) -> float:
    """Share of the requests that Google grants, of the kind that is used most."""
    granted = plan.part(installations).granted_per_minute
    return max(_a_minute(outcome, kind) for kind in ("read", "write")) / granted


def _binds(quota: dict[int, float]) -> str:
    bound = [number for number, share in quota.items() if share >= 0.9]
    if quota[1] >= 0.9:
        return f"Google's quota, of which {quota[1]:.0%} is used."
    text = f"with one event sync that one process, not Google's quota, of which it uses {quota[1]:.0%}."
    if bound:
        return f"{text} With {min(bound)} event syncs it is Google's quota ({quota[min(bound)]:.0%})."
    return f"{text} With {max(quota)} it is {quota[max(quota)]:.0%}."


def _costs(costs: Costs) -> list[str]:
    named = {
        "a round of events, whatever it touches": costs.round,
        "each spreadsheet in it (all four tabs)": costs.spreadsheet,
        "each further submission in it": costs.submission,
        "a look at the budget while there is no room": costs.look,
        "a spreadsheet in a full sync that changes nothing": costs.full,
        "a second in which nothing comes in: daemon, sensors, heartbeats": costs.standing,
        "a submission by the application, with our triggers (in the check alone)": costs.commit,
    }
    return [
        f"| {name} | {1000 * one.pipeline:.1f} ms | {1000 * one.database:.1f} ms | {one.transactions:.1f} |"
        for name, one in named.items()
    ]


def _row(name: int, installations: int, one: Outcome, quota: float) -> str:
    spent = one.spent * (installations / one.seconds)
    rounds = sum(one.rounds) / len(one.rounds) if one.rounds else 0.0
    return (
        f"| {name} | {hosts(spent)} | {percentile(one.lags, 0.5):.0f} s | {percentile(one.lags, 0.99):.0f} s | {rounds:.0f} s | "
        f"{installations * _a_minute(one, 'read'):,.0f}, {installations * _a_minute(one, 'write'):,.0f} | {quota:.0%} | "
        f"{spent.database:.2f} cores | {spent.transactions:,.0f} |"
    )


def hosts(spent: Cost) -> int:
    """How many it takes, by what is spent in a second."""
    return max(1, math.ceil(spent.pipeline / (_CORES * _USED)))


def _a_minute(outcome: Outcome, kind: str) -> float:
    number = sum(count for (of, _), count in outcome.requests.items() if of == kind)
    return 60 * number / outcome.seconds


def _made_way(number: int, shy: Outcome, outcomes: dict[int, Outcome]) -> str:
    return (
        f"`SYNC_WORK_SHARE` is 1 in this table: no round makes way for the application. Left at its default of 0.05, as "
        f"suits a database that shares its cores, the median with {number} installations is {percentile(shy.lags, 0.5):.0f} s instead of "
        f"{percentile(outcomes[number].lags, 0.5):.0f} s."
    )


def _verdict(real: dict[str, Any], outcome: Outcome) -> str:
    near = [is_near(was, said) for _, was, said, *_ in compared(real, outcome)]
    if all(near):
        return "The check below holds: all figures are within 20 %."
    return (
        f"**But the check below failed: {near.count(False)} of {len(near)} figures are more than 20 % off.** Costs and run were measured "
        "minutes apart, so a machine on which much else runs spoils it; the figures of this page are then no more than a direction."
    )


def _check(real: dict[str, Any], outcome: Outcome) -> list[str]:
    return [
        f"| {name} | {was:,.{digits}f}{unit} | {said:,.{digits}f}{unit} | {said / was if was else 0:.2f} | "
        f"{'yes' if is_near(was, said) else '**no**'} |"
        for name, was, said, digits, unit in compared(real, outcome)
    ]


def compared(real: dict[str, Any], outcome: Outcome) -> list[tuple[str, float, float, int, str]]:
    """Name, measured, simulated, digits, unit."""
    spent = outcome.spent + outcome.application
    return [
        ("lag, median", percentile(real["lags"], 0.5), percentile(outcome.lags, 0.5), 1, " s"),
        ("lag, p99", percentile(real["lags"], 0.99), percentile(outcome.lags, 0.99), 1, " s"),
        ("reads", real["reads"], sum(n for (kind, _), n in outcome.requests.items() if kind == "read"), 0, ""),
        ("writes", real["writes"], sum(n for (kind, _), n in outcome.requests.items() if kind == "write"), 0, ""),
        ("transactions of PostgreSQL", real["transactions"], spent.transactions, 0, ""),
        ("processor of the runs", real["pipeline"], spent.pipeline, 0, " s"),
        ("processor of PostgreSQL", real["database"], spent.database, 0, " s"),
    ]


def is_near(was: float, said: float) -> bool:
    """Whether what was simulated is within 20 % of what was measured."""
    return bool(was) and abs(said / was - 1) <= _WITHIN


def as_json(measured: dict[str, Any]) -> dict[str, Any]:
    """What was measured, to be kept."""
    return measured | {"costs": asdict(measured["costs"])}


def from_json(kept: dict[str, Any]) -> dict[str, Any]:
    """The same, from what was kept."""
    costs: dict[str, Any] = {name: Cost(**one) if isinstance(one, dict) else one for name, one in kept["costs"].items()}
    return kept | {"costs": Costs(**costs)}
