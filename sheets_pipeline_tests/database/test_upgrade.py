"""Stores that an earlier or a newer version made, on each kind of database."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner

from sheets_pipeline.cli.db import db
from sheets_pipeline.database import history, upgrade
from sheets_pipeline.database.archive import ArchiveStore
from sheets_pipeline.database.chains import QUEUE, SOURCES, STORE, Chain, NotedChain
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.held_tabs import held
from sheets_pipeline.database.leases import paused_until, take
from sheets_pipeline.database.quota import DatabaseQuota
from sheets_pipeline.database.source_tables import sources_metadata
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline_tests.database.earlier_stores import EARLIER, make_store


@pytest.mark.parametrize("commit", EARLIER)
def test_a_store_of_an_earlier_version_is_mended_and_keeps_its_rows(engine: sa.Engine, commit: str):
    make_store(engine, commit)
    assert not upgrade.check(engine).is_complete
    install_state(engine)
    assert upgrade.check(engine).is_complete
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
    history.tab_histories(engine, ["S"])
    store.confirm({"7": {"id": 7, "name": "Ada"}, "8": {"id": 8, "name": "Grace"}})
    store.forget(["7"])
    with DatabaseQuota(engine, "c", reads_per_minute=60, writes_per_minute=60).slot("read"):
        held(engine, "S")
    take(engine, "me", 10)
    assert paused_until(engine, 60) is not None
    archive = ArchiveStore(engine, "S", "T")
    archive.save(archive.boundary())


def test_what_is_lost_later_is_told_and_made_again_by_the_command(engine: sa.Engine):
    install_state(engine)
    with engine.begin() as connection:
        on = " ON sync_history" if engine.dialect.name in {"mysql", "mariadb"} else ""
        connection.exec_driver_sql(f"DROP INDEX sync_history_run{on}")
        connection.exec_driver_sql("ALTER TABLE sync_tab DROP COLUMN facts")
        connection.exec_driver_sql("DROP TABLE sync_pause")
    lost = ["column sync_tab.facts is missing", "index sync_history_run is missing", "table sync_pause is missing"]
    assert upgrade.check(engine).problems == lost
    assert upgrade.bring_up_to_date(engine).problems == lost
    assert upgrade.check(engine).is_complete


def test_tables_are_what_the_code_declares(engine: sa.Engine):
    install_state(engine)
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _parents: kind != "table" or name in state_metadata.tables}
        context = MigrationContext.configure(connection, opts={**options, "compare_type": True})
        assert compare_metadata(context, state_metadata) == []


def test_tables_of_sources_are_what_the_code_declares(database_url: str):
    engine = connect(database_url)
    install_state(engine, SOURCES)
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _parents: kind != "table" or name in sources_metadata.tables}
        context = MigrationContext.configure(connection, opts={**options, "compare_type": True})
        assert compare_metadata(context, sources_metadata) == []
    engine.dispose()


@pytest.mark.parametrize("chain", [STORE, SOURCES, QUEUE])
def test_the_code_knows_its_last_change(chain: Chain):
    assert ScriptDirectory.from_config(chain.config()).get_heads() == [chain.head]


@pytest.fixture
def longer(tmp_path: Path) -> NotedChain:
    """The store's changes and one more, which must not run twice; it fails while there is a file ``broken``."""
    folder = tmp_path / "changes"
    shutil.copytree(STORE.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "v9999_more.py").write_text(
        f"""from pathlib import Path
from alembic import op
revision, down_revision = "9999", {STORE.head!r}
def upgrade():
    op.execute("INSERT INTO sync_hold (kind) VALUES ('once')")
    if Path({str(tmp_path / "broken")!r}).exists():
        raise ZeroDivisionError
"""
    )
    return NotedChain(folder, "9999", STORE.table)


def test_several_processes_mend_a_store_at_once(engine: sa.Engine, longer: NotedChain):
    make_store(engine, "5175745")
    engines = [connect(engine.url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: install_state(each, longer), engines))
    for each in engines:
        each.dispose()
    with engine.connect() as connection:
        assert longer.version(connection) == "9999"


def test_a_change_that_failed_runs_again_the_next_time(engine: sa.Engine, longer: NotedChain, tmp_path: Path):
    (tmp_path / "broken").touch()
    with pytest.raises(ZeroDivisionError):
        install_state(engine, longer)
    (tmp_path / "broken").unlink()
    with engine.connect() as connection:
        assert longer.version(connection) != "9999"  # some databases keep each change that was made
    install_state(engine, longer)
    with engine.connect() as connection:
        assert longer.version(connection) == "9999"


def test_wherever_an_upgrade_ends_the_next_one_goes_on(engine: sa.Engine):
    make_store(engine, "5175745")
    left = [0]

    def end(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    sa.event.listen(engine, "before_cursor_execute", end)
    # Every statement; of transactions that are undone as a whole, as those of PostgreSQL and SQLite, every third.
    for attempt in range(0, 400, 3 if engine.dialect.name in {"postgresql", "sqlite"} else 1):
        left[0] = attempt
        with suppress(KeyboardInterrupt):
            install_state(engine)
            break
    sa.event.remove(engine, "before_cursor_execute", end)
    assert attempt > 20
    assert upgrade.check(engine).is_complete
    assert [sync.run_id for sync in history.recent(engine)] == ["r"]
    assert TabStore(engine, "S", "T").base(["7"]) == {"7": None}


def test_a_store_of_a_newer_version_is_refused(engine: sa.Engine):
    install_state(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sheets_pipeline_version SET version_num = '9999'")
    for use in (install_state, upgrade.bring_up_to_date):
        with pytest.raises(DatabaseError, match=rf"newer version.*to 9999; {STORE.head} is the last") as caught:
            use(engine)
        assert caught.value.needs_person
        assert "put back the dump" in str(caught.value)
        assert "secret" not in str(caught.value)
    assert upgrade.check(engine).problems == [
        f"they are of version 9999, and {STORE.head} is the last that is known here"
    ]


def test_versions_before_alembic_are_told_to_keep_off(engine: sa.Engine):
    """They refuse a store that has a change in ``sync_upgrade`` which they do not know."""
    install_state(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT step FROM sync_upgrade").scalars().all() == [
            "sheets_pipeline_version"
        ]


def test_a_column_of_somebody_else_that_may_be_empty_harms_nothing(engine: sa.Engine):
    install_state(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sync_tab ADD COLUMN owner INTEGER")
    install_state(engine)
    TabStore(engine, "S", "T").confirm({"1": {"id": 1}})


def test_a_user_who_may_not_change_the_tables_is_told_what_is_missing(database_url: str):
    owner = connect(database_url)
    make_store(owner, "5175745")
    with owner.connect() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS user_only")
        connection.exec_driver_sql("CREATE ROLE user_only LOGIN PASSWORD 'secret-of-user'")
        connection.exec_driver_sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO user_only")
        connection.commit()
        user = connect(owner.url.set(username="user_only", password="secret-of-user"))
        with pytest.raises(DatabaseError, match=rf"they are of a version before 0001, not {STORE.head}") as caught:
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
    assert f"Mended: they are of a version before 0001, not {STORE.head}." in result.output
    assert upgrade.check(engine).is_complete
    engine.dispose()
