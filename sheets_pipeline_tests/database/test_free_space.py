"""Whether a server has room, asked of a real one on a disk of 100 MB that is filled meanwhile."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import free_space
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.free_space import why_disk_is_full
from sheets_pipeline.embedded.postgres import EmbeddedPostgres
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.testing import FAST_POSTGRES


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Until nothing more fits."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 65_536)


def test_a_full_disk_is_told_while_the_server_still_answers_and_no_longer_once_there_is_room(small_disk: Path):
    server = EmbeddedPostgres(small_disk / "postgres", server_settings=FAST_POSTGRES | {"max_wal_size": "32MB"})
    engine = connect(server.ensure().url("postgres"))
    try:
        assert why_disk_is_full(engine) is None
        ballast = small_disk / "ballast"
        fill(ballast)
        told = why_disk_is_full(engine)
        assert told is not None
        assert "has no room left on its disk. Make room" in told
        with engine.connect() as connection:
            assert connection.scalar(sa.text("select 1")) == 1
        ballast.unlink()
        assert why_disk_is_full(engine) is None
    finally:
        engine.dispose()
        server.stop()


def test_asking_leaves_nothing_behind(postgresql: sa.Engine):
    written = sa.text("select count(*) from pg_ls_tmpdir()")
    assert why_disk_is_full(postgresql) is None
    with postgresql.connect() as connection:
        assert connection.scalar(written) == 0
        assert connection.scalar(sa.text("show work_mem")) != "64kB"
        connection.execute(free_space._LITTLE_MEMORY)
        plan = " ".join(connection.scalars(sa.text(f"explain (analyze, costs off) {free_space._SORT.text}")))
    assert "external merge" in plan


def test_a_server_that_allows_no_temporary_file_is_not_taken_for_full(database_url: str):
    separator = "&" if "?" in database_url else "?"
    engine = connect(f"{database_url}{separator}options=-c%20temp_file_limit=100kB")
    with engine.connect() as connection:
        assert connection.scalar(sa.text("show temp_file_limit")) == "100kB"
    assert why_disk_is_full(engine) is None
    engine.dispose()


def test_a_server_that_is_away_is_an_error():
    engine = connect("postgresql+psycopg://me@127.0.0.1:1/nowhere")
    with pytest.raises(DatabaseError, match="cannot be reached"):
        why_disk_is_full(engine)


def test_other_databases_are_not_asked():
    engine = connect("sqlite://")
    assert why_disk_is_full(engine) is None
    engine.dispose()
