"""The code servers of `sheets-pipeline dev`, one per code location of workspace.yaml."""

import os
import signal
import stat
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from sheets_pipeline.embedded.children import Child
from sheets_pipeline.embedded.code_locations import read_workspace, socket_folder
from sheets_pipeline.embedded.probes import code_server_probe
from sheets_pipeline.embedded.supervision import Answer
from sheets_pipeline.embedded.supervisor import Supervisor, Watchdog
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.processes.family import end_family, new_mark
from sheets_pipeline.processes.servers import wait_until

HERE = "\n".join(
    [
        "load_from:",
        "  - python_module: {module_name: shop.definitions, location_name: shop, attribute: defs}",
        "  - python_module: other.definitions",
        "  - python_file: {relative_path: jobs.py, working_directory: sub}",
        "  - grpc_server: {host: elsewhere, port: 4266}",
    ]
)


def test_each_location_gets_a_code_server_and_those_of_others_stay(tmp_path: Path):
    (tmp_path / "workspace.yaml").write_text(HERE)
    locations, reached = read_workspace(tmp_path / "workspace.yaml", Path("/s"))
    start = [sys.executable, "-m", "dagster", "code-server", "start", "--socket"]
    assert [location.command for location in locations] == [
        [
            *start,
            "/s/code0.sock",
            "--location-name",
            "shop",
            "--module-name",
            "shop.definitions",
            "--attribute",
            "defs",
        ],
        [*start, "/s/code1.sock", "--location-name", "other.definitions", "--module-name", "other.definitions"],
        [
            *[*start, "/s/code2.sock", "--location-name", "jobs.py", "--python-file", str(tmp_path / "jobs.py")],
            *["--working-directory", str(tmp_path / "sub")],
        ],
    ]
    assert reached == [
        {"grpc_server": {"socket": "/s/code0.sock", "location_name": "shop"}},
        {"grpc_server": {"socket": "/s/code1.sock", "location_name": "other.definitions"}},
        {"grpc_server": {"socket": "/s/code2.sock", "location_name": "jobs.py"}},
        {"grpc_server": {"host": "elsewhere", "port": 4266}},
    ]


@pytest.mark.parametrize("text", ["", "load_from: []", "[", "- 1", "load_from: 3"])
def test_a_workspace_that_cannot_be_understood_is_named(tmp_path: Path, text: str):
    (tmp_path / "workspace.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"workspace\.yaml"):
        read_workspace(tmp_path / "workspace.yaml", tmp_path)


@pytest.mark.parametrize("depth", [1, 12])
def test_sockets_are_in_a_folder_of_our_own_that_is_short_enough(tmp_path: Path, depth: int):
    folder = socket_folder(tmp_path.joinpath(*["a long name"] * depth))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(str(folder / "code0.sock")) < 104
    folder.rmdir()


def test_a_code_server_whose_process_with_the_code_is_killed_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """`dagster code-server start` itself never notices, and no sync could start."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (tmp_path / "jobs.py").write_text("import dagster as dg\ndefs = dg.Definitions()\n")
    (tmp_path / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"python_file": "jobs.py"}]}))
    [location], _ = read_workspace(tmp_path / "workspace.yaml", socket_folder(tmp_path))
    probe = code_server_probe(str(location.socket))
    child = Child("code", location.command, lambda: code_server_probe(str(location.socket)), probe_seconds=0.2)
    mark = new_mark(tmp_path)
    with Watchdog(tmp_path, mark, lock=os.open(tmp_path, os.O_RDONLY)) as watchdog:
        supervisor = Supervisor([child], mark, watchdog)

        def works() -> bool:
            return supervisor.look() and supervisor.is_ready["code"] and probe() is Answer.OK

        try:
            assert wait_until(works, seconds=60, step=0.1)
            [inner] = psutil.Process(supervisor.heads[0]).children()
            os.kill(inner.pid, signal.SIGKILL)
            time.sleep(0.1)
            assert probe() is not Answer.OK
            assert wait_until(works, seconds=60, step=0.1)
            assert len(supervisor.heads) == 2
        finally:
            end_family(mark)
