"""Requests per minute: sliding window, per user and per project, Google's answer."""

import pytest

from local_sheets.api_error import ApiError
from local_sheets.server.quota import UNLIMITED, Limits, Quota, parse_limits
from local_sheets_tests.api_client import Api

CHECKED_AGAINST = ("reference https://developers.google.com/workspace/sheets/api/limits",)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_request_is_refused_while_the_limit_arrived_in_the_last_minute():
    clock = Clock()
    quota = Quota(Limits(reads=2, writes=1), clock)
    quota.take("read", "a")
    clock.now = 30
    quota.take("read", "a")
    clock.now = 59.9
    with pytest.raises(ApiError) as refusal:
        quota.take("read", "a")
    assert refusal.value.code == 429
    quota.take("write", "a")
    quota.take("read", "b")
    clock.now = 60
    quota.take("read", "a")
    with pytest.raises(ApiError):
        quota.take("read", "a")
    assert quota.usage()["reads_last_minute"] == 3


def test_the_project_has_a_limit_of_its_own():
    quota = Quota(Limits(reads=60, project_reads=2), Clock())
    quota.take("read", "a")
    quota.take("read", "b")
    with pytest.raises(ApiError, match="per minute' of service") as refusal:
        quota.take("read", "c")
    info = refusal.value.body()["error"]["details"][0]
    assert info["metadata"]["quota_unit"] == "1/min/{project}"
    assert info["metadata"]["quota_limit"] == "ReadRequestsPerMinutePerProject"


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("off", UNLIMITED),
        ("on", Limits()),
        ("reads=5", Limits(reads=5)),
        ("reads=5, writes=off,project_writes=9", Limits(5, None, 300, 9)),
    ],
)
def test_limits_are_read_from_text(text: str, limits: Limits):
    assert parse_limits(text) == limits


@pytest.mark.parametrize("text", ["reads", "reads=0", "reads=-1", "calls=5", "reads=x"])
def test_limits_that_make_no_sense_are_refused(text: str):
    with pytest.raises(ValueError, match="expected off, on, or NAME=NUMBER"):
        parse_limits(text)


def test_the_answer_is_googles(new_local_sheets):
    server = new_local_sheets(quota="reads=1,writes=1")
    api = Api(server)
    api.values("A1")
    error = api.error("GET", "/values/A1")
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["message"] == (
        "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service "
        "'sheets.googleapis.com' for consumer 'project_number:100000000001'."
    )
    info, help_ = error["details"]
    assert info["reason"] == "RATE_LIMIT_EXCEEDED"
    assert info["metadata"]["quota_limit_value"] == "1"
    assert info["metadata"]["quota_metric"] == "sheets.googleapis.com/read_requests"
    assert help_["links"][0]["description"] == "Request a higher quota limit."
    api.put("A1", [[1]])
    assert api.error("PUT", "/values/A1", {"values": []}, valueInputOption="RAW")["code"] == 429
    server.call("PUT", "/_local/quota", {"quota": "off"})
    assert api.values("A1") == [["1"]]
    stats = server.stats()
    assert (stats["reads_last_minute"], stats["writes_last_minute"]) == (2, 1)
    assert stats["totals"]["cells_written"] == 1
