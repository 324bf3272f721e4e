"""What a failed request is told as, and whether it is tried again: over HTTP, against a server in Google's place."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import Credentials
from google.oauth2 import service_account

from sheets_pipeline import errors
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.credentials import SCOPES, Identity
from sheets_pipeline.sheets.retry import RetryPolicy, retrying
from sheets_pipeline.testing import NoQuota
from sheets_pipeline_tests.sheets.stranger import PAGE, Answer, make_certificate, stranger

PAGE_OF_A_PROXY = Answer(200, PAGE, "text/html")
GOOD = Answer(200, '{"ok": true}')
QUICK = RetryPolicy(total_seconds=0.5, first_wait_seconds=0.01, longest_wait_seconds=0.05, timeout_seconds=(2, 5))
#: Where a try is to succeed, also on a slow machine.
PATIENT = replace(QUICK, total_seconds=30, timeout_seconds=(30, 30))


class AnyToken(Credentials):
    """A token that is always to be had."""

    def refresh(self, request: Any) -> None:
        self.token = "ya29.any"


def client(endpoint: str, credentials: Any = None, policy: RetryPolicy = QUICK) -> SheetsClient:
    identity = Identity(credentials or AnyToken(), "robot@example.org")
    return SheetsClient(identity, "sheet-1", budget=NoQuota(), endpoint=endpoint, policy=policy)


def google(status: int, message: str, reason: str = "", form: str = "details") -> Answer:
    """An error as Google words it; with a reason in the newer or in Drive's form."""
    error: dict[str, Any] = {"code": status, "message": message, "status": "ANY"}
    if reason:
        error[form] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
    return Answer(status, json.dumps({"error": error}))


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def account(token_uri: str, private_key: str) -> service_account.Credentials:
    info = {"client_email": "robot@example.org", "token_uri": token_uri, "private_key": private_key}
    return service_account.Credentials.from_service_account_info(info, scopes=SCOPES)


# Refusals that only a person can mend ----------------------------------------------------------------------------------

REFUSALS = [
    pytest.param(google(403, "The caller does not have permission"), "NotShared", "press Share", id="not shared"),
    pytest.param(
        google(401, "Request had invalid authentication credentials."), "CredentialsRefused", "new key", id="401"
    ),
    pytest.param(
        google(403, "Request had insufficient authentication scopes.", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
        "ScopesMissing",
        "auth/spreadsheets",
        id="scopes",
    ),
    pytest.param(
        google(403, "Google Sheets API has not been used in project 1 before or it is disabled.", "SERVICE_DISABLED"),
        "ApiDisabled",
        "Enable it",
        id="API disabled",
    ),
    pytest.param(
        google(
            403,
            "The sheets.googleapis.com API requires a quota project, which is not set by default.",
            "SERVICE_DISABLED",
        ),
        "QuotaProjectRefused",
        "set-quota-project",
        id="no quota project",
    ),
    pytest.param(
        google(403, "Caller does not have required permission to use project p.", "USER_PROJECT_DENIED"),
        "QuotaProjectRefused",
        "serviceUsageConsumer",
        id="quota project of others",
    ),
    pytest.param(
        google(403, "Billing", "BILLING_DISABLED"), "QuotaProjectRefused", "set-quota-project", id="no billing"
    ),
    pytest.param(
        google(403, "The user's Drive storage quota has been exceeded.", "storageQuotaExceeded", "errors"),
        "DriveFull",
        "Make room",
        id="Drive full",
    ),
    pytest.param(
        google(403, "Request is prohibited by organization's policy.", "SECURITY_POLICY_VIOLATED"),
        "PolicyForbids",
        "administrators",
        id="policy",
    ),
    pytest.param(google(404, "Requested entity was not found."), "SpreadsheetNotFound", "SPREADSHEET_ID", id="404"),
    pytest.param(
        google(400, "This operation is not supported for this document"),
        "NotASpreadsheet",
        "Save as Google",
        id="Excel file",
    ),
    pytest.param(Answer(200, PAGE, "text/html"), "ConnectionIntercepted", "sign-in page", id="page with 200"),
    pytest.param(Answer(403, PAGE, "text/html"), "ConnectionIntercepted", "sign-in page", id="page with 403"),
    pytest.param(Answer(404, PAGE, "text/html"), "ConnectionIntercepted", "SHEETS_API_ENDPOINT", id="page with 404"),
    pytest.param(Answer(401, "no", "text/plain"), "ConnectionIntercepted", "text/plain", id="text with 401"),
    pytest.param(Answer(407, PAGE, "text/html"), "ConnectionIntercepted", "HTTPS_PROXY", id="proxy wants a password"),
]


@pytest.mark.parametrize(("answer", "kind", "remedy"), REFUSALS)
def test_a_refusal_is_told_once_with_its_own_remedy(answer: Answer, kind: str, remedy: str) -> None:
    with stranger(answer) as there:
        with pytest.raises(errors.SheetsError) as refused:
            client(there.endpoint).read()
        assert len(there.asked) == (3 if answer.status == 401 else 1)  # google-auth gets a new token twice after a 401
    assert type(refused.value).__name__ == kind
    assert remedy in str(refused.value)
    assert refused.value.needs_person
    assert "press Share" not in str(refused.value) or kind == "NotShared"
    assert "<html" not in str(refused.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407])
