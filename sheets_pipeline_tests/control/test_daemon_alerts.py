"""The control API tells of a silent daemon and of a storage that is away, once, and when that is over."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.test_utils import instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat

from sheets_pipeline.control import daemon_alerts
from sheets_pipeline.control.daemon_alerts import DaemonAlerts
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.settings import load_settings
from sheets_pipeline_tests.monitoring.test_alerts import Webhook


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.server.shutdown()
    webhook.server.server_close()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with instance_for_test() as instance:
        yield instance


def watching(
    instance: dg.DagsterInstance, webhook: Webhook, full_disk: Callable[[], str | None] = lambda: None
) -> DaemonAlerts:
    settings = load_settings(alert_urls=webhook.url, sync_health_check_interval=1)
    pipeline = SimpleNamespace(full_disk=lambda *, now: full_disk())
    operations = SimpleNamespace(settings=settings, instance=instance, pipeline=pipeline)
    return DaemonAlerts(operations)  # type: ignore[arg-type]


def report(instance: dg.DagsterInstance) -> None:
    for kind in ("SENSOR", "SCHEDULER"):
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), kind, "daemon", []))


def titles(webhook: Webhook) -> list[str]:
    return [str(each["title"]) for each in webhook.received]


def test_a_silent_daemon_is_told_at_the_second_look_once_and_when_it_is_back(
    instance: dg.DagsterInstance, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(daemon_alerts, "GRACE_SECONDS", 0)
    watch = watching(instance, webhook)
    watch.look([webhook.url])
    assert titles(webhook) == []
    watch.look([webhook.url])
    watch.look([webhook.url])
    assert titles(webhook) == ["Sheets Pipeline: Dagster's daemon is silent"]
    assert "sheets-pipeline daemon" in webhook.received[0]["message"]
    report(instance)
    watch.look([webhook.url])
    watch.look([webhook.url])
    assert titles(webhook)[1:] == ["Sheets Pipeline: Over: Dagster's daemon is silent"]


def test_a_daemon_that_still_comes_up_is_not_missed(instance: dg.DagsterInstance, webhook: Webhook):
    watch = watching(instance, webhook)
    for _ in range(3):
        watch.look([webhook.url])
    assert webhook.received == []


def note_look(instance: dg.DagsterInstance, seconds_ago: float, *, is_on: bool = True) -> None:
    """As the daemon does when a tick of the sensor ``alerts`` has ended."""
    job = origin_of_alerts()
    status = InstigatorStatus.DECLARED_IN_CODE if is_on else InstigatorStatus.STOPPED
    data = SensorInstigatorData(last_tick_timestamp=time.time() - seconds_ago, min_interval=1)
    state = InstigatorState(job, InstigatorType.SENSOR, status, data)
    known = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
    (instance.update_instigator_state if known else instance.add_instigator_state)(state)


def origin_of_alerts() -> RemoteInstigatorOrigin:
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(python_file="x"), "sheets_pipeline")
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "alerts")


def test_a_daemon_that_lives_and_looks_at_nothing_is_told(
    instance: dg.DagsterInstance, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(daemon_alerts, "GRACE_SECONDS", 0)
    watch = watching(instance, webhook)
    report(instance)

    def look_twice() -> list[str]:
        watch.look([webhook.url])
        watch.look([webhook.url])
        return titles(webhook)

    assert look_twice() == []  # never looked: a new instance
    note_look(instance, 30)
    assert look_twice() == []
    note_look(instance, 100, is_on=False)
    assert look_twice() == []
    note_look(instance, 100)
    assert look_twice() == ["Sheets Pipeline: Dagster's daemon is stuck"]
    assert "has not run for 10" in webhook.received[0]["message"]
    note_look(instance, 0)
    assert look_twice()[1:] == ["Sheets Pipeline: Over: Dagster's daemon is stuck"]


def test_a_full_disk_is_told_at_the_first_look_by_name(instance: dg.DagsterInstance, webhook: Webhook):
    result: list[str | None] = ["The database me@host/db has no room left on its disk. Make room.", None]
    watch = watching(instance, webhook, lambda: result[0])
    report(instance)
    watch.look([webhook.url])
    watch.look([webhook.url])
    assert titles(webhook) == ["Sheets Pipeline: A disk is full"]
    assert "me@host/db has no room left" in webhook.received[0]["message"]
    del result[0]
    watch.look([webhook.url])
    assert titles(webhook)[1:] == ["Sheets Pipeline: Over: A disk is full"]


def test_a_database_that_cannot_be_asked_for_room_is_no_news_of_the_daemon(
    instance: dg.DagsterInstance, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
):
    def away() -> str | None:
        raise DatabaseError("The database cannot be reached.")

    monkeypatch.setattr(daemon_alerts, "GRACE_SECONDS", 0)
    watch = watching(instance, webhook, away)
    report(instance)
    watch.look([webhook.url])
    watch.look([webhook.url])
    assert titles(webhook) == []


def test_a_storage_that_is_away_is_told_without_what_its_driver_said(webhook: Webhook):
    class Away:
        settings = load_settings(alert_urls=webhook.url)

        @property
        def instance(self) -> dg.DagsterInstance:
            raise sa.exc.OperationalError("SELECT 1", {}, Exception("no answer from someone:hunter2@db"))

    watch = DaemonAlerts(Away())  # type: ignore[arg-type]
    watch.look([webhook.url])
    watch.look([webhook.url])
    assert titles(webhook) == ["Sheets Pipeline: Dagster's storage cannot be reached"]
    assert "hunter2" not in str(webhook.received)


def test_the_thread_looks_until_it_is_told_to_end_and_not_at_all_without_addresses(
    instance: dg.DagsterInstance, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
):
    import threading

    monkeypatch.setattr(daemon_alerts, "GRACE_SECONDS", 0)
    ended = threading.Event()
    thread = threading.Thread(target=watching(instance, webhook).watch, args=(ended,))
    thread.start()
    end = time.monotonic() + 30
    while not webhook.received and time.monotonic() < end:
        time.sleep(0.05)
    ended.set()
    thread.join(30)
    assert titles(webhook) == ["Sheets Pipeline: Dagster's daemon is silent"]
    silent = SimpleNamespace(settings=load_settings(), instance=None)
    DaemonAlerts(silent).watch(threading.Event())  # type: ignore[arg-type]
