"""Whether run history, ticks and records of syncs stay within bounds over a year of daily clean-ups.

One real run of each kind is made on Dagster's PostgreSQL storage and then copied in SQL, at the rates of a busy day
scaled down by ``--scale``; after each simulated day the pipeline's own clean-up runs as of that day. Prints the size of
the tables every 30 days, and what removing one run costs in our way and in Dagster's own.
"""

import argparse
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from benchmarks.own_postgres import own_postgres
from sheets_pipeline.dagster_runtime.storage_cleanup import Until, remove_runs
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.defs.retention import clean_up_all
from sheets_pipeline.settings import Settings

#: Per busy day: an event sync every 5 s, a full sync every 5 minutes, tabs written by both, ticks of the sensors.
EVENT_RUNS, FULL_RUNS, SYNCS_PER_EVENT_RUN, SYNCS_PER_FULL_RUN, TICKS = 17_280, 288, 2, 4, 17_280 + 6 * 1_440

TABLES = ("runs", "run_tags", "event_logs", "asset_check_executions", "job_ticks", "sync_history")


@dg.asset(check_specs=[dg.AssetCheckSpec(f"check_{n}", asset="tab") for n in range(6)])
def tab():
    """Stands for a tab: a materialization with numbers and the results of six checks."""
    yield dg.MaterializeResult(metadata={f"number_{n}": n for n in range(12)})
    for n in range(6):
        yield dg.AssetCheckResult(check_name=f"check_{n}", passed=True)


@dg.op
def write_pending(context: dg.OpExecutionContext) -> None:
    """As an event sync: two tabs materialized in one step."""
    for _ in range(SYNCS_PER_EVENT_RUN):
        context.log_event(dg.AssetMaterialization("tab", metadata={f"number_{n}": n for n in range(12)}))


@dg.job(executor_def=dg.in_process_executor)
def event_sync() -> None:
    """The template of the runs of which there are most."""
    write_pending()


def instance_in(folder: Path, url: str) -> dg.DagsterInstance:
    """A Dagster instance that stores in PostgreSQL."""
    storage = sa.make_url(url).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    (folder / "dagster.yaml").write_text(
        f"storage: {{postgres: {{postgres_url: '{storage}'}}}}\ntelemetry: {{enabled: false}}\n"
    )
    return dg.DagsterInstance.from_config(str(folder))


def template_runs(instance: dg.DagsterInstance) -> tuple[str, str]:
    """One real run of each kind; gives their ids."""
    resources = {"io_manager": dg.mem_io_manager}
    tags = {f"sheets_pipeline/tag_{n}": "value" for n in range(5)}
    full = dg.materialize([tab], instance=instance, resources=resources, tags=tags)
    return full.run_id, event_sync.execute_in_process(instance=instance, tags=tags).run_id


_COPY_RUNS = """
create temp table copies on commit drop as
    select gen_random_uuid()::text as run_id, cast(:start as timestamp) + (n * interval '1 day' / :number) as at
    from generate_series(0, :number - 1) n;
insert into runs (run_id, snapshot_id, pipeline_name, mode, status, run_body, create_timestamp, update_timestamp,
                  start_time, end_time)
    select c.run_id, r.snapshot_id, r.pipeline_name, r.mode, r.status, replace(r.run_body, r.run_id, c.run_id), c.at,
           c.at, extract(epoch from c.at), extract(epoch from c.at)
    from copies c, runs r where r.run_id = :template;
insert into run_tags (run_id, key, value)
    select c.run_id, t.key, t.value from copies c, run_tags t where t.run_id = :template;
insert into event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key)
    select c.run_id, replace(e.event, e.run_id, c.run_id), e.dagster_event_type, c.at, e.step_key, e.asset_key
    from copies c, event_logs e where e.run_id = :template;
insert into asset_check_executions (asset_key, check_name, run_id, execution_status, evaluation_event,
                                    evaluation_event_timestamp, create_timestamp)
    select a.asset_key, a.check_name, c.run_id, a.execution_status, a.evaluation_event, c.at, c.at
    from copies c, asset_check_executions a where a.run_id = :template;
"""

_HISTORY = """
insert into sync_history (spreadsheet_id, tab, kind, run_id, started_at, ended_at, outcome, seconds, rows, cells)
    select 's', 'tab ' || n % 4, 'events', gen_random_uuid()::text,
           cast(:start as timestamp) + (n * interval '1 day' / :number), cast(:start as timestamp), 'success', 0.5, 10, 5
    from generate_series(0, :number - 1) n
"""

_TICKS = """
insert into job_ticks (job_origin_id, selector_id, status, type, timestamp, tick_body)
    select 'origin', 'selector', 'SKIPPED', 'SENSOR', cast(:start as timestamp) + (n * interval '1 day' / :number),
           repeat('x', 600)
    from generate_series(0, :number - 1) n
"""


