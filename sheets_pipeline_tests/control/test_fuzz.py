"""Whatever is sent, the answer is one that the OpenAPI document names, and never a 500."""

from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from sheets_pipeline_tests.control.stage import Stage

#: Per endpoint; all of them together take some seconds.
_EXAMPLES = 15

_PATHS = ["/", "/sync/status", "/stats", "/logs", "/metrics", "/edits", "/edits.csv", "/edits/{edit_id}"]
_EDITS = ["/edits/{edit_id}/accept", "/edits/{edit_id}/reject", "/edits/{edit_id}/undo", "/edits/accept", "/edits/undo"]
_STEERING = ["/sync/force", "/sync/enable", "/sync/disable", "/sync/pause", "/sync/resume"]


@pytest.fixture(scope="module")
def schema(opened_stage: Stage) -> Any:
    """The API as its document describes it, read once."""
    return schemathesis.openapi.from_url(f"{opened_stage.url}/openapi.json")


@pytest.mark.parametrize("path", _PATHS + _STEERING + _EDITS)
def test_no_input_makes_the_api_fail(schema: Any, path: str) -> None:
    operation = schema[path]["GET" if path in _PATHS else "POST"]
    seen: list[int] = []

    @hypothesis.settings(max_examples=_EXAMPLES, deadline=None, database=None, derandomize=True)
    @hypothesis.given(case=operation.as_strategy())
    def send(case: schemathesis.Case) -> None:
        answer = case.call(timeout=20, headers={"X-Sheets-Pipeline": "fuzz"})
        seen.append(answer.status_code)
        case.validate_response(
            answer, checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
        )

    send()
    assert seen


@pytest.mark.parametrize("path", _STEERING)
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'"x"', b"\xff\xfe", b'{"tab": 1e999}', b"[" * 2000])
def test_malformed_bodies_are_refused_or_harmless(opened_stage: Stage, path: str, body: bytes) -> None:
    answer = opened_stage.client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code < 500 or answer.status_code in (502, 503), answer.text
    if answer.status_code >= 400:
        assert answer.json()["error"]
