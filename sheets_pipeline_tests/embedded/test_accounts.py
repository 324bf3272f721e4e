"""As whom PostgreSQL runs: root through a user namespace or as nobody, an ordinary user as itself."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from sheets_pipeline.embedded import account as account_module
from sheets_pipeline.embedded.postgres import EmbeddedPostgres
from sheets_pipeline.errors import EmbeddedPostgresError

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
NO_NAMESPACES = ("false",)

#: Imports first: Python's own files may be out of the user's reach.
AS_USER = """
import os, sys
from pathlib import Path
import filelock, psutil, psycopg, psycopg.sql
from sheets_pipeline.embedded import account, cluster
from sheets_pipeline.embedded.postgres import EmbeddedPostgres
account.installed_programs()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
embedded = EmbeddedPostgres(Path(sys.argv[1]) / "postgres")
try:
    with psycopg.connect(embedded.ensure({"kept": None}).conninfo("kept")) as connection:
        print(connection.execute("SELECT 'reached'").fetchone()[0])
finally:
    embedded.stop()
"""


def modes_above(path: Path) -> dict[Path, tuple[int, int]]:
    return {parent: (parent.stat().st_mode, parent.stat().st_uid) for parent in path.parents}


def works(embedded: EmbeddedPostgres) -> bool:
    with psycopg.connect(embedded.ensure({"kept": None}).conninfo("kept")) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="reachable", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@is_root
def test_root_runs_it_in_a_namespace_and_changes_no_mode_or_owner_above(tmp_path: Path):
    embedded = EmbeddedPostgres(tmp_path / "postgres")
    before = modes_above(embedded.folder)
    try:
        assert works(embedded)
        server = embedded.running()
        assert server is not None
        assert psutil.Process(server.pid).uids().real == 0  # seen from outside; the server itself sees user 1
        assert modes_above(embedded.folder) == before
    finally:
        embedded.stop()


@is_root
@pytest.mark.parametrize("is_reachable", [True, False], ids=["folder reachable", "folder out of reach"])
def test_where_namespaces_are_refused_root_runs_it_as_nobody(
    reachable: Path, monkeypatch: pytest.MonkeyPatch, is_reachable: bool
):
    folder = reachable / "mine"
    folder.mkdir(mode=0o755 if is_reachable else 0o700)
    monkeypatch.setattr(account_module, "_NAMESPACE", NO_NAMESPACES)
    embedded = EmbeddedPostgres(folder / "postgres")
    if is_reachable:  # as an earlier version made it; a new one is for its owner alone
        embedded.folder.mkdir(mode=0o755)
    before = modes_above(embedded.folder)
    elsewhere = account_module._reachable_home(embedded.folder)
    try:
        assert works(embedded)
        server = embedded.running()
        assert server is not None
        assert psutil.Process(server.pid).uids().real == 65534
        assert (embedded.folder / "data").exists() is is_reachable
        assert stat.S_IMODE((embedded.folder / "state.json").stat().st_mode) == 0o600
        assert modes_above(embedded.folder) == before
        embedded.stop()
        monkeypatch.undo()
        assert works(embedded)  # namespaces allowed again: same data, now root's
    finally:
        embedded.reset()
        shutil.rmtree(elsewhere, ignore_errors=True)


@is_root
def test_an_ordinary_user_runs_it(reachable: Path):
    os.chown(reachable, 65534, 65534)
    programs = account_module.installed_programs()
    if subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", programs / "postgres", "-V"], check=False
    ).returncode:
        pytest.skip("the installed programs are out of other users' reach")
    command = [sys.executable, "-c", AS_USER, str(reachable)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "reached", result.stderr
    assert (reachable / "postgres" / "data").stat().st_uid == 65534


@is_root
def test_anothers_folder_in_the_place_for_root_is_refused(reachable: Path, monkeypatch: pytest.MonkeyPatch):
    squatted = reachable / "squatted"
    squatted.mkdir()
    os.chown(squatted, 65534, 65534)
    folder = reachable / "mine"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(account_module, "_NAMESPACE", NO_NAMESPACES)
    monkeypatch.setattr(account_module, "_reachable_home", lambda _: squatted)
    with pytest.raises(EmbeddedPostgresError, match="expected root"):
        EmbeddedPostgres(folder / "postgres").ensure()
