"""Incidents are told once per target, with the remedy, and once when they are over; addresses never show."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.monitoring import alerts
from sheets_pipeline.monitoring.alerts import Incident, Incidents, told_from
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.health import Answers, Health, LastError, Status, TabHealth
from sheets_pipeline.sync.hosts import HostFinding

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OPEN = Circuit("open", NOW, 1, "Runs failed once, the last one of AccessDenied.", "Share it.", needs_person=True)


def tab(title: str = "people", **changes: Any) -> TabHealth:
    healthy: dict[str, Any] = dict.fromkeys(TabHealth.__dataclass_fields__)
    healthy |= {"title": title, "health": Health.HEALTHY, "reason": "In step.", "enabled": True}
    healthy |= {"set_aside_rows": 0, "consecutive_failures": 0, "pending_events": 0, "url": ""}
    return TabHealth(**healthy | changes)


def status(*tabs: TabHealth, **changes: Any) -> Status:
    made = Status(
        health=Health.HEALTHY,
        reason="",
        circuit=Circuit(),
        paused_until=None,
        tabs={each.title: each for each in tabs},
        queue={"set_aside": 0},
        quota=[],
        at=NOW,
    )
    return replace(made, **changes)


class Webhook:
    """A real HTTP server that keeps what it is sent; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.status = 200
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if webhook.status == 200:
                    webhook.received.append(json.loads(body))
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/SECRET-TOKEN"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.server.shutdown()
    webhook.server.server_close()


EDITS = {"enabled": True, "waiting": {"dead": 0}, "rejected_lately": 0, "found_by": {}, "webhook_is_silent": False}
SILENT = Answers(failed=4, failing_seconds=25)
HOST = HostFinding("host b", "Host b is silent", "nothing was heard of its worker.", "Start it.")
LAST_ERROR = LastError("HeaderMismatch", "Rename the headers back.", True, NOW, "run")


@pytest.mark.parametrize(
    ("found", "keys"),
    [
        pytest.param(status(tab()), set(), id="all is well"),
        pytest.param(status(tab(), circuit=OPEN), {"circuit"}, id="circuit open"),
        pytest.param(
            status(tab(health=Health.STOPPED), circuit=OPEN), {"circuit"}, id="an open circuit is one incident"
        ),
        pytest.param(status(tab(), circuit=replace(OPEN, state="half_open")), {"circuit"}, id="half open goes on"),
        pytest.param(status(tab(health=Health.DEGRADED), tab("other")), {"tab people"}, id="one tab stale"),
        pytest.param(status(tab(health=Health.STOPPED, enabled=False)), set(), id="switched off by a person"),
        pytest.param(status(tab(health=Health.WARNING, consecutive_failures=1)), set(), id="failed once, retried"),
        pytest.param(
            status(tab(health=Health.WARNING, consecutive_failures=1, last_error=LAST_ERROR)),
            {"tab people, to mend"},
            id="failed once, only a person can mend it",
        ),
        pytest.param(status(tab(set_aside_rows=3)), {"rows people"}, id="rows set aside"),
        pytest.param(status(tab(set_aside_rows=3, enabled=False)), set(), id="rows set aside in a tab that is off"),
        pytest.param(status(tab(), queue={"set_aside": 2}), {"events"}, id="events set aside"),
        pytest.param(status(tab(), edits=EDITS), set(), id="edits are taken"),
        pytest.param(status(tab(), edits=EDITS | {"rejected_lately": 2}), {"edits rejected"}, id="edits rejected"),
        pytest.param(status(tab(), edits=EDITS | {"waiting": {"dead": 1}}), {"edits dead"}, id="edits dead"),
        pytest.param(
            status(tab(), edits=EDITS | {"webhook_is_silent": True, "found_by": {"read": 3}}),
            {"edits silent"},
            id="the webhook is silent",
        ),
        pytest.param(
            status(tab(), edits=EDITS | {"waiting": {"dead": 1}, "enabled": False}), set(), id="edits are switched off"
        ),
        pytest.param(status(tab(health=Health.DEGRADED), answers=SILENT), {"google"}, id="Google does not answer"),
        pytest.param(status(tab(), circuit=OPEN, answers=SILENT), {"circuit"}, id="the circuit has opened on it"),
        pytest.param(status(tab(), host_findings=[HOST]), {"host b"}, id="a host is silent"),
    ],
)
def test_a_status_holds_these_incidents(found: Status, keys: set[str]) -> None:
    assert set(alerts.incidents(found)) == keys


def test_the_limit_of_pauses_is_an_incident() -> None:
    assert set(alerts.incidents(status(), pause_limit_reached=True)) == {"pause"}


def test_an_incident_names_what_was_found_and_what_to_do() -> None:
    incident = alerts.incidents(status(tab(), circuit=OPEN))["circuit"]
    assert incident.text == "Syncs have stopped\nRuns failed once, the last one of AccessDenied.\nShare it."