def test_a_write_that_a_proxy_refused_was_not_applied_and_says_so(status: int) -> None:
    with stranger(Answer(status, PAGE, "text/html")) as there, pytest.raises(errors.ConnectionIntercepted):
        client(there.endpoint).write(":batchUpdate", body=b"{}")


def test_a_page_in_place_of_the_answer_to_a_write_leaves_its_outcome_unknown() -> None:
    with stranger(PAGE_OF_A_PROXY) as there, pytest.raises(errors.OutcomeUnknown, match="text/html"):
        client(there.endpoint).write(":batchUpdate", body=b"{}")


# Worth another try -----------------------------------------------------------------------------------------------------

MOMENTS = [
    pytest.param(google(409, "The operation was aborted."), id="409"),
    pytest.param(google(425, "Too early"), id="425"),
    pytest.param(google(503, "The service is currently unavailable."), id="503"),
    pytest.param(Answer(502, PAGE, "text/html"), id="502 of a proxy"),
    pytest.param(Answer(520, PAGE, "text/html"), id="520 of a proxy"),
    pytest.param(Answer(200, '{"sheets": [', "application/json"), id="JSON cut off"),
    pytest.param(google(403, "Rate Limit Exceeded", "userRateLimitExceeded", "errors"), id="quota told as 403"),
]


@pytest.mark.parametrize("answer", MOMENTS)
def test_a_read_is_tried_again_when_the_fault_may_pass(answer: Answer) -> None:
    with stranger(answer, answer, GOOD) as there:
        assert client(there.endpoint, policy=PATIENT).read() == {"ok": True}
        assert len(there.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(google(409, "The operation was aborted."), id="409"),
        pytest.param(google(408, "Request Timeout"), id="408"),
        pytest.param(google(500, "Internal error encountered."), id="500"),
        pytest.param(google(503, "The service is currently unavailable."), id="503"),
        pytest.param(Answer(502, PAGE, "text/html"), id="502 of a proxy"),
        pytest.param(Answer(504, "stream timeout", "text/plain"), id="504 of a proxy"),
    ],
)
def test_a_write_that_may_have_been_applied_is_settled_by_reading_and_not_sent_twice(answer: Answer) -> None:
    with stranger(answer) as there:
        with pytest.raises(errors.OutcomeUnknown):
            client(there.endpoint).write(":batchUpdate", body=b"{}")
        assert len(there.asked) == 1


def test_a_wait_beyond_the_time_that_is_left_ends_the_tries() -> None:
    with stranger(google(429, "Quota exceeded")) as there:
        patient = RetryPolicy(total_seconds=0.2, first_wait_seconds=30, longest_wait_seconds=30, timeout_seconds=(2, 5))
        with pytest.raises(errors.QuotaExceeded, match=r"for \d s"):
            client(there.endpoint, policy=patient).read()
        assert len(there.asked) == 1


# Tokens ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outage",
    [
        pytest.param(Answer(503, PAGE, "text/html"), id="503"),
        pytest.param(Answer(502, PAGE, "text/html"), id="502, which google-auth does not try again"),
        pytest.param(Answer(504, "504 Gateway Time-out", "text/plain"), id="504 as text"),
        pytest.param(PAGE_OF_A_PROXY, id="page with 200"),
        pytest.param(Answer(500, '{"error": {"code": 500, "status": "INTERNAL"}}'), id="500 in Google's words"),
    ],
)
def test_an_outage_of_the_token_service_is_waited_out(outage: Answer, private_key: str, no_token_pauses: None) -> None:
    token = Answer(200, '{"access_token": "ya29.x", "expires_in": 3600}')
    with stranger(*[outage] * 4, token) as tokens, stranger(GOOD) as sheets:
        credentials = account(f"{tokens.endpoint}/token", private_key)
        assert client(sheets.endpoint, credentials, PATIENT).read() == {"ok": True}


def test_a_long_outage_of_the_token_service_is_told_as_one(private_key: str, no_token_pauses: None) -> None:
    with stranger(PAGE_OF_A_PROXY) as tokens, stranger(GOOD) as sheets:
        credentials = account(f"{tokens.endpoint}/token", private_key)
        with pytest.raises(errors.SheetsUnavailable, match="token service") as away:
            client(sheets.endpoint, credentials).write(":batchUpdate", body=b"{}")
        assert sheets.asked == []
    assert not away.value.needs_person
    assert "<html" not in str(away.value)


def oauth(error: str, description: str) -> Answer:
    return Answer(400, json.dumps({"error": error, "error_description": description}))


