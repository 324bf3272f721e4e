"""What a failed request to Google means, and what to do about it: from a failure to an error of ours.

Google says why in ``error.details`` (``ErrorInfo.reason``), older answers only in the message, so both are read.

Sources: https://developers.google.com/workspace/sheets/api/troubleshoot-api-errors,
https://docs.cloud.google.com/apis/design/errors
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from gspread.exceptions import APIError

from sheets_pipeline.errors import (
    AccessDenied,
    ApiDisabled,
    ClockWrong,
    ConnectionIntercepted,
    CredentialsRefused,
    DriveFull,
    NotASpreadsheet,
    NotShared,
    OutcomeUnknown,
    PolicyForbids,
    QuotaExceeded,
    QuotaProjectRefused,
    RequestRejected,
    ScopesMissing,
    SheetsError,
    SheetsUnavailable,
    SpreadsheetNotFound,
)
from sheets_pipeline.sheets.failures import (
    NotJson,
    content_type,
    describe,
    is_googles,
    is_our_side,
    is_outage_of_tokens,
    is_proxy_sign_in,
    is_quota,
    is_transient,
    reasons,
    refused_certificate,
    was_not_applied,
    words,
)

#: In Google's words for an edit of cells that somebody protected, whatever the status.
_PROTECTED = "protected cell or object"

SHEETS_SCOPE = "https://www.googleapis.com/auth/spreadsheets"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of whom: ``account`` as people share with it, ``seconds`` since the first attempt."""

    kind: Literal["read", "write"]
    account: str
    spreadsheet_id: str
    endpoint: str
    seconds: float


def translate(error: BaseException, asked: Asked) -> SheetsError:
    """The failure as an error that says what was found and what to do.

    A write whose answer does not tell whether it was applied is ``OutcomeUnknown``, whatever else was wrong: the writer
    reads then, and the reading tells.
    """
    if isinstance(error, RefreshError) and not is_outage_of_tokens(error):
        return _of_refused_token(error, asked)
    if asked.kind == "write" and not was_not_applied(error):
        return OutcomeUnknown(f"A write to the spreadsheet was sent, but its answer was lost ({describe(error)}).")
    if isinstance(error, APIError) and is_googles(error):
        return _of_status(error, asked)
    if isinstance(error, APIError) and error.response.status_code == 429:
        return _quota_exceeded(error, asked)
    if intercepted := _of_a_stranger(error, asked):
        return intercepted
    if isinstance(error, TransportError | RefreshError):
        service = "Google's token service"
    elif isinstance(error, GoogleAuthError):
        return CredentialsRefused(f"The credentials of {asked.account} give no token ({words(error)}).")
    else:
        service = "The Sheets API"
    return SheetsUnavailable(
        f"{service} gave no usable answer for {asked.seconds:.0f} s ({describe(error)}). Check the network of this machine"
        f"{' and SHEETS_API_ENDPOINT' if service == 'The Sheets API' else ''}; the next sync goes on where this one stopped."
    )


# Answers of Google -----------------------------------------------------------------------------------------------------


def _of_status(error: APIError, asked: Asked) -> SheetsError:
    status, message = error.response.status_code, words(error)
    if is_quota(error):
        return _quota_exceeded(error, asked)
    if _PROTECTED in message:
        return _of_protected_cells(message, status, asked)
    if status in (401, 403):
        return _of_refused_access(error, asked)
    if status == 404:
        return SpreadsheetNotFound(
            f"There is no spreadsheet {asked.spreadsheet_id!r}, or it was deleted. "
            "Check SPREADSHEET_ID (the part of its address between /d/ and /edit), or the url that its declaration gives.",
            status=status,
        )
    if is_transient(error):
        return SheetsUnavailable(
            f"The Sheets API failed for {asked.seconds:.0f} s ({status} {message}). "
            "The next sync goes on where this one stopped.",
            status=status,
        )
    if "not supported for this document" in message:
        return NotASpreadsheet(
            f"The file {asked.spreadsheet_id!r} is an Excel file that Drive only shows as a spreadsheet ({message}). "
            "Open it, choose File > Save as Google Sheets, and put the new file's id into SPREADSHEET_ID, or its declaration.",
            status=status,
        )
    return RequestRejected(f"Google refused a request ({status}): {message}", status=status)


def _of_protected_cells(message: str, status: int, asked: Asked) -> RequestRejected:
    return RequestRejected(
        f"Somebody protected cells that the pipeline writes from {asked.account}. In the spreadsheet, "
        f"choose Data > Protect sheets and ranges, and let that address edit them or remove the protection. ({message})",
        status=status,
    )


def _quota_exceeded(error: APIError, asked: Asked) -> SheetsError:
    message = words(error) if is_googles(error) else "without a reason"
    return QuotaExceeded(
        f"Google's {asked.kind} quota stayed used up for {asked.seconds:.0f} s ({message}). Something else uses the same "
        "credentials: give it its own service account, or lower SHEETS_READS_PER_MINUTE and SHEETS_WRITES_PER_MINUTE.",
        status=error.response.status_code,
    )


def _of_refused_access(error: APIError, asked: Asked) -> AccessDenied:
    status, message, codes = error.response.status_code, words(error), reasons(error)
    for kind, known_reasons, parts, remedy in _REFUSALS:
        if codes & known_reasons or any(part in message.lower() for part in parts):
            text = remedy.format(account=asked.account, spreadsheet=asked.spreadsheet_id)
            return kind(f"{text} (Google's words: {message})", status=status)
    if status == 401:
        return CredentialsRefused(
            f"Google does not accept the credentials of {asked.account}. Create a new key. ({message})", status=status
        )
    return NotShared(
        f"The spreadsheet {asked.spreadsheet_id!r} is not shared with {asked.account} as an editor ({message}). "
        "Open it in the browser, press Share, and add that address as Editor.",
        status=status,
    )


