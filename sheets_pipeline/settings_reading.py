"""How settings are read: the environment, ``.env``, files of secrets; what is wrong is said without showing a secret."""

import os
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource

from sheets_pipeline import urls
from sheets_pipeline.errors import SettingsError

S = TypeVar("S", bound=BaseSettings)

#: Values of these never appear in a message, and may stand in a file: NAME_FILE says where.
SECRETS = {
    "database_url",
    "pipeline_database_url",
    "dagster_postgres_url",
    "celery_broker_url",
    "google_credentials_json",
    "control_api_token",
    "edits_webhook_secret",
    "alert_urls",
    "otel_exporter_otlp_headers",
    "sources_database_url",
    "elasticsearch_url",
}

#: Names of settings that say in which file a secret stands.
SECRET_FILES = {f"{name}_file" for name in SECRETS}


def blank_is_unset(value: Any) -> Any:
    """``NAME=`` in a shell or ``.env`` means the same as no such line."""
    return None if isinstance(value, str) and not value.strip() else value


class SecretFiles:
    """Secrets whose files one source names: ``DATABASE_URL_FILE`` for ``DATABASE_URL``, as whatever mounts secrets has them."""

    def __init__(self, named_in: EnvSettingsSource) -> None:
        self._named_in = named_in

    def __call__(self) -> dict[str, Any]:
        """Name of the setting → what its file holds.

        Raises:
            SettingsError: A file cannot be read, or a setting is given beside its file.
        """
        given = self._named_in.env_vars
        named = {name: given.get(f"{name}_file") for name in SECRETS}
        return {name: self._text(name, file) for name, file in named.items() if file and file.strip()}

    def _text(self, name: str, file: str) -> str:
        if blank_is_unset(self._named_in.env_vars.get(name)) is not None:
            raise SettingsError(f"{name.upper()} and {name.upper()}_FILE are both set: expected one of them.")
        try:
            return Path(file.strip()).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(
                f"{name.upper()}_FILE is {file!r}: the file cannot be read ({why}). Correct the path, or let this user read it."
            ) from None


def read_settings(of: type[S], **overrides: Any) -> S:
    """What a class of settings reads now; made anew only where something that it reads has changed: a run asks a dozen times.

    Raises:
        SettingsError: Names each wrong variable, the value received (never a secret's) and what is valid.
    """
    known, read = _known.get(of), (_inputs(of), overrides)
    if known is None or known[0] != read:
        try:
            known = _known[of] = (read, of(**overrides))
        except ValidationError as error:
            raise SettingsError(" ".join(_explain(e) for e in error.errors())) from None
    return known[1]


#: By class, what was read last and what came of it.
_known: dict[type[BaseSettings], tuple[Any, Any]] = {}


def _inputs(of: type[BaseSettings]) -> Any:
    """All that a class reads: the environment, its file of settings, and the files of secrets that either names."""
    text = _held(of.model_config.get("env_file")) or b""
    given: dict[str, str | None] = {**os.environ}
    if b"_file" in text.lower():
        given = {**dotenv_values(stream=StringIO(text.decode(errors="replace"))), **given}
    files = {value for name, value in given.items() if name.lower() in SECRET_FILES and value}
    return dict(os.environ), text, {file: _held(file.strip()) for file in files}


def _held(file: Any) -> bytes | None:
    """What a file holds; None where it cannot be read, which whoever needs it will say."""
    try:
        return Path(str(file)).read_bytes()
    except OSError:
        return None


def _explain(error: Any) -> str:
    name = str(error["loc"][0])
    value = str(error["input"])
    is_secret = name in SECRETS or "{" in value or urls.holds_secret(value)
    received = "a value that is not shown" if is_secret else repr(error["input"])
    valid = error["msg"].removeprefix("Value error, ")
    if is_secret and value in valid:
        valid = "its value cannot be read"
    return f"{name.upper()} is {received}: {valid[0].lower()}{valid[1:]}."
