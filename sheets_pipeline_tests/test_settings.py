"""A wrong setting is one clear paragraph; a secret is never shown."""

from pathlib import Path

import pytest

from sheets_pipeline.errors import SettingsError
from sheets_pipeline.platform.settings import PlatformSettings
from sheets_pipeline.settings import VALID_INTERVALS, OwnSetting, Settings, load_settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields | PlatformSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_everything_has_a_default() -> None:
    settings = load_settings()
    assert settings.sync_interval_seconds == 300
    assert (settings.sheets_reads_per_minute, settings.sheets_writes_per_minute) == (60, 60)
    assert settings.database_url is None
    assert settings.local_data_dir == Path(".local")


def test_what_changes_is_read_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SYNC_INTERVAL_SECONDS", raising=False)
    dotenv, seen = tmp_path / ".env", []
    for text in ("SYNC_INTERVAL_SECONDS=600", "SYNC_INTERVAL_SECONDS=900", ""):
        dotenv.write_text(text)
        seen.append(load_settings().sync_interval_seconds)
    assert seen == [600, 900, 300]
    monkeypatch.setenv("SYNC_INTERVAL_SECONDS", "1200")
    assert load_settings().sync_interval_seconds == 1200
    assert load_settings(sync_interval_seconds=60).sync_interval_seconds == 60
    assert load_settings().sync_interval_seconds == 1200
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.delenv("SYNC_INTERVAL_SECONDS")
    dotenv.write_text("SYNC_INTERVAL_SECONDS=1800")
    assert load_settings().sync_interval_seconds == 1800
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_settings().sync_interval_seconds == 300


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SYNC_MAX_RETRIES=7\nSYNC_INTERVAL_SECONDS=600\nSPREADSHEET_ID=\n")
    monkeypatch.setenv("SYNC_INTERVAL_SECONDS", "900")
    settings = load_settings()
    assert (settings.sync_max_retries, settings.sync_interval_seconds) == (7, 900)
    assert settings.spreadsheet_id is None


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://reader:s3cret@db/school\n")
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://other@db/other\nALERT_URLS_FILE=url\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://reader:s3cret@db/school"  # the environment wins
    assert settings.alert_urls is not None
    monkeypatch.setenv("DATABASE_URL", "postgresql://third@db/third")
    with pytest.raises(SettingsError, match="DATABASE_URL and DATABASE_URL_FILE are both set"):
        load_settings()


@pytest.mark.parametrize("in_environment", [True, False])
def test_a_secret_that_is_changed_in_its_file_is_read_at_once(
    in_environment: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if in_environment:
        monkeypatch.setenv("EDITS_WEBHOOK_SECRET_FILE", " secret ")
    else:
        (tmp_path / ".env").write_text("edits_webhook_secret_file=secret\n")
    for secret in ("first of two long secrets", "other of two long secrets"):
        (tmp_path / "secret").write_text(secret)
        held = load_settings().edits_webhook_secret
        assert held is not None
        assert held.get_secret_value() == secret
    (tmp_path / "secret").unlink()
    with pytest.raises(SettingsError, match=r"EDITS_WEBHOOK_SECRET_FILE.*cannot be read"):
        load_settings()


def test_a_file_of_a_secret_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROL_API_TOKEN_FILE", "/run/secrets/token")
    with pytest.raises(SettingsError, match=r"CONTROL_API_TOKEN_FILE is '/run/secrets/token': .*No such file"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SYNC_INTERVAL_SECONDS", "420", "SYNC_INTERVAL_SECONDS is '420'.*nearest valid values are 360 or 600"),
        ("SYNC_INTERVAL_SECONDS", "90", "nearest valid values are 60 or 120"),
        ("SYNC_INTERVAL_SECONDS", "999999", "nearest valid value is 86400"),
        ("SHEETS_READS_PER_MINUTE", "many", "SHEETS_READS_PER_MINUTE is 'many'.*integer"),
        ("SHEETS_WRITES_PER_MINUTE", "0", "greater than or equal to 1"),
        ("SPREADSHEET_ID", "https://docs.google.com/spreadsheets/d/e/2PACX-1vT/pubhtml", "of a published copy"),
        (
            "SPREADSHEET_ID",
            "https://docs.google.com/document/d/1AbC_d-E/edit",
            "must be a spreadsheet's id or its full URL",
        ),
        ("SPREADSHEET_ID", "https://drive.google.com/drive/folders/1AbC_d-E", "must be a spreadsheet's id"),
        ("SPREADSHEET_ID", "my sheet!", "must be a spreadsheet's id or its full URL"),
        ("SHEETS_API_ENDPOINT", "localhost:80", "must be a URL such as"),
        ("DAGSTER_POSTGRES_URL", "sqlite:///x.db", "must be a PostgreSQL URL"),
        ("DATABASE_URL", "nonsense", "must be a SQLAlchemy URL"),
    ],
)
def test_a_wrong_value_names_the_variable_the_value_and_what_is_valid(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_a_setting_of_one_tabs_own_is_read_and_explained_as_all_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    setting = OwnSetting(PlatformSettings, "sync_enable_course_stats")
    assert setting.read() is True
    (tmp_path / ".env").write_text("SYNC_ENABLE_COURSE_STATS=no\n")
    assert setting.read() is False
    monkeypatch.setenv("SYNC_ENABLE_COURSE_STATS", "perhaps")
    with pytest.raises(SettingsError, match=r"SYNC_ENABLE_COURSE_STATS is 'perhaps'.*boolean"):
        setting.read()


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres//user:hunter2@host")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hunter2@host/x")
    assert "hunter2" not in repr(load_settings())


@pytest.mark.parametrize(
    "address",
    [
        "1AbC_d-E",
        "https://docs.google.com/spreadsheets/d/1AbC_d-E/edit#gid=0",
        "https://docs.google.com/spreadsheets/u/1/d/1AbC_d-E/edit?usp=sharing",
        "https://docs.google.com/a/example.org/spreadsheets/d/1AbC_d-E/edit?gid=7#gid=7",
        "docs.google.com/spreadsheets/d/1AbC_d-E",
        " <https://docs.google.com/spreadsheets/d/1AbC_d-E/preview> ",
        '"https://drive.google.com/open?usp=drive_copy&id=1AbC_d-E"',
        "https://drive.google.com/file/d/1AbC_d-E/view?usp=drive_link",
        "http://127.0.0.1:8099/spreadsheets/d/1AbC_d-E/edit",
    ],
)
def test_a_spreadsheet_may_be_given_by_its_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("SPREADSHEET_ID", address)
    assert load_settings().spreadsheet_id == "1AbC_d-E"


def test_every_valid_interval_divides_an_hour_or_a_day() -> None:
    assert all(3600 % seconds == 0 or 86400 % seconds == 0 for seconds in VALID_INTERVALS)
    assert {60, 300, 3600, 86400} <= set(VALID_INTERVALS)
