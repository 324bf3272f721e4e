"""The server as tests start it: quick and silent stop, restart on the same port, end with its parent."""

import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from local_sheets.testing import LocalSheetsServer
from local_sheets_tests.api_client import Api


def test_it_stops_at_once_and_says_nothing_while_somebody_listens():
    with LocalSheetsServer() as server:
        stream = urllib.request.urlopen(server.endpoint + "/_local/events", timeout=30)
        assert stream.readline() == b": hello\n"
        process = psutil.Process(server.pid)
        started = time.monotonic()
        process.terminate()
        process.wait(30)
        assert time.monotonic() - started < 15
        assert (server.data_dir / "server.stderr").read_text() == ""
        stream.close()


def test_it_comes_back_on_the_same_port_with_its_data(local_sheets: LocalSheetsServer):
    api = Api(local_sheets)
    api.put("A1", [["kept"]])
    before = local_sheets.endpoint
    local_sheets.restart()
    assert local_sheets.endpoint == before
    assert api.values("A1") == [["kept"]]


def test_it_ends_with_the_process_that_started_it(tmp_path: Path):
    code = (
        "from local_sheets.testing import LocalSheetsServer\n"
        "import os, pathlib\n"
        f"server = LocalSheetsServer(data_dir=pathlib.Path({str(tmp_path)!r})).start()\n"
        "print(server.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    pid = int(done.stdout)
    end = time.monotonic() + 30
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_a_server_that_cannot_start_says_why():
    with pytest.raises(RuntimeError, match="expected off, on, or NAME=NUMBER"):
        LocalSheetsServer(quota="much").start()
