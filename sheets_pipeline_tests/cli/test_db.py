"""``sheets-pipeline db`` against a real database."""

import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sheets_pipeline.cli.db import db
from sheets_pipeline.database import triggers
from sheets_pipeline.platform.watches import WATCHED


@pytest.fixture
def runner(postgresql: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("DATABASE_URL", postgresql.url.render_as_string(hide_password=False))
    return CliRunner()


def test_the_queue_is_installed_checked_and_removed_by_command(runner: CliRunner, postgresql: sa.Engine):
    missing = runner.invoke(db, ["check"])
    assert missing.exit_code == 1
    assert "Table pending_event is missing." in missing.output
    assert "db install" in missing.output
    assert runner.invoke(db, ["install"]).exit_code == 0
    complete = runner.invoke(db, ["check", "--json"])
    told = {"is_complete": True, "problems": [], "warnings": []}
    assert (complete.exit_code, json.loads(complete.output)) == (0, told)
    removed = runner.invoke(db, ["remove", "--yes"])
    assert "pending_event" in removed.output
    assert "nothing to drop" in runner.invoke(db, ["remove", "--yes"]).output
    assert not triggers.check(postgresql, WATCHED).is_complete


def test_removing_asks_first(runner: CliRunner, postgresql: sa.Engine):
    triggers.install(postgresql, WATCHED)
    refused = runner.invoke(db, ["remove"], input="n\n")
    assert refused.exit_code == 1
    assert triggers.check(postgresql, WATCHED).is_complete


def test_the_password_is_not_shown(runner: CliRunner, postgresql: sa.Engine):
    assert postgresql.url.password
    assert postgresql.url.password not in runner.invoke(db, ["install"]).output


def test_installing_ends_with_1_and_says_what_it_could_not_mend(runner: CliRunner, postgresql: sa.Engine):
    with postgresql.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users RENAME COLUMN email TO email_address")
    result = runner.invoke(db, ["install"])
    assert result.exit_code == 1
    assert "Mended: table pending_event is missing." in result.output
    assert "Column users.email is missing" in result.output
    checked = runner.invoke(db, ["check"])
    assert checked.exit_code == 1
    assert "Run `sheets-pipeline db install`." not in checked.output