def add_day(engine: sa.Engine, templates: tuple[str, str], day: datetime, scale: float) -> None:
    """What a busy day leaves behind, scaled down."""
    start = day.replace(tzinfo=None)
    with engine.begin() as connection:
        for template, rate in zip(templates, (FULL_RUNS, EVENT_RUNS), strict=True):
            values = {"start": start, "number": max(1, round(rate * scale)), "template": template}
            for statement in _COPY_RUNS.split(";\n")[:-1]:
                connection.execute(sa.text(statement), values)
            connection.execute(sa.text("drop table copies"))
        syncs = EVENT_RUNS * SYNCS_PER_EVENT_RUN + FULL_RUNS * SYNCS_PER_FULL_RUN
        for statement, rate in ((_HISTORY, syncs), (_TICKS, TICKS)):
            connection.execute(sa.text(statement), {"start": start, "number": max(1, round(rate * scale))})


def sizes(engine: sa.Engine) -> list[int]:
    """Rows of each table, then megabytes of all of them with their indexes."""
    with engine.connect() as connection:
        counts = [int(connection.scalar(sa.text(f"select count(*) from {table}")) or 0) for table in TABLES]
        total = " + ".join(f"pg_total_relation_size('{table}')" for table in TABLES)
        return [*counts, int(connection.scalar(sa.text(f"select ({total}) / 1000000")) or 0)]


def vacuum(engine: sa.Engine) -> None:
    """What autovacuum does by itself, were the year a real one."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in TABLES:
            connection.execute(sa.text(f"vacuum analyze {table}"))


def purge_ticks(engine: sa.Engine, before: datetime) -> None:
    """What Dagster does by itself after each tick (dagster.yaml, retention: skipped ticks are kept a day)."""
    with engine.begin() as connection:
        before_text = before.replace(tzinfo=None)
        connection.execute(sa.text("delete from job_ticks where timestamp < :before"), {"before": before_text})


def simulate(engine: sa.Engine, instance: dg.DagsterInstance, days: int, scale: float, *, cleaning: bool) -> None:
    """Print a table of sizes over the days."""
    templates = template_runs(instance)
    settings = Settings(_env_file=None)
    first = datetime.now(UTC) - timedelta(days=days)
    print(f"| day | {' | '.join(TABLES)} | MB | clean-up, s |")
    print("|---:" * (len(TABLES) + 3) + "|")
    for number in range(1, days + 1):
        day = first + timedelta(days=number)
        add_day(engine, templates, day - timedelta(days=1), scale)
        seconds = 0.0
        if cleaning:
            seconds = clean_up_all(instance, engine, settings, day).seconds
            purge_ticks(engine, day - timedelta(days=1))
        if number % 7 == 0:
            vacuum(engine)
        if number % 30 == 0 or number in (7, days):
            *counts, megabytes = sizes(engine)
            print(
                f"| {number} | {' | '.join(f'{count:,}' for count in counts)} | {megabytes} | {seconds:.2f} |",
                flush=True,
            )


def removal_costs(engine: sa.Engine, instance: dg.DagsterInstance, number: int) -> None:
    """Print what removing one run costs, in our way and in Dagster's own."""
    template = template_runs(instance)[1]
    old = datetime.now(UTC) - timedelta(days=400)
    values = {"start": old.replace(tzinfo=None), "number": number, "template": template}
    with engine.begin() as connection:
        for statement in _COPY_RUNS.split(";\n")[:-1]:
            connection.execute(sa.text(statement), values)
    filters = dg.RunsFilter(job_name="event_sync", updated_before=old + timedelta(days=2))
    few = instance.get_run_ids(filters, limit=200)
    started = time.monotonic()
    for run_id in few:
        instance.delete_run(run_id)
    one_by_one = (time.monotonic() - started) / len(few)
    started = time.monotonic()
    removed = remove_runs(instance, old + timedelta(days=2), Until(started + 600), successful_of_job="event_sync")
    batched = time.monotonic() - started
    print(f"delete_run, one by one: {one_by_one * 1000:.1f} ms per run")
    print(f"the clean-up: {batched / removed * 1000:.2f} ms per run, {batched:.1f} s for {removed:,} runs")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retention", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--scale", type=float, default=0.01, help="share of a busy day's rates (default: %(default)s)")
    parser.add_argument("--no-clean-up", action="store_true", help="show how the tables grow without it")
    parser.add_argument("--cost-of", type=int, metavar="RUNS", help="only measure the removal of so many runs")
    arguments = parser.parse_args()
    with own_postgres("retention", {"fsync": "off", "shared_buffers": "128MB"}) as (folder, server):
        os.environ["DAGSTER_HOME"] = str(folder)
        url = server.url("postgres")
        engine = connect(url)
        install_state(engine)
        with instance_in(folder, url) as instance:
            if arguments.cost_of:
                removal_costs(engine, instance, arguments.cost_of)
            else:
                simulate(engine, instance, arguments.days, arguments.scale, cleaning=not arguments.no_clean_up)
        engine.dispose()


if __name__ == "__main__":
    main()
