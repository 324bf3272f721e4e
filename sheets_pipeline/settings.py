"""Every setting, once: name, type, default, unit. Read from the environment and from ``.env``.

``load_settings()`` is the only door; a wrong value is a ``SettingsError`` of one paragraph.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from sheets_pipeline import urls
from sheets_pipeline.settings_reading import SecretFiles, blank_is_unset, read_settings

DatabaseUrl = Annotated[SecretStr | None, BeforeValidator(blank_is_unset)]
OptionalText = Annotated[str | None, BeforeValidator(blank_is_unset)]

#: Whole minutes that divide an hour, and whole hours that divide a day, in seconds: what cron can say exactly.
VALID_INTERVALS = [60 * m for m in range(1, 60) if 60 % m == 0] + [3600 * h for h in range(1, 25) if 24 % h == 0]


def wrong_interval(seconds: Any) -> str | None:
    """Why full syncs cannot come so many seconds apart, with what is near; None where they can."""
    if type(seconds) is not int:
        return f"must be whole seconds, such as {VALID_INTERVALS[0]} or 900"
    if seconds in VALID_INTERVALS:
        return None
    below = max((v for v in VALID_INTERVALS if v < seconds), default=None)
    above = min((v for v in VALID_INTERVALS if v > seconds), default=None)
    near = [str(v) for v in (below, above) if v]
    nearest = f"value is {near[0]}" if len(near) == 1 else f"values are {' or '.join(near)}"
    return f"must be whole minutes that divide an hour or whole hours that divide a day; the nearest valid {nearest}"


_SPREADSHEET_URL = re.compile(
    r"/spreadsheets/(?:u/\d+/)?d/(?!e/)([\w-]+)"  # as the browser shows it, also for the second account that is signed in
    r"|^(?:https?://)?drive\.google\.com/(?:u/\d+/)?(?:file/(?:u/\d+/)?d/|open\?(?:.*&)?id=)([\w-]+)"
)


#: A label of hosts, as names of queues take it.
LABEL = r"^[A-Za-z0-9_-]{1,40}$"

#: Whose an asset is, as Dagster takes it.
OWNER = re.compile(r"team:[\w-]+|[^@\s]+@[^@\s]+\.[^@\s]+")


def _listed(value: str | None) -> list[str]:
    """The parts of a text that commas separate."""
    return [part.strip() for part in (value or "").split(",") if part.strip()]


class Settings(BaseSettings):
    """What a user can set; the environment wins over ``.env``."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Files of secrets, each right behind what names it."""
        return cast(
            tuple[PydanticBaseSettingsSource, ...],
            (
                init_settings,
                env_settings,
                SecretFiles(cast(EnvSettingsSource, env_settings)),
                dotenv_settings,
                SecretFiles(cast(DotEnvSettingsSource, dotenv_settings)),
            ),
        )

    database_url: DatabaseUrl = Field(
        None,
        description="The database whose tables the tabs show (SQLAlchemy URL). Without it, an embedded PostgreSQL with demo data.",
    )
    pipeline_database_url: DatabaseUrl = Field(
        None, description="The pipeline's own tables, where they live apart from DATABASE_URL."
    )
    dagster_postgres_url: DatabaseUrl = Field(
        None, description="Dagster's storage (PostgreSQL URL). Without it, an embedded PostgreSQL."
    )
    celery_broker_url: Annotated[SecretStr | None, BeforeValidator(blank_is_unset)] = Field(
        None, description="The broker that hands runs to workers on several hosts: Redis or RabbitMQ."
    )
    host_labels: OptionalText = Field(
        None,
        description="Labels of this host, separated by commas: credentials that are bound to them (`hosts`) have their key here.",
    )
    spreadsheet_id: OptionalText = Field(
        None, description="The spreadsheet, as id or full URL. Without it, one in Local Sheets."
    )
    google_credentials_json: Annotated[SecretStr | None, BeforeValidator(blank_is_unset)] = Field(
        None, description="Service account key, as JSON text."
    )
    google_application_credentials: Annotated[Path | None, BeforeValidator(blank_is_unset)] = Field(
        None, description="Service account key, as a file. Without both, Application Default Credentials."
    )
    sheets_api_endpoint: OptionalText = Field(None, description="Base URL of the Sheets API. Without it, Google's.")
    sheets_reads_per_minute: int = Field(
        60, ge=1, le=100_000, description="Reads a minute that Google grants the credential."
    )
    sheets_writes_per_minute: int = Field(
        60, ge=1, le=100_000, description="Writes a minute that Google grants the credential."
    )
    sheets_project_reads_per_minute: int = Field(
        300,
        ge=1,
        le=1_000_000,
        description="Reads a minute that Google grants all credentials of a Cloud project together.",
    )
    sheets_project_writes_per_minute: int = Field(
        300,
        ge=1,
        le=1_000_000,
        description="Writes a minute that Google grants all credentials of a Cloud project together.",
    )
    sync_interval_seconds: int = Field(
        300,
        description="Time between full syncs of a tab that says none of its own: whole minutes that divide an hour, or whole hours that divide a day.",
    )
    sync_max_retries: int = Field(3, ge=0, le=20, description="How often a failed run is tried again.")
    sync_retry_delay_seconds: float = Field(
        5, gt=0, le=3600, description="Wait before a failed run is tried again, doubled each time."
    )
    sync_max_consecutive_failures: int = Field(
        5, ge=1, le=1000, description="Failed runs in a row that open the circuit breaker."
    )
    sync_health_check_interval: int = Field(
        60, ge=1, le=86_400, description="Seconds between looks at health, each of which may send alerts."
    )
    sync_event_max_attempts: int = Field(
        5, ge=1, le=100, description="Failed attempts after which an event is set aside."
    )
    sync_event_runs: int = Field(
        1, ge=1, le=32, description="Event syncs at work beside each other, each for its part of the spreadsheets."
    )
    sync_pause_limit_seconds: int = Field(
        900, ge=0, le=86_400, description="Longest time that pauses and a busy database hold syncs up."
    )
    sync_busy_sessions: int = Field(
        50, ge=0, le=100_000, description="Active sessions of the database that postpone a full sync; 0 for never."
    )
    sync_busy_replication_lag_seconds: float = Field(
        30, ge=0, le=86_400, description="Lag of a read replica that postpones a full sync; 0 for never."
    )
    sync_work_share: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Share of its time for which a scheduled full sync, or an event sync under load, works; in between it waits. 1 for no waits.",
    )
    sync_tab_timeout_seconds: float = Field(
        120, ge=0, le=86_400, description="Longest time in which a tab's function computes its rows; 0 for no limit."
    )
    database_statement_timeout_seconds: float = Field(
        60, ge=0, le=86_400, description="Longest time of one query on the platform's database; 0 for no limit."
    )
    control_api_token: Annotated[SecretStr | None, BeforeValidator(blank_is_unset)] = Field(
        None, description="Bearer token of the control API; without one only this machine is served."
    )
    control_api_host: str = Field("127.0.0.1", description="Address that the control API listens on.")
    control_api_port: int = Field(3100, ge=1, le=65_535, description="Port of the control API.")
    dagster_url: OptionalText = Field(None, description="Address of the Dagster UI; found by itself under `dev`.")
    dagster_allowed_hosts: OptionalText = Field(
        None,
        description="Names under which the Dagster UI is reached beside this machine's, separated by commas: those of a reverse proxy.",
    )
    sources_store: Literal["postgresql", "elasticsearch"] = Field(
        "postgresql", description="Where versions of sources are kept; elasticsearch is OpenSearch, too."
    )
    sources_database_url: DatabaseUrl = Field(
        None,
        description="The PostgreSQL that versions of sources are kept in. Without it, that of the pipeline's own tables.",
    )
    elasticsearch_url: Annotated[SecretStr | None, BeforeValidator(blank_is_unset)] = Field(
        None,
        description="Elasticsearch or OpenSearch for sources: http(s)://user:password@host:9200, or with api_key as the user and the key as the password.",
    )
    sources_max_workers: int = Field(3, ge=1, le=50, description="Spreadsheets whose sources are read at a time.")
    alert_urls: Annotated[SecretStr | None, BeforeValidator(blank_is_unset)] = Field(
        None, description="Where alerts go: Apprise URLs, separated by spaces."
    )
    keep_runs_days: int = Field(14, ge=1, le=3650, description="Days that finished runs and their logs are kept.")
    keep_history_days: int = Field(30, ge=1, le=3650, description="Days that records of single syncs are kept.")
    keep_event_runs_days: int = Field(
        2, ge=1, le=3650, description="Days that successful runs of event_sync and their logs are kept."
    )
    edits_enabled: bool | None = Field(
        None,
        description="Whether what people type into editable columns changes the database; only the embedded demo's where left out.",
    )
    edits_webhook_secret: Annotated[SecretStr | None, BeforeValidator(blank_is_unset)] = Field(
        None,
        description="What the secret of each spreadsheet's Apps Script is made from; without it, the webhook takes no edits.",
    )
    edits_webhook_host: str = Field("127.0.0.1", description="Address of the webhook, where it has a port of its own.")
    edits_webhook_port: Annotated[int | None, BeforeValidator(blank_is_unset)] = Field(
        None, ge=1, le=65_535, description="Port of the webhook alone; without it, it is served by the control API."
    )
    edits_poll_seconds: Annotated[int | None, BeforeValidator(blank_is_unset)] = Field(
        None,
        ge=10,
        le=86_400,
        description="Seconds between reads of editable tabs for edits; without it, full syncs find them.",
    )
    keep_edits_days: int = Field(365, ge=1, le=3650, description="Days that settled edits are kept in the ledger.")
    sync_owners: OptionalText = Field(
        None, description="Owners of the tabs' assets: mail addresses or team:NAME, separated by commas."
    )
    log_format: Literal["text", "json"] = Field("text", description="Form of log lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")
    otel_exporter_otlp_endpoint: OptionalText = Field(
        None,
        description="Where traces of runs go: base URL of OTLP over HTTP, such as http://localhost:4318. Without it, there are none.",
    )
    otel_exporter_otlp_headers: Annotated[SecretStr | None, BeforeValidator(blank_is_unset)] = Field(
        None, description="What whoever takes traces asks for, a token for instance: NAME=VALUE, separated by commas."
    )
    project_dir: Annotated[Path | None, BeforeValidator(blank_is_unset)] = Field(
        None, description="The folder with tabs/."
    )
    local_data_dir: Path = Field(Path(".local"), description="Folder for the data of what is embedded.")

    @property
    def edits_on(self) -> bool:
        """Whether edits change the database: as set, else where both database and spreadsheet are the embedded ones."""
        all_embedded = self.database_url is None and self.spreadsheet_id is None
        return all_embedded if self.edits_enabled is None else self.edits_enabled

    @field_validator("sync_interval_seconds")
    @classmethod
    def _interval_fits_cron(cls, value: int) -> int:
        if (wrong := wrong_interval(value)) is not None:
            raise ValueError(wrong)
        return value

    @field_validator("sync_owners")
    @classmethod
    def _owners_are_known(cls, value: str | None) -> str | None:
        for owner in _listed(value):
            if not OWNER.fullmatch(owner):
                raise ValueError(f"must be mail addresses or team:NAME, separated by commas; {owner!r} is neither")
        return value

    @property
    def owners(self) -> list[str]:
        """Owners of the tabs' assets."""
        return _listed(self.sync_owners)

    @field_validator("host_labels")
    @classmethod
    def _labels_are_names(cls, value: str | None) -> str | None:
        for label in _listed(value):
            if not re.match(LABEL, label):
                raise ValueError(
                    f"must be labels of letters, digits, _ and -, separated by commas; {label!r} is not one"
                )
        return value

    @property
    def labels(self) -> list[str]:
        """Labels of this host."""
        return sorted(set(_listed(self.host_labels)))

    @field_validator("dagster_allowed_hosts")
    @classmethod
    def _hosts_are_names(cls, value: str | None) -> str | None:
        for host in _listed(value):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(:\d{1,5})?", host):
                raise ValueError(
                    f"must be names such as dagster.example.org, separated by commas, without http:// and *; {host!r} is not"
                )
        return value

    @property
    def allowed_hosts(self) -> list[str]:
        """Names of the Dagster UI beside this machine's: those set, and the one by which our own parts ask for it."""
        own = urlsplit(self.dagster_url).hostname if self.dagster_url else None
        return [*_listed(self.dagster_allowed_hosts), *([own] if own else [])]

    @field_validator("spreadsheet_id")
    @classmethod
    def _id_from_url(cls, value: str | None) -> str | None:
        return None if value is None else spreadsheet_id_in(value)

    @property
    def otel_headers(self) -> dict[str, str] | None:
        """Headers for whoever takes traces; their values are URL-encoded in the setting."""
        given = self.otel_exporter_otlp_headers
        pairs = [one.split("=", 1) for one in _listed(given.get_secret_value() if given else None)]
        return {name.strip().lower(): unquote(value.strip()) for name, value in pairs} or None

    @field_validator("otel_exporter_otlp_headers")
    @classmethod
    def _headers_are_pairs(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and any("=" not in one for one in _listed(value.get_secret_value())):
            raise ValueError("must be NAME=VALUE, several of them separated by commas")
        return value

    @field_validator("sheets_api_endpoint", "otel_exporter_otlp_endpoint")
    @classmethod
    def _endpoint_is_url(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https?://[^/\s]+", value):
            raise ValueError("must be a URL such as http://127.0.0.1:8099")
        return value.rstrip("/") if value else None

    @field_validator("sheets_api_endpoint", "dagster_url", "otel_exporter_otlp_endpoint")
    @classmethod
    def _address_holds_no_secret(cls, value: str | None) -> str | None:
        if value is not None and urls.holds_secret(value):
            raise ValueError("must be an address without user and password, as messages show it")
        return value

    @field_validator("google_application_credentials")
    @classmethod
    def _key_file_is_a_path(cls, value: Path | None) -> Path | None:
        if value is not None and (str(value).lstrip().startswith("{") or urls.holds_secret(str(value))):
            raise ValueError("must be the path of a key file; the key itself goes into GOOGLE_CREDENTIALS_JSON")
        return value

    @field_validator("database_url", "pipeline_database_url", "dagster_postgres_url", "sources_database_url")
    @classmethod
    def _url_parses(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            urls.parsed(value.get_secret_value())
        return value

    @field_validator("sources_database_url")
    @classmethod
    def _sources_are_in_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urls.parsed(value.get_secret_value()).get_backend_name() != "postgresql":
            raise ValueError("must be a PostgreSQL URL, or use Elasticsearch: SOURCES_STORE=elasticsearch")
        return value

    @field_validator("elasticsearch_url")
    @classmethod
    def _elasticsearch_is_a_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://[^/\s]+", value.get_secret_value()):
            raise ValueError("must be a URL such as http://user:password@127.0.0.1:9200")
        return value

    @field_validator("dagster_postgres_url")
    @classmethod
    def _storage_is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urls.parsed(value.get_secret_value()).get_backend_name() != "postgresql":
            raise ValueError("must be a PostgreSQL URL: Dagster's storage is kept by dagster-postgres")
        return value


def spreadsheet_id_in(text: str) -> str:
    """The id of a spreadsheet whose id or address this is.

    Raises:
        ValueError: It is neither; says what is expected.
    """
    text = text.strip().strip("<>\"'").strip()
    if "/d/e/" in text:
        raise ValueError(
            "must be the address that editors see (https://docs.google.com/spreadsheets/d/ID/edit); "
            "this one, with /d/e/, is of a published copy and has another id"
        )
    if match := _SPREADSHEET_URL.search(text):
        return match[1] or match[2]
    if not re.fullmatch(r"[\w-]+", text):
        raise ValueError("must be a spreadsheet's id or its full URL (https://docs.google.com/spreadsheets/d/ID/edit)")
    return text


def load_settings(**overrides: Any) -> Settings:
    """Read and validate all settings.

    Raises:
        SettingsError: Names each wrong variable, the value received (never a secret's) and what is valid.
    """
    return read_settings(Settings, **overrides)


@dataclass(frozen=True, slots=True)
class OwnSetting:
    """A setting of one tab's own: a field of a class that reads the environment as ``Settings`` does."""

    of: type[BaseSettings]
    field: str

    @property
    def variable(self) -> str:
        """What it is called in the environment and in ``.env``."""
        return self.field.upper()

    @property
    def kind(self) -> Any:
        """The type that it is declared with; None where the class has no such field."""
        field = self.of.model_fields.get(self.field)
        return field and field.annotation

    def read(self) -> Any:
        """Its value now.

        Raises:
            SettingsError: It is wrong, or another one of its class.
        """
        return getattr(read_settings(self.of), self.field)