@pytest.mark.parametrize(
    ("answer", "kind", "remedy"),
    [
        pytest.param(
            oauth(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim.",
            ),
            "ClockWrong",
            "clock",
            id="clock",
        ),
        pytest.param(
            oauth("invalid_grant", "Invalid JWT Signature."), "CredentialsRefused", "new key", id="key deleted"
        ),
        pytest.param(
            oauth("invalid_grant", "Invalid grant: account not found"),
            "CredentialsRefused",
            "still exist",
            id="deleted",
        ),
        pytest.param(
            oauth("invalid_scope", "Some requested scopes were invalid"), "ScopesMissing", "scope", id="scope"
        ),
        pytest.param(oauth("unauthorized_client", "Client is unauthorized"), "ScopesMissing", "delegates", id="client"),
        pytest.param(
            oauth("invalid_grant", "reauth related error (invalid_rapt)"),
            "CredentialsRefused",
            "gcloud",
            id="log in again",
        ),
    ],
)
def test_a_refused_token_is_told_with_its_cause(answer: Answer, kind: str, remedy: str, private_key: str) -> None:
    with stranger(answer) as tokens, stranger(GOOD) as sheets:
        with pytest.raises(errors.AccessDenied, match=remedy) as refused:
            client(sheets.endpoint, account(f"{tokens.endpoint}/token", private_key)).read()
        assert (len(tokens.asked), sheets.asked) == (1, [])
    assert type(refused.value).__name__ == kind
    assert "press Share" not in str(refused.value)


@pytest.fixture
def no_token_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth waits a second and more between tries of its own."""
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _seconds: None)


# In between ------------------------------------------------------------------------------------------------------------


def test_inspected_tls_is_told_at_once_and_by_name(tmp_path: Path, private_key: str) -> None:
    certificate = make_certificate(tmp_path / "inspection.pem")
    with stranger(GOOD, certificate=certificate) as there:
        for kind in ("read", "write"):
            with pytest.raises(errors.ConnectionIntercepted, match="REQUESTS_CA_BUNDLE"):
                _send(client(there.endpoint), kind)
        with stranger(GOOD) as sheets, pytest.raises(errors.ConnectionIntercepted, match="REQUESTS_CA_BUNDLE"):
            client(sheets.endpoint, account(f"{there.endpoint}/token", private_key)).read()
        assert there.asked == []


def test_the_root_certificate_of_an_inspection_lets_requests_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path / "inspection.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with stranger(GOOD, certificate=certificate) as there:
        assert client(there.endpoint).read() == {"ok": True}
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with (
        stranger(GOOD, certificate=certificate) as there,
        pytest.raises(errors.ConnectionIntercepted, match="REQUESTS_CA_BUNDLE"),
    ):
        client(there.endpoint).read()


def test_a_certificate_of_another_time_asks_for_a_look_at_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_certificate(tmp_path / "old.pem", days_old=60)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(old))
    with stranger(GOOD, certificate=old) as there, pytest.raises(errors.ClockWrong, match="clock"):
        client(there.endpoint).read()


def test_an_address_where_nobody_speaks_tls_is_told() -> None:
    with stranger(GOOD) as there, pytest.raises(errors.ConnectionIntercepted, match="TLS"):
        client(there.endpoint.replace("http:", "https:")).read()


def test_a_proxy_that_wants_a_password_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with stranger(Answer(407, PAGE, "text/html")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.endpoint)
        monkeypatch.setenv("NO_PROXY", "")
        for kind in ("read", "write"):
            with pytest.raises(errors.ConnectionIntercepted, match="HTTPS_PROXY"):
                _send(client("https://sheets.example.org"), kind)
        assert len(proxy.asked) == 2


@pytest.mark.parametrize("kind", ["read", "write"])
def test_nobody_at_the_address_is_waited_out_and_told_with_the_time_it_took(kind: str) -> None:
    with stranger(GOOD) as there:
        endpoint = there.endpoint
    with pytest.raises(errors.SheetsUnavailable, match=r"for \d s \(nothing, no connection could be made\)") as away:
        _send(client(endpoint), kind)
    assert not away.value.needs_person


def _send(client: SheetsClient, kind: str) -> Any:
    return client.read() if kind == "read" else client.write(":batchUpdate", body=b"{}")


# Waits between tries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "failures", "waits"),
    [
        pytest.param(RetryPolicy(), 8, [1, 2, 4, 8, 16, 32, 32, 32], id="none is longer than the longest"),
        pytest.param(RetryPolicy(total_seconds=7), 8, [1, 2, 4], id="none would end after the time that is left"),
        pytest.param(RetryPolicy(total_seconds=0), 8, [], id="no time, no second try"),
    ],
)
def test_waits_double_within_their_bounds(policy: RetryPolicy, failures: int, waits: list[float]) -> None:
    left, waited = [OSError()] * failures, list[float]()

    def attempt() -> str:
        if left:
            raise left.pop()
        return "answer"

    loop = retrying(policy, lambda _: True, lambda: 0.5, lambda: None).copy(sleep=waited.append)
    if len(waits) < failures:
        with pytest.raises(OSError):
            loop(attempt)
    else:
        assert loop(attempt) == "answer"
    assert waited == waits
