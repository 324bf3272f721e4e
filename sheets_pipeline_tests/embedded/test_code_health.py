"""A code server that does not answer is told by doctor and status."""

import fcntl
import os
from pathlib import Path

from sheets_pipeline.embedded import dev_state
from sheets_pipeline.embedded.code_health import what_is_wrong
from sheets_pipeline.embedded.code_locations import socket_folder
from sheets_pipeline.monitoring.doctor import Level
from sheets_pipeline.monitoring.doctor_dagster import code_location
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.processes.identity import start_of
from sheets_pipeline.settings import load_settings


def test_a_code_server_that_does_not_answer_under_a_running_dev_is_told(tmp_path: Path):
    facts = Facts()
    facts.settings = settings = load_settings(local_data_dir=tmp_path / "d", dagster_url=None)
    settings.local_data_dir.mkdir()
    assert what_is_wrong(settings) is None
    assert code_location(facts).level is Level.OK
    descriptor = os.open(dev_state.life_lock(settings), os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        dev_state.announce(settings, pid=os.getpid(), start=start_of(os.getpid()))
        sockets = socket_folder(settings.local_data_dir.absolute())
        for socket in sockets.iterdir():  # of tests before that had the same folder
            socket.unlink()
        assert what_is_wrong(settings) == "no code location answers: its code server is not there (yet)"
        (sockets / "code0.sock").touch()
        assert what_is_wrong(settings) == "the code location behind code0.sock is not there"
        assert code_location(facts).level is Level.FAIL
    finally:
        os.close(descriptor)


def test_what_a_killed_dev_announced_is_not_told_of_the_next_one(tmp_path: Path):
    settings = load_settings(local_data_dir=tmp_path / "d", dagster_url=None)
    settings.local_data_dir.mkdir()
    dev_state.announce(settings, pid=os.getpid(), start="of another process", dagster_url="http://127.0.0.1:1")
    descriptor = os.open(dev_state.life_lock(settings), os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        assert dev_state.running_dev(settings) is None
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert dev_state.running_dev(settings) == {}
        assert dev_state.local_urls(settings)["dagster_url"] is None
    finally:
        os.close(descriptor)
