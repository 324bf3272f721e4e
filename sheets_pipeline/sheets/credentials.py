"""Who we are to Google: a service account key as text or file, else Application Default Credentials."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google.auth
from google.auth import crypt
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account

from sheets_pipeline.errors import AccessDenied
from sheets_pipeline.sheets import tokens

SCOPES = ("https://www.googleapis.com/auth/spreadsheets",)


@dataclass(frozen=True, slots=True)
class Identity:
    """Credentials, the name by which people share spreadsheets with them (and by which quota is counted), their project.

    Google counts requests of all credentials of one Google Cloud project, too; blank where it is not known.
    """

    credentials: Any
    name: str
    project: str = ""


def load_identity(key_json: str | None = None, key_file: Path | None = None, declared: str | None = None) -> Identity:
    """Load credentials: the key text, else the key file, else Application Default Credentials.

    ``declared`` is the name of the credential that a project declares; None for that of the settings.

    Raises:
        AccessDenied: No credentials, or a key that is none; the message never shows the key.
    """
    if key_json is not None:
        return _from_key(key_json, f"The key of the credential {declared!r}" if declared else "GOOGLE_CREDENTIALS_JSON")
    if key_file is not None:
        try:
            text = key_file.read_text()
        except UnicodeDecodeError:
            text = ""
        except OSError as error:
            raise AccessDenied(
                f"The service account key {str(key_file)!r} cannot be read ({error.strerror}). "
                f"Point {f'key_file of the credential {declared!r}' if declared else 'GOOGLE_APPLICATION_CREDENTIALS'} "
                "to a readable key file."
            ) from None
        return _from_key(text, str(key_file))
    return _default_identity()


def _from_key(text: str, source: str) -> Identity:
    try:
        info = json.loads(text)
        if info.get("type") == "authorized_user":
            loaded, _ = google.auth.load_credentials_from_dict(info, scopes=SCOPES)
            return Identity(loaded, str(info.get("client_id", source)), str(info.get("quota_project_id") or ""))
        credentials = _with_known_token(info) or service_account.Credentials.from_service_account_info(
            info, scopes=SCOPES
        )
    except (ValueError, AttributeError):
        raise AccessDenied(
            f"{source} holds no service account key. Expected the JSON file that Google Cloud gives under "
            "IAM > Service accounts > Keys > Add key > JSON."
        ) from None
    return Identity(credentials, str(credentials.service_account_email), str(info.get("project_id") or ""))


class _Signer(crypt.Signer):
    """Loads the private key when it is needed: that takes longer than all else, and who has a token needs none."""

    def __init__(self, info: dict[str, str]) -> None:
        self._info = info

    @property
    def key_id(self) -> str:
        """As the key file has it."""
        return self._info["private_key_id"]

    def sign(self, message: bytes) -> bytes:
        """As google-auth's own."""
        signer = crypt.RSASigner.from_service_account_info(self._info)
        return bytes(signer.sign(message))


def _with_known_token(info: dict[str, str]) -> Any:
    """Credentials for a key that has already got the token that they begin with; None where there is no such token."""
    email, key_id = info.get("client_email", ""), info.get("private_key_id", "")
    if not key_id or not tokens.is_known(email, key_id):
        return None
    universe = info.get("universe_domain", "googleapis.com")
    credentials = service_account.Credentials(
        _Signer(info),
        email,
        info["token_uri"],
        scopes=SCOPES,
        project_id=info.get("project_id"),
        universe_domain=universe,
    )
    tokens.adopt(credentials)
    return credentials


def _default_identity() -> Identity:
    try:
        credentials, project = google.auth.default(scopes=SCOPES)
    except DefaultCredentialsError:
        raise AccessDenied(
            "No Google credentials found. Set GOOGLE_APPLICATION_CREDENTIALS to a service account key file, or "
            "GOOGLE_CREDENTIALS_JSON to its text, or log in with `gcloud auth application-default login`."
        ) from None
    name = str(getattr(credentials, "service_account_email", None) or project or "default")
    return Identity(credentials, name, str(project or ""))


def ensure_token(credentials: Any) -> None:
    """Get a token where there is none that is good.

    Raises:
        GoogleAuthError: There is none to be had; ``RefreshError.retryable`` says whether later.
    """
    if credentials.valid:
        tokens.renew_early(credentials, _refresh)
    else:
        _refresh(credentials)
        tokens.publish(credentials)


def _refresh(credentials: Any) -> None:
    try:
        credentials.refresh(Request())
    except GoogleAuthError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError):
        # google-auth takes an answer apart without looking what it is: a sign-in page with status 200, for instance.
        raise RefreshError("the answer holds no token", retryable=True) from None


class _AuthRequest(Request):
    """google-auth's own requests, each tried once: what is tried again by us is not tried again (and told) by urllib3."""

    def __init__(self, *, asks_google: bool) -> None:
        super().__init__()
        self._asks_google = asks_google

    def __call__(self, url: str, *args: Any, **options: Any) -> Any:
        """One request. Regions that an organisation allows are known to Google alone, and only for its own accounts."""
        if not self._asks_google and url.endswith("/allowedLocations"):
            raise TransportError("there are no allowed locations outside Google")
        return super().__call__(url, *args, **options)  # type: ignore[no-untyped-call] # google-auth's


def authorized_session(credentials: Any, *, is_google: bool) -> AuthorizedSession:
    """A session whose requests carry a token.

    Beside it google-auth asks Google, in the background and at its own leisure, which regions the account's organisation
    allows; that may fail without harm, and elsewhere than at Google there is nobody to ask.
    """
    return AuthorizedSession(credentials, auth_request=_AuthRequest(asks_google=is_google))
