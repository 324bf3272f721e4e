"""Small state files and locks."""

import os
import threading
from pathlib import Path

import pytest

from sheets_pipeline.embedded.files import locked, make_folder, make_private, read_state, write_state
from sheets_pipeline.errors import EmbeddedPostgresError


def test_a_state_file_is_for_its_owner_and_replaced_as_a_whole(tmp_path: Path):
    path = tmp_path / "state.json"
    write_state(path, {"port": 1})
    write_state(path, {"port": 2})
    assert read_state(path) == {"port": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_a_state_file_that_is_none_reads_as_missing(tmp_path: Path, content: str):
    path = tmp_path / "state.json"
    path.write_text(content)
    assert read_state(path) is None


def test_git_never_looks_into_a_folder_of_ours(tmp_path: Path):
    assert (make_folder(tmp_path / "a" / "b") / ".gitignore").read_text() == "*\n"


def test_a_lock_that_is_not_released_in_time_is_an_error_that_names_it(tmp_path: Path):
    path = tmp_path / "lock"
    taken, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(path, seconds=5, error=EmbeddedPostgresError):
            taken.set()
            enough.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(30)
    try:
        with (
            pytest.raises(EmbeddedPostgresError, match=f"it holds {path}"),
            locked(path, seconds=0.1, error=EmbeddedPostgresError),
        ):
            pass
    finally:
        enough.set()
        holder.join()
    with locked(path, seconds=1, error=EmbeddedPostgresError):
        assert path.exists()


def test_what_an_earlier_version_let_others_read_is_taken_from_them(tmp_path: Path):
    folder, outside = tmp_path / "local", tmp_path / "outside"
    (folder / "dagster" / "logs").mkdir(parents=True)
    outside.write_text("")
    (folder / "link").symlink_to(outside)
    for name, mode in (("a.log", 0o644), ("dagster/run", 0o755), ("dagster/logs/out", 0o666), ("kept", 0o400)):
        (folder / name).write_text("")
        (folder / name).chmod(mode)
    outside.chmod(0o644)
    make_private(folder)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")] if not path.is_symlink()}
    wanted = {
        "a.log": 0o600,
        "run": 0o700,
        "out": 0o600,
        "kept": 0o400,
        "logs": 0o700,
        "dagster": 0o700,
        "local": 0o700,
    }
    assert modes == wanted
    assert outside.stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_stays_as_it_is(tmp_path: Path):
    theirs = tmp_path / "local" / "theirs"
    theirs.parent.mkdir()
    theirs.write_text("")
    theirs.chmod(0o644)
    os.chown(theirs, 65_534, 65_534)
    make_private(tmp_path / "local")
    assert theirs.stat().st_mode & 0o777 == 0o644


def test_new_folders_are_for_their_owner(tmp_path: Path):
    folder = make_folder(tmp_path / "local" / "dagster")
    for path in (folder, folder.parent):
        assert path.stat().st_mode & 0o777 == 0o700
    assert (folder / ".gitignore").stat().st_mode & 0o777 == 0o600