#: Refusals with a cause of their own, most special first: (error, reasons, parts of the message in lower case, text).
_REFUSALS: list[tuple[type[AccessDenied], set[str], tuple[str, ...], str]] = [
    (
        ScopesMissing,
        {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"},
        ("insufficient authentication scopes", "insufficient_scope"),
        f"The credentials of {{account}} were granted without the scope {SHEETS_SCOPE}. Log in again with `gcloud auth "
        f"application-default login --scopes={SHEETS_SCOPE},https://www.googleapis.com/auth/cloud-platform`, give the "
        "virtual machine that scope, or use a service account's key.",
    ),
    (
        QuotaProjectRefused,
        {"USER_PROJECT_DENIED", "BILLING_DISABLED", "CONSUMER_INVALID", "CONSUMER_SUSPENDED"},
        (
            "quota project",
            "required permission to use project",
            "requires billing",
            "billing to be enabled",
            "suspended",
        ),
        "The Google Cloud project that is charged for requests of {account} cannot be used. Choose one with `gcloud auth "
        "application-default set-quota-project PROJECT` in which that account has the role Service Usage Consumer "
        "(roles/serviceusage.serviceUsageConsumer) and the Google Sheets API is enabled.",
    ),
    (
        ApiDisabled,
        {"SERVICE_DISABLED", "accessNotConfigured"},
        ("has not been used", "it is disabled"),
        "The Google Sheets API is not enabled in the project of {account}. Enable it under Google Cloud > APIs & Services "
        "> Library > Google Sheets API, and wait a few minutes.",
    ),
    (
        DriveFull,
        {"storageQuotaExceeded", "STORAGE_QUOTA_EXCEEDED", "teamDriveFileLimitExceeded"},
        ("storage quota", "storage is full", "out of storage"),
        "The Google Drive of the owner of spreadsheet {spreadsheet!r} is full, so Google takes no more changes. Make room "
        "there (and empty its bin), or move the spreadsheet to a drive with room.",
    ),
    (
        PolicyForbids,
        {"SECURITY_POLICY_VIOLATED", "ORG_RESTRICTION_VIOLATION", "domainPolicy", "LOCATION_POLICY_VIOLATED"},
        ("organization's policy", "organization policy", "domain policy", "administrator"),
        "A policy of the organization forbids {account} what it asked for. Its administrators can allow it: sharing with "
        "service accounts (Admin console > Apps > Drive > Sharing), or VPC Service Controls in Google Cloud.",
    ),
]


def _of_refused_token(error: RefreshError, asked: Asked) -> AccessDenied:
    """Google's token service looked at the credentials and refused them."""
    message = words(error)
    text = message.lower()
    if any(part in text for part in ("short-lived token", "reasonable timeframe", "iat and exp", "invalid_jwt_time")):
        return ClockWrong(
            f"Google refused a token for {asked.account} because of its times: this machine's clock is wrong. Let NTP keep "
            f"it (`timedatectl set-ntp true`). (Google's words: {message})"
        )
    if any(part in text for part in ("invalid_scope", "unauthorized_client")):
        return ScopesMissing(
            f"Google gives {asked.account} no token for {SHEETS_SCOPE}. Where an administrator delegates to it, add that "
            f"scope under Admin console > Security > API controls. (Google's words: {message})"
        )
    if any(part in text for part in ("invalid_rapt", "reauth", "rapt_required")):
        return CredentialsRefused(
            f"Google wants whoever logged in as {asked.account} to log in again: `gcloud auth application-default login`. "
            f"A service account's key needs no such login. (Google's words: {message})"
        )
    return CredentialsRefused(
        f"Google refused the credentials of {asked.account}. Check that the service account and its key still exist and "
        f"are enabled, else create a new key. (Google's words: {message})"
    )


# Answers of somebody else ----------------------------------------------------------------------------------------------


def _of_a_stranger(error: BaseException, asked: Asked) -> SheetsError | None:
    """Something between us and Google answered or was trusted in its place; None where nothing did."""
    host = urlsplit(asked.endpoint).netloc
    if certificate := refused_certificate(error):
        if "expired" in certificate or "not yet valid" in certificate:
            return ClockWrong(
                f"The certificate of {host} is not valid at this machine's time ({certificate}). Compare the clock first "
                "(`date -u`) and let NTP keep it; if it is right, something in between shows an old certificate."
            )
        return ConnectionIntercepted(
            f"The certificate shown for {host} is not Google's, as far as this machine can tell ({certificate}). A proxy or "
            "antivirus that inspects TLS is in between: set REQUESTS_CA_BUNDLE to a file with its root certificate, or have "
            "this address left out of the inspection."
        )
    if is_proxy_sign_in(error):
        return ConnectionIntercepted(
            f"The proxy wants a user and password before it lets us reach {host}. Put them into HTTPS_PROXY "
            "(http://user:password@proxy:port), or have this machine let through."
        )
    if is_our_side(error):
        return ConnectionIntercepted(
            f"No request could be sent to {host} ({type(error).__name__}). Check SHEETS_API_ENDPOINT, HTTPS_PROXY and "
            "REQUESTS_CA_BUNDLE: one of them names an address or a file that cannot be used."
        )
    response = error.response if isinstance(error, APIError | NotJson) else None
    if response is None or is_transient(error):
        return None
    return ConnectionIntercepted(
        f"What answered for {host} is not the Sheets API (status {response.status_code}, {content_type(response)}). "
        "A proxy's or a network's sign-in page may be in between, or SHEETS_API_ENDPOINT names something else; open that "
        "address from this machine to see it.",
        status=response.status_code,
    )