def test_an_incident_is_news_once_and_its_end_is_news_once() -> None:
    now: Incidents = {"circuit": Incident("Syncs have stopped", "x", "y")}
    first = alerts.news({}, now)
    known = alerts.after({}, first)
    assert first.title == "Sheets Pipeline: Syncs have stopped"
    assert not alerts.news(known, now)
    over = alerts.news(known, {})
    assert over.title == "Sheets Pipeline: Over: Syncs have stopped"
    assert not alerts.news(alerts.after(known, over), {})


def test_nothing_is_called_over_while_the_health_is_unknown() -> None:
    now = alerts.evaluation_failed(DatabaseError("The database is away. Start it."))
    told = alerts.news({"tab people": "Tab people is stale"}, now)
    assert set(told.began) == {"health"}
    assert "Start it." in told.body
    assert not told.over


def test_a_stale_tab_is_not_called_over_when_the_circuit_opens() -> None:
    assert not alerts.news({"tab people": "Tab people is stale"}, alerts.incidents(status(circuit=OPEN))).over


def test_a_stale_tab_is_not_called_over_when_its_cause_turns_out_to_be_google() -> None:
    stale = alerts.incidents(status(tab(health=Health.DEGRADED)))
    known = alerts.after({}, alerts.news({}, stale))
    silent = alerts.incidents(status(tab(health=Health.DEGRADED), answers=SILENT))
    told = alerts.news(known, silent)
    assert (set(told.began), told.over) == ({"google"}, {})
    known = alerts.after(known, told)
    assert not alerts.news(known, alerts.incidents(status(tab(), circuit=OPEN))).over
    assert set(alerts.news(known, alerts.incidents(status(tab()))).over) == {"tab people", "google"}


@pytest.mark.parametrize("cause", [status(answers=SILENT), status(circuit=OPEN)], ids=["google", "circuit"])
def test_a_cause_is_over_when_the_tabs_have_caught_up_which_are_no_news_meanwhile(cause: Status) -> None:
    known = alerts.after({}, alerts.news({}, alerts.incidents(cause)))
    late, mend = tab(health=Health.DEGRADED), tab("b", consecutive_failures=1, last_error=LAST_ERROR)
    assert not alerts.news(known, alerts.incidents(status(late)))
    assert set(alerts.news(known, alerts.incidents(status(late, mend))).began) == {"tab b, to mend"}
    assert alerts.news(known, alerts.incidents(status(tab()))).over.keys() == known.keys()


def test_the_cause_of_a_stale_tab_is_news_and_the_tab_is_stale_still() -> None:
    now = alerts.incidents(status(tab(health=Health.DEGRADED, consecutive_failures=2, last_error=LAST_ERROR)))
    told = alerts.news({"tab people": "Tab people is stale"}, now)
    assert set(told.began) == {"tab people, to mend"}
    assert not told.over
    assert set(alerts.news({"tab people": "stale", "tab people, to mend": "x"}, {}).over) == {
        "tab people",
        "tab people, to mend",
    }


def test_an_unexpected_error_is_told_by_its_kind_alone() -> None:
    assert "SECRET" not in alerts.evaluation_failed(RuntimeError("SECRET"))["health"].text


def test_what_was_told_outlives_a_restart() -> None:
    told = {"1": {"circuit": "Syncs have stopped"}}
    assert told_from(json.dumps(told)) == told
    assert told_from(None) == {}
    assert told_from("[not ours") == {}
    assert told_from('["not ours"]') == {}


def test_a_webhook_receives_the_incident_and_its_end(webhook: Webhook) -> None:
    began = alerts.news({}, {"circuit": Incident("Syncs have stopped", "No access.", "Share it.")})
    assert alerts.send(webhook.url, began) is None
    assert alerts.send(webhook.url, alerts.news({"circuit": "Syncs have stopped"}, {})) is None
    first, second = webhook.received
    assert first["message"] == "Syncs have stopped\nNo access.\nShare it."
    assert (first["type"], second["type"]) == ("failure", "success")
    assert second["message"] == "Over: Syncs have stopped"


@pytest.mark.parametrize("status_code", [401, 500])
def test_a_failed_notification_says_so_and_shows_no_address(
    webhook: Webhook, caplog: pytest.LogCaptureFixture, status_code: int
) -> None:
    caplog.set_level(logging.DEBUG)
    webhook.status = status_code
    problem = alerts.send(webhook.url, alerts.news({}, {"circuit": Incident("Stopped", "x")}))
    assert problem == "it did not accept the message"
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize(
    "url", ["json://127.0.0.1:9/SECRET", "nonsense://SECRET", "SECRET", "slack://SECRET", "mailto://me:SECRET@"]
)
def test_no_address_shows_wherever_it_fails(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    problem = alerts.send(url, alerts.news({}, {"circuit": Incident("Stopped", "x")}))
    assert problem
    assert "SECRET" not in problem + caplog.text + alerts.name_of(1, url)
