"""Stores that an earlier or a newer version made, on each kind of database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sheets_pipeline.cli.db import db
from sheets_pipeline.database import history, upgrade
from sheets_pipeline.database.archive import ArchiveStore
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.held_tabs import held
from sheets_pipeline.database.leases import paused_until, take
from sheets_pipeline.database.quota import DatabaseQuota
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.database.upgrade import Step, declared, install_state
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline_tests.database.earlier_stores import EARLIER, make_store


@pytest.mark.parametrize("commit", EARLIER)
def test_a_store_of_an_earlier_version_is_mended_and_keeps_its_rows(engine: sa.Engine, commit: str):
    make_store(engine, commit)
    assert not upgrade.check(engine, declared()).is_complete
    install_state(engine)
    assert upgrade.check(engine, declared()).is_complete
    store = TabStore(engine, "S", "T")
    assert store.base(["7"]) == {"7": None}  # which cell belongs to which column is not known
    assert store.read_facts() == {"sheet_id": 5, "time_zone": "UTC", "layout": {"id": 0}, "seen_at": 1.5}
    _use(engine, store)
    if commit != "118f630":
        assert [sync.run_id for sync in history.recent(engine)] == ["new", "r"]


def _use(engine: sa.Engine, store: TabStore) -> None:
    """Everything that a sync does with its tables."""
    with history.recorded(engine, "S", "T", "full", "new") as sync:
        sync.report = SyncReport("T", seconds=1.0)
    history.tab_histories(engine, "S")
    store.confirm({"7": {"id": 7, "name": "Ada"}, "8": {"id": 8, "name": "Grace"}})
    store.forget(["7"])
    with DatabaseQuota(engine, "c", reads_per_minute=60, writes_per_minute=60).slot("read"):
        held(engine, "S")
    take(engine, "me", 10)
    assert paused_until(engine, 60) is not None
    archive = ArchiveStore(engine, "S", "T")
    archive.save(archive.boundary())


def test_a_lost_index_is_made_again(engine: sa.Engine):
    install_state(engine)
    with engine.begin() as connection:
        on = " ON sync_history" if engine.dialect.name in {"mysql", "mariadb"} else ""
        connection.exec_driver_sql(f"DROP INDEX sync_history_run{on}")
    assert upgrade.check(engine, declared()).problems == ["index sync_history_run is missing"]
    install_state(engine)
    assert upgrade.check(engine, declared()).is_complete


def test_several_processes_mend_a_store_at_once(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch):
    make_store(engine, "5175745")
    ran: list[int] = []
    monkeypatch.setattr(upgrade, "STEPS", (*upgrade.STEPS, Step("once", lambda _connection: ran.append(1))))
    engines = [connect(engine.url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(install_state, engines))
    for each in engines:
        each.dispose()
    assert ran == [1]
    assert upgrade.check(engine, declared()).is_complete


def test_a_step_that_failed_runs_again_the_next_time(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch):
    install_state(engine)
    outcomes = iter([ZeroDivisionError(), None])

    def run(_connection: sa.Connection) -> None:
        if error := next(outcomes):
            raise error

    monkeypatch.setattr(upgrade, "STEPS", (*upgrade.STEPS, Step("shaky", run)))
    with pytest.raises(ZeroDivisionError):
        install_state(engine)
    assert upgrade.check(engine, declared()).problems == ["change 'shaky' has not been made yet"]
    install_state(engine)
    assert upgrade.check(engine, declared()).is_complete


def test_a_store_of_a_newer_version_is_refused(engine: sa.Engine):
    install_state(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO sync_upgrade (step, done_at) VALUES ('split_keys', '2027-01-01 00:00:00')"
        )
    with pytest.raises(DatabaseError, match=r"newer version.*'split_keys'") as caught:
        install_state(engine)
    assert caught.value.needs_person
    assert "PIPELINE_DATABASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_column_of_a_newer_version_that_must_be_filled_is_refused(database_url: str):
    engine = connect(database_url)
    install_state(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sync_tab ADD COLUMN owner INTEGER NOT NULL")
    with pytest.raises(DatabaseError, match=r"newer version.*sync_tab\.owner"):
        install_state(engine)
    engine.dispose()


def test_a_column_of_a_newer_version_that_may_be_empty_harms_nothing(engine: sa.Engine):
    install_state(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sync_tab ADD COLUMN owner INTEGER")
    install_state(engine)
    TabStore(engine, "S", "T").confirm({"1": {"id": 1}})


def test_a_required_column_is_added_with_its_default_for_rows_that_are_there(engine: sa.Engine):
    make_store(engine, "118f630")
    metadata = sa.MetaData()
    table = sa.Table("sync_tab", metadata, sa.Column("id", sa.Integer, primary_key=True))
    for name, kind, default in (
        ("is_own", sa.Boolean, False),
        ("weight", sa.Double, 0.5),
        ("note", sa.String(9), "it's"),
    ):
        table.append_column(sa.Column(name, kind, nullable=False, default=default))
    with engine.begin() as connection:
        for name in ("is_own", "weight", "note"):
            upgrade.add_column(connection, table.c[name])
        assert connection.execute(sa.select(table)).one() == (1, False, 0.5, "it's")


def test_a_user_who_may_not_change_the_tables_is_told_what_is_missing(database_url: str):
    owner = connect(database_url)
    make_store(owner, "5175745")
    with owner.connect() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS user_only")
        connection.exec_driver_sql("CREATE ROLE user_only LOGIN PASSWORD 'secret-of-user'")
        connection.exec_driver_sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO user_only")
        connection.commit()
        user = connect(owner.url.set(username="user_only", password="secret-of-user"))
        with pytest.raises(DatabaseError, match=r"column sync_history\.refused_requests is missing") as caught:
            install_state(user)
        assert caught.value.needs_person
        assert "secret-of-user" not in str(caught.value)
        install_state(owner)
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO user_only")
        connection.commit()
        install_state(user)
        user.dispose()
        connection.exec_driver_sql("DROP OWNED BY user_only; DROP ROLE user_only")
        connection.commit()
    owner.dispose()


def test_before_it_is_mended_an_old_store_is_told_with_the_right_remedy(database_url: str):
    engine = connect(database_url)
    make_store(engine, "5175745")
    for use in (lambda: history.recent(engine), lambda: _record(engine)):
        with pytest.raises(DatabaseError, match="another version") as caught:
            use()
        assert "sheets-pipeline db upgrade" in str(caught.value)
        assert "pending_event" not in str(caught.value)
    engine.dispose()


def _record(engine: sa.Engine) -> None:
    history.complete(engine, history.begin(engine, "S", "T", "full", "r"), SyncReport("T"))


def test_the_command_mends_the_store(database_url: str, monkeypatch: pytest.MonkeyPatch):
    engine = connect(database_url)
    make_store(engine, "190f150")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    monkeypatch.setenv("PIPELINE_DATABASE_URL", database_url)
    result = CliRunner().invoke(db, ["upgrade"])
    assert result.exit_code == 0, result.output
    assert "Mended: column sync_history.refused_requests is missing." in result.output
    assert upgrade.check(engine, declared()).is_complete
    engine.dispose()
