"""Small state files and locks."""

import threading
from pathlib import Path

import pytest

from sheets_pipeline.errors import EmbeddedPostgresError
from sheets_pipeline.local.files import locked, make_folder, read_state, write_state


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
    assert taken.wait(5)
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
