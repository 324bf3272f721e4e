"""The sensor tells a real webhook of what goes on, keeps what it told in its cursor, and never shows an address."""

from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from sheets_pipeline.database import leases
from sheets_pipeline.defs.alerts import pause_limit_reached, tick
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline_tests.learning_platform import Platform
from sheets_pipeline_tests.monitoring.test_alerts import Webhook
from sheets_pipeline_tests.runs.test_event_round import run


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.server.shutdown()
    webhook.server.server_close()


Tick = Callable[[], str]


@pytest.fixture
def look(platform: Platform) -> Tick:
    """One tick of the sensor after the other, each in a process that knows only the cursor."""
    cursor: list[str | None] = [None]

    def look() -> str:
        context = dg.build_sensor_context(instance=platform.instance, cursor=cursor[0])
        skipped = tick(context, PipelineResource())
        cursor[0] = context.cursor
        return str(skipped.skip_message)

    return look


def test_without_addresses_the_sensor_says_so(look: Tick) -> None:
    assert look() == "ALERT_URLS is not set, so nobody is told of incidents."


def test_lost_access_is_told_once_with_its_remedy_and_once_when_over(
    platform: Platform, webhook: Webhook, look: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_URLS", webhook.url)
    run(platform, "full_sync")
    assert "Going on: nothing." in look()
    platform.server.faults(action="error", status=403, count=None)
    assert not run(platform, "full_sync").success
    for _ in range(3):
        said = look()
    [began] = webhook.received
    assert began["title"].startswith("Sheets Pipeline: Syncs have stopped")
    assert "Share" in began["message"]
    assert "SECRET" not in said
    platform.server.clear_faults()
    assert run(platform, "full_sync").success
    look()
    look()
    assert [message["message"] for message in webhook.received[1:]] == ["Over: Syncs have stopped"]


def test_a_message_that_was_not_taken_is_sent_again_to_that_target_alone(
    platform: Platform, webhook: Webhook, look: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Webhook()
    monkeypatch.setenv("ALERT_URLS", f"{webhook.url} {other.url}")
    platform.server.faults(action="error", status=403, count=None)
    run(platform, "full_sync")
    other.status = 500
    said = look()
    assert "Not told yet" in said
    assert "2 (json)" in said
    assert "SECRET" not in said
    assert (len(webhook.received), len(other.received)) == (1, 0)
    other.status = 200
    assert "Not told yet" not in look()
    assert (len(webhook.received), len(other.received)) == (1, 1)
    other.server.shutdown()
    other.server.server_close()


def test_a_health_that_cannot_be_told_is_told(
    platform: Platform, webhook: Webhook, look: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_URLS", webhook.url)
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody:hidden@127.0.0.1:1/none")
    platform.reopen()
    look()
    [message] = webhook.received
    assert message["title"] == "Sheets Pipeline: The health of the tabs is unknown"
    assert "hidden" not in message["message"]
    platform.reopen()


def test_a_pause_that_reached_its_limit_is_seen_while_somebody_holds_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_PAUSE_LIMIT_SECONDS", "0")
    platform.reopen()
    state = platform.pipeline.state
    assert not pause_limit_reached(platform.pipeline)
    until = leases.take(state, "web", 60)
    assert not leases.must_wait(state, "full", 0, until=until)
    assert pause_limit_reached(platform.pipeline)
    leases.release(state, "web")
    assert not pause_limit_reached(platform.pipeline)
