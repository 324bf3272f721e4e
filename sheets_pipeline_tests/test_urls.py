"""Whatever is wrong with an address, the secret in it is never shown."""

from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline import urls
from sheets_pipeline.database.engine import connect, described, explain
from sheets_pipeline.errors import DatabaseError, SettingsError
from sheets_pipeline.settings import load_settings

SECRET = "s3cr3tPassw0rd"
PARTS = ("s3cr3t", "Passw0rd")

MALFORMED = [
    f"postgresql://user:{SECRET}@host:0/name",
    f"postgresql://user:{SECRET}",
    f"postgresql://user:{SECRET}/name",
    f"postgresql://user:{SECRET}@host:port/name",
    f"postgresql://user:{SECRET}@host:99999/name",
    "postgresql://user:s3cr3t@Passw0rd@host/name",
    "postgresql://user:s3cr3t/Passw0rd@host:x/name",
    "postgresql://user/s3cr3tPassw0rd@host/name",
    f"postgresql:user:{SECRET}@host/name",
    f"user:{SECRET}@host/name",
    f"{SECRET}://user@host/name",
    f"postgresql://user:{SECRET}@[::1/name",
    f"postgresql://user:{SECRET}@host name/x",
    SECRET,
    f"postgresql://user:{SECRET}%@host:%zz/name",
    f"postgresql+{SECRET}://user@host/name",
]


def said(function: Any, *arguments: Any, **options: Any) -> str:
    """The error that a call raises, with all errors that led to it; blank where it raises none."""
    try:
        function(*arguments, **options)
    except Exception as error:
        seen: BaseException | None = error
        parts = []
        while seen is not None:
            parts.append(f"{type(seen).__name__}: {seen} {seen.args}")
            seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
        return "\n".join(parts)
    return ""


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_url_is_refused_and_never_quoted(url: str) -> None:
    for name in ("database_url", "pipeline_database_url", "dagster_postgres_url"):
        message = said(load_settings, **{name: url})
        assert message.startswith(
            f"SettingsError: {name.upper()} is a value that is not shown: must be a SQLAlchemy URL"
        )
        assert not any(part in message for part in PARTS)
    message = said(connect, url)
    assert message.startswith("DatabaseError")
    assert not any(part in message for part in PARTS)


@given(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from(["postgresql://u:{}@h/n", "postgresql://u:{}", "{}", "postgresql://{}@h:1/n", "mysql://u:p@h/{}"]),
    st.booleans(),
)
def test_no_hostile_password_shows_in_what_is_said_of_its_url(around: str, form: str, is_encoded: bool) -> None:
    secret = f"{around}{SECRET}{around}"
    url = form.format(quote(secret, safe="") if is_encoded else secret)
    messages = said(load_settings, database_url=url) + said(connect, url)
    if not messages and "{}@" in form and ":{}" in form:
        parsed = urls.parsed(url)
        error = Exception(
            f'could not translate host name "{parsed.host}": {parsed.password} {quote(str(parsed.password))}'
        )
        messages += described(parsed) + str(explain(error, parsed))
    assert SECRET not in messages


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spreadsheet_id", f"postgresql://user:{SECRET}@host/name"),
        ("sheets_api_endpoint", f"http://user:{SECRET}@host"),
        ("sheets_api_endpoint", f"postgresql://user:{SECRET}@host/name"),
        ("dagster_url", f"http://user:{SECRET}@host"),
        ("sync_owners", f"postgresql://user:{SECRET}@host/name"),
        ("sheets_reads_per_minute", f"postgresql://user:{SECRET}@host/name"),
        ("log_format", '{"private_key": "' + SECRET + '"}'),
        ("google_application_credentials", '{"type": "service_account", "private_key": "' + SECRET + '"}'),
    ],
)
def test_a_secret_in_the_wrong_setting_is_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(**{name: value})
    assert SECRET not in str(refused.value)
    assert name.upper() in str(refused.value)


@pytest.mark.parametrize("form", ["{}", "{}%40", "a%2Fb%3A{}"])
def test_what_a_server_says_shows_no_form_of_the_password(form: str) -> None:
    url = sa.make_url(f"postgresql://user:{form.format(SECRET)}@host/name?sslpassword={SECRET}2")
    for shown in urls.secrets_in_url(url):
        error = explain(Exception(f'connection refused: "{shown}"'), url)
        assert isinstance(error, DatabaseError)
        assert SECRET not in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:p%40ss%2F%3A@db.example.org:5432/name?sslmode=require",
        "postgresql+psycopg2://user@127.0.0.1/name",
        "mysql+pymysql://user:pass@[::1]:3306/name",
        "postgresql:///name?host=/var/run/postgresql",
        "sqlite:////tmp/a@b.db",
        "sqlite://",
        "postgresql://me@tenant:pass@server.postgres.database.azure.com/name",
    ],
)
def test_a_sound_url_is_taken(url: str) -> None:
    assert urls.parsed(url) == sa.make_url(url)


@pytest.mark.parametrize("shown", ["p%40 s+s/", "p@ s s/", "p@ s+s/", "p%2540%20s%2Bs/", "p%2540%20s%2Bs%2F"])
def test_a_secret_is_known_in_each_form_in_which_a_message_may_show_it(shown: str) -> None:
    assert shown in urls.forms_of("p%40 s+s/")
