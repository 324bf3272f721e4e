"""DATABASE_URL names a real read replica: its lag is known, full syncs work, and its queue is left alone."""

from collections.abc import Iterator

import dagster as dg
import pytest
import sqlalchemy as sa

from sheets_pipeline.cli.run_events import run_events
from sheets_pipeline.database import triggers
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.load import measure
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.event_sync import pending_events
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.monitoring import doctor_checks
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.monitoring.status import collect
from sheets_pipeline.platform import demo
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.runs.governor import busy_reason
from sheets_pipeline.settings import Settings
from sheets_pipeline_tests.learning_platform import Platform
from sheets_pipeline_tests.replica import Replica, running_replica


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running_replica(tmp_path_factory.mktemp("replica")) as running:
        primary, _ = running.engines()
        demo.generate(primary, learners=60, courses=4, responses=400)
        triggers.install(primary, WATCHED)
        running.catch_up()
        yield running


@pytest.fixture
def reading(platform: Platform, replica: Replica, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The platform of the other tests, read from a replica; the pipeline's own tables are elsewhere."""
    monkeypatch.setenv("DATABASE_URL", replica.standby.url("postgres"))
    monkeypatch.setenv("PIPELINE_DATABASE_URL", replica.primary.url("pipeline"))
    platform.reopen()
    return platform


@pytest.mark.xdist_group("replica")
def test_a_replica_that_has_replayed_all_is_not_behind_and_one_that_waits_is(replica: Replica) -> None:
    primary, standby = replica.engines()
    longest = Settings(_env_file=None, sync_busy_replication_lag_seconds=0.2)
    replica.catch_up()
    # The primary may write something of its own meanwhile, which the standby has not replayed yet.
    assert wait_until(lambda: measure(standby).replication_lag_seconds == 0, seconds=30)
    assert measure(primary).replication_lag_seconds is None
    with standby.connect() as connection:
        connection.exec_driver_sql("SELECT pg_wal_replay_pause()")
    try:
        # Nothing has been replayed since it started: that, too, must not hide how late it is.
        for _ in submit_quizzes(primary, 1, 100):
            assert wait_until(lambda: (measure(standby).replication_lag_seconds or 0) > 0.2, seconds=30)
        assert "the read replica is" in str(busy_reason(measure(standby), longest))
    finally:
        with standby.connect() as connection:
            connection.exec_driver_sql("SELECT pg_wal_replay_resume()")
    assert wait_until(lambda: measure(standby).replication_lag_seconds == 0, seconds=30)
    assert wait_until(lambda: busy_reason(measure(standby), longest) is None, seconds=30)


@pytest.mark.xdist_group("replica")
def test_full_syncs_read_from_it_and_nobody_takes_events_off_its_queue(reading: Platform, replica: Replica) -> None:
    primary, _ = replica.engines()
    for _ in submit_quizzes(primary, 3, 100):
        pass
    replica.catch_up()
    result = defs().resolve_job_def("full_sync").execute_in_process(instance=reading.instance)
    assert result.success
    with primary.connect() as connection:
        responses = connection.scalar(sa.text("SELECT count(*) FROM quiz_responses"))
        assert connection.scalar(sa.select(sa.func.count()).select_from(pending_event))
    assert len(reading.rows("quiz_responses")) == responses

    tick = pending_events(
        dg.build_sensor_context(instance=reading.instance, resources={"pipeline": PipelineResource()})
    )
    assert isinstance(tick, dg.SkipReason)
    assert "DATABASE_URL names a read replica" in str(tick.skip_message)
    by_hand = defs().resolve_job_def("event_sync").execute_in_process(instance=reading.instance)
    assert by_hand.success  # and so the circuit stays closed
    with pytest.raises(DatabaseError, match="DATABASE_URL names a read replica"):
        run_events()

    status = collect(reading.instance, reading.pipeline)
    assert status.health == "healthy"
    assert "read replica" in status.queue["none_taken"]
    assert all(tab.pending_events == 0 for tab in status.tabs.values())
    facts = Facts()
    facts.platform = reading.pipeline.platform
    finding = doctor_checks.triggers(facts)
    assert finding.level == "warn"
    assert "db remove" in finding.remedy


@pytest.mark.xdist_group("replica")
def test_a_replica_that_was_cut_off_from_its_primary_is_behind(replica: Replica) -> None:
    _, standby = replica.engines()
    replica.primary_server.stop()
    try:
        assert wait_until(lambda: (measure(standby).replication_lag_seconds or 0) > 0.2, seconds=30)
    finally:
        replica.primary_server.ensure()
    assert wait_until(lambda: measure(standby).replication_lag_seconds == 0, seconds=40)
