"""The processes that ``sheets-pipeline dev`` runs: code servers, Dagster's daemon and webserver, the control API."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from sheets_pipeline.embedded.code_locations import CodeLocation, read_workspace, socket_folder
from sheets_pipeline.embedded.files import make_folder, write_private
from sheets_pipeline.embedded.probes import Probe, code_server_probe, daemon_probe, http_probe
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.home import dagster_home
from sheets_pipeline.processes import servers
from sheets_pipeline.settings import Settings

DAGSTER_PORT = 3000
_PORTS_TRIED = 50


@dataclass(frozen=True)
class Child:
    """A process to run beside the others, and how to see whether it does its work.

    ``probe`` makes a new look for each new process. Where the child has a page, ``url_key`` is the name under which its
    ``url`` is announced, and ``title`` what people look for there.
    """

    name: str
    command: list[str]
    probe: Callable[[], Probe]
    url: str = ""
    url_key: str = ""
    title: str = ""
    env: dict[str, str] = field(default_factory=dict)
    #: Whether everything ends where it cannot even start once.
    is_essential: bool = True
    #: Whether the children after it are started only once it answers.
    goes_first: bool = False
    probe_seconds: float = 2.0


def children_of(settings: Settings, port: int | None) -> list[Child]:
    """All of them, in the order of their start.

    Args:
        settings: Decide about ports, folders and the form of logs.
        port: Of the Dagster UI; default 3000, or the next free one.

    Raises:
        SettingsError: The port is taken, or ``workspace.yaml`` cannot be understood.
    """
    home = dagster_home()
    env = {"DAGSTER_HOME": str(_private_home(settings, home)), "PYTHONWARNINGS": "ignore", "DAGSTER_IS_DEV_CLI": "1"}
    data = settings.local_data_dir.absolute()
    locations, reached = read_workspace(home / "workspace.yaml", socket_folder(data))
    workspace = make_folder(data / "dagster") / "workspace.yaml"
    write_private(workspace, yaml.safe_dump({"load_from": reached}))
    url = f"http://127.0.0.1:{choose_port(port)}"
    return [
        *(_code_server(settings, location, env) for location in locations),
        _daemon(settings, workspace, url, env),
        _webserver(settings, workspace, url, env),
        _control(settings, env),
    ]


def _code_server(settings: Settings, location: CodeLocation, env: dict[str, str]) -> Child:
    name = "code" if location.name == "sheets_pipeline" else f"code {location.name}"
    command = [*location.command, *_log_format(settings), "--inject-env-vars-from-instance"]
    return Child(
        name, command, lambda: code_server_probe(str(location.socket)), env=env, goes_first=True, probe_seconds=1
    )


def _daemon(settings: Settings, workspace: Path, url: str, env: dict[str, str]) -> Child:
    command = [_script("dagster-daemon"), "run", f"--workspace={workspace}", *_log_format(settings)]
    return Child("daemon", command, lambda: daemon_probe(url), env=env, probe_seconds=10)


def _webserver(settings: Settings, workspace: Path, url: str, env: dict[str, str]) -> Child:
    host, port = url.removeprefix("http://").split(":")
    command = [sys.executable, "-m", "sheets_pipeline.dagster_runtime.webserver", f"--host={host}", f"--port={port}"]
    command += [f"--workspace={workspace}", *_log_format(settings)]
    return Child("webserver", command, lambda: http_probe(url), url, "dagster_url", "the Dagster UI", env)


def _control(settings: Settings, env: dict[str, str]) -> Child:
    """The control API and dashboard; it finds Dagster's address in what we announce."""
    host, port = settings.control_api_host, next_free_port(settings.control_api_port)
    command = [_script("sheets-pipeline"), "serve", f"--host={host}", f"--port={port}"]
    reachable = "127.0.0.1" if host in ("0.0.0.0", "localhost") else host  # noqa: S104 - every address, this one too
    url = f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
    return Child(
        "control", command, lambda: http_probe(url), url, "control_url", "the dashboard", env, is_essential=False
    )


def _script(name: str) -> str:
    """A command of the environment that we run in."""
    return str(Path(sys.executable).with_name(name))


def _log_format(settings: Settings) -> list[str]:
    return [f"--log-format={'json' if settings.log_format == 'json' else 'colored'}"]


def _private_home(settings: Settings, home: Path) -> Path:
    """A folder for what Dagster leaves beside its configuration, so that the project's stays clean."""
    if "DAGSTER_HOME" in os.environ:
        return home
    private = make_folder(settings.local_data_dir.absolute() / "dagster") / "home"
    private.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(home / "dagster.yaml", private / "dagster.yaml")
    return private


def choose_port(wanted: int | None) -> int:
    """The port of the Dagster UI: the wanted one, or the first free one from 3000 on.

    Raises:
        SettingsError: Somebody else listens on the wanted one.
    """
    if wanted is not None:
        if servers.free_port(wanted) != wanted:
            raise SettingsError(f"Port {wanted} is taken by another program. Choose another one with --port.")
        return wanted
    return next_free_port(DAGSTER_PORT)


def next_free_port(first: int) -> int:
    """The first free port from this one on."""
    for port in range(first, min(first + _PORTS_TRIED, 65_536)):
        if servers.free_port(port) == port:
            return port
    return servers.free_port()
