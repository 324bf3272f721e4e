"""The id of an installation stays with its database, and copies of the database get one of their own."""

import shutil
from pathlib import Path

import psycopg
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.installation import Installation, known, sync_installation
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.embedded.postgres import Server


def test_the_id_is_made_once_and_found_again(engine: sa.Engine) -> None:
    install_state(engine)
    assert known(engine) is None
    made = Installation(engine).owner()
    assert Installation(engine).owner() == made == known(engine)
    assert len(made.installation) == 10
    password = engine.url.password
    assert password is None or password not in str(made)
    assert str(engine.url.username) not in str(made).replace(str(engine.url.database), "")


def test_a_copy_in_another_place_is_another_installation_and_a_restored_one_is_not(engine: sa.Engine) -> None:
    install_state(engine)
    made = Installation(engine).owner()
    with engine.begin() as connection:  # what a dump of another server, restored here, holds
        connection.execute(sa.update(sync_installation).values(place='{"name": "x", "anchors": ["cluster 1"]}'))
    assert known(engine) is None
    copied = Installation(engine).owner()
    assert copied.installation != made.installation
    assert Installation(engine).owner() == copied


def test_another_process_learns_that_the_installation_was_renewed(engine: sa.Engine) -> None:
    install_state(engine)
    here, there = Installation(engine), Installation(engine)
    made = here.owner()
    assert there.owner() == made
    renewed = here.renew()
    assert renewed.installation != made.installation
    assert there.owner(anew=True) == renewed


def test_a_copy_on_the_same_postgresql_server_is_another_installation(
    postgres_server: Server, database_url: str
) -> None:
    engine = connect(database_url)
    install_state(engine)
    made = Installation(engine).owner()
    engine.dispose()
    name = str(engine.url.database)
    with psycopg.connect(postgres_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}_staging" TEMPLATE "{name}"')
        try:
            copied = connect(engine.url.set(database=f"{name}_staging"))
            assert Installation(copied).owner().installation != made.installation
            copied.dispose()
        finally:
            connection.execute(f'DROP DATABASE "{name}_staging" WITH (FORCE)')


def test_the_id_stays_where_the_role_may_not_ask_for_the_cluster(postgres_server: Server, database_url: str) -> None:
    engine = connect(database_url)
    install_state(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.exec_driver_sql("CREATE ROLE plain LOGIN")
        connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
    plain = sa.create_engine(engine.url)
    try:
        sa.event.listen(plain, "begin", lambda connection: connection.exec_driver_sql("SET LOCAL ROLE plain"))
        made = Installation(plain).owner()
        assert Installation(plain).owner() == made
    finally:
        plain.dispose()
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP OWNED BY plain; DROP ROLE plain")
        engine.dispose()


def test_a_copied_file_is_another_installation_and_one_that_was_put_back_is_not(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 's.db'}")
    install_state(engine)
    made = Installation(engine).owner()
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
    engine.dispose()
    shutil.copy(tmp_path / "s.db", tmp_path / "backup.db")
    assert Installation(connect(f"sqlite:///{tmp_path / 'backup.db'}")).owner().installation != made.installation
    shutil.copy(tmp_path / "s.db", tmp_path / "fresh.db")
    (tmp_path / "fresh.db").replace(tmp_path / "s.db")
    assert Installation(connect(f"sqlite:///{tmp_path / 's.db'}")).owner() == made
