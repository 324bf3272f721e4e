"""Faults on demand: errors, delays, lost connections and silence, counted and listed."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from local_sheets.server.faults import Faults, FaultSpecError
from local_sheets.testing import LocalSheetsServer
from local_sheets_tests.api_client import Api

pytestmark = pytest.mark.xdist_group("faults")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSheetsServer]:
    """Of its own: faults hit every client of a server."""
    with LocalSheetsServer() as server:
        yield server


@pytest.fixture
def faulty(server: LocalSheetsServer) -> Api:
    server.clear_faults()
    server.reset_stats()
    return Api(server)


def write(api: Api, value: str = "x") -> requests.Response:
    path = f"/{api.spreadsheet_id}/values/A1"
    return api.send("PUT", path, {"values": [[value]]}, valueInputOption="RAW")


@pytest.mark.parametrize(("status", "name"), [(429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE")])
def test_the_next_requests_of_a_kind_answer_an_error(faulty: Api, status: int, name: str):
    before = faulty.server.fault_state()
    faulty.server.faults(action="error", status=status, count=2, kind="write")
    assert faulty.values("A1") == []
    answers = [write(faulty) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].json()["error"]["status"] == name
    state = faulty.server.fault_state()
    assert Counter(state["counts"]) - Counter(before["counts"]) == {f"error {status}": 2}
    assert [one["applied"] for one in state["injected"][len(before["injected"]) :]] == [False, False]


def test_an_error_can_come_after_the_change(faulty: Api):
    faulty.server.faults(action="error", status=503, after=True, method="sheets.spreadsheets.values.*")
    assert write(faulty).status_code == 503
    assert faulty.values("A1") == [["x"]]
    assert faulty.server.fault_state()["injected"][-1]["applied"] is True


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_cut_before_or_after_the_change(faulty: Api, after: bool):
    faulty.server.faults(action="reset", after=after, kind="write")
    with pytest.raises(requests.ConnectionError):
        write(faulty)
    assert faulty.values("A1") == ([["x"]] if after else [])
    [entry] = [one for one in faulty.server.requests() if one["fault"]]
    assert (entry["status"], entry["applied"]) == (0, after)


def test_a_request_is_delayed(faulty: Api):
    faulty.server.faults(action="delay", seconds=0.3, kind="read")
    started = time.monotonic()
    faulty.values("A1")
    assert time.monotonic() - started >= 0.3


def test_a_request_is_never_answered(faulty: Api):
    faulty.server.faults(action="timeout", seconds=0.4, after=True, kind="write")
    started = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        write(faulty)
    assert time.monotonic() - started >= 0.4
    assert faulty.values("A1") == [["x"]]


def test_an_error_can_be_html_or_carry_a_retry_after(faulty: Api):
    faulty.server.faults(
        {"action": "error", "status": 502, "body": "<h1>Bad Gateway</h1>"},
        {"action": "error", "status": 429, "retry_after": 7},
    )
    first, second = write(faulty), write(faulty)
    assert (first.status_code, first.text) == (502, "<h1>Bad Gateway</h1>")
    assert second.headers["retry-after"] == "7"


def test_a_random_mix_is_the_same_for_the_same_seed():
    def hits(seed: int) -> list[str]:
        faults = Faults()
        faults.add({"action": "error", "status": 503, "probability": 0.3, "count": None, "seed": seed})
        faults.add({"action": "reset", "probability": 0.2, "count": None, "seed": seed + 1})
        picked = (faults.pick("sheets.spreadsheets.get", "read") for _ in range(50))
        return ["" if rule is None else rule.action for rule in picked]

    assert hits(7) == hits(7)
    assert hits(7) != hits(8)
    assert {"", "error", "reset"} == set(hits(7))


def test_some_requests_can_be_let_through_first():
    faults = Faults()
    faults.add({"action": "error", "skip": 2, "count": 1})
    assert [faults.pick("x", "read") is not None for _ in range(4)] == [False, False, True, False]


@pytest.mark.parametrize(
    "spec",
    [{}, {"action": "explode"}, {"action": "error", "status": 200}, {"action": "reset", "nonsense": 1}, {"action": "delay", "count": 0}],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(spec: dict):
    with pytest.raises(FaultSpecError, match="expected"):
        Faults().add(spec)


def test_rules_are_taken_away(faulty: Api):
    faulty.server.faults(action="error", count=None)
    assert write(faulty).status_code == 503
    faulty.server.clear_faults()
    assert write(faulty).status_code == 200
    with pytest.raises(ValueError, match="action is 'x'"):
        faulty.server.faults(action="x")


def drive_call(api: Api, method: str = "GET", **body: object) -> requests.Response:
    path = f"{api.server.endpoint}/drive/v3/files/{api.spreadsheet_id}"
    return api.session.request(method, path, json=body or None)


@pytest.mark.parametrize(
    "rule", [{"method": "drive.*"}, {"method": "drive.files.get"}, {"method": "drive.*", "kind": "read"}]
)
def test_requests_to_drive_are_hit_by_rules_that_name_them(faulty: Api, rule: dict[str, str]):
    faulty.server.faults(action="error", status=503, retry_after=7, **rule)
    answer = drive_call(faulty)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json()["error"]["errors"][0]["reason"] == "backendError"
    assert drive_call(faulty).status_code == 200


@pytest.mark.parametrize("rule", [{"method": "*"}, {"method": "sheets.*"}, {"method": "drive.*", "kind": "write"}])
def test_requests_to_drive_are_spared_by_other_rules(faulty: Api, rule: dict[str, str]):
    faulty.server.faults(action="error", **rule)
    assert drive_call(faulty).status_code == 200


def test_a_change_by_drive_can_be_carried_out_and_its_answer_lost(faulty: Api):
    faulty.server.faults(action="reset", after=True, method="drive.files.update")
    with pytest.raises(requests.ConnectionError):
        drive_call(faulty, "PATCH", name="Renamed")
    assert faulty.get("properties.title") == {"properties": {"title": "Renamed"}}
    faulty.server.faults(action="delay", seconds=0.05, method="drive.*")
    started = time.monotonic()
    assert drive_call(faulty).json()["name"] == "Renamed"
    assert time.monotonic() - started >= 0.05
