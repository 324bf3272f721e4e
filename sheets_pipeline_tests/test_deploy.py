"""What ``deploy/`` says is what runs: the commands of compose.yaml and of the systemd units, read from there and executed."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from sheets_pipeline.embedded.children import DAGSTER_PORT
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.processes.identity import WORKER_TAG
from sheets_pipeline.settings import Settings
from sheets_pipeline_tests.dagster_runtime.harness import eventually
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform"]

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"

#: Where containers listen.
EVERYWHERE = "0.0.0.0"  # noqa: S104

#: Ports that the files name.
PORTS = ("4266", "3000", "3100", "6379")

pytestmark = pytest.mark.xdist_group("celery")


def _units() -> dict[str, dict[str, list[str]]]:
    """Unit → key → values."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        keys = found.setdefault(path.stem, {})
        for line in path.read_text().splitlines():
            if "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                keys.setdefault(key, []).append(value)
    return found


class Parts:
    """Processes of a deployment, with ports of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.started = folder, list[subprocess.Popen[bytes]]()
        self.ports: dict[str, str] = {}
        for port in PORTS:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                self.ports[port] = str(one.getsockname()[1])

    def here(self, text: str) -> str:
        """What a file says, for this machine."""
        for port, free in self.ports.items():
            text = text.replace(port, free)
        text = text.replace("/srv/sheets/venv/bin/", "").replace(EVERYWHERE, "127.0.0.1")
        return text.replace("/srv/sheets", str(self.folder)).replace("redis://redis:", "redis://127.0.0.1:")

    def words(self, command: list[str]) -> list[str]:
        words = [self.here(word) for word in command]
        beside = Path(sys.executable).with_name(words[0])
        return [str(beside) if beside.exists() else words[0], *words[1:]]

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        with (self.folder / f"{name}-{len(self.started)}.log").open("wb") as log:
            self.started.append(
                subprocess.Popen(
                    self.words(command),
                    cwd=self.folder,
                    env=os.environ | {key: self.here(value) for key, value in environment.items()},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def is_healthy(self, test: list[str], environment: dict[str, str]) -> bool:
        """What a health check says."""
        done = subprocess.run(
            self.words(test), cwd=self.folder, env=os.environ | environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def end(self) -> None:
        for process in self.started:
            process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def parts(folder: Path) -> Iterator[Parts]:
    made = Parts(folder)
    (folder / "deploy").mkdir()
    for name in ("workspace.yaml", "dagster.yaml"):
        text = made.here((DEPLOY / name).read_text())
        (folder / name).write_text(text)
        (folder / "deploy" / name).write_text(text)
    try:
        yield made
    finally:
        made.end()


def _shown(platform: Platform, course: int) -> Any:
    return platform.rows("course_statistics")[course]["quiz_submissions"]


def _event_is_shown(platform: Platform) -> None:
    [submission] = submit_quizzes(platform.engine, 1, 1)
    before = _shown(platform, submission.course_id)
    eventually(lambda: _shown(platform, submission.course_id) != before, seconds=60)


@pytest.mark.deploy
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server here")
def test_the_services_of_compose_keep_the_spreadsheet_in_step(platform: Platform, tmp_path: Path) -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    with parts(tmp_path) as running:
        running.start("redis", [*services["redis"]["command"], "--port", "6379", "--bind", "127.0.0.1"], {})
        kept = {"CELERY_BROKER_URL", "DAGSTER_URL"}
        for name in ("code", "daemon", "webserver", "serve", "worker"):
            service = services[name]
            said = {key: value for key, value in service["environment"].items() if key in kept}
            said |= {"CODE_SERVER_HOST": "127.0.0.1", "DAGSTER_HOME": str(tmp_path)}
            said["DAGSTER_URL"] = "http://127.0.0.1:3000"
            running.start(name, service["command"], said)
        environment = {"DAGSTER_HOME": str(tmp_path), "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0"}
        running.start("sync", ["sheets-pipeline", "sync"], environment)
        assert running.started.pop().wait(100) == 0, (tmp_path / "sync-6.log").read_text()
        _event_is_shown(platform)
        for name in ("webserver", "serve", "daemon"):
            [_, *test] = services[name]["healthcheck"]["test"]
            eventually(partial(running.is_healthy, test, environment), seconds=60)
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            [run, *_] = instance.get_runs(dg.RunsFilter(job_name="event_sync"))
            assert WORKER_TAG in run.tags


def test_the_units_of_systemd_run_what_compose_runs() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    units = _units()
    assert {name.removeprefix("sheets-pipeline-") for name in units} == services.keys() - {"postgres", "redis"}
    for name, unit in units.items():
        program, *words = shlex.split(unit["ExecStart"][0])
        assert Path(program) == Path("/srv/sheets/venv/bin/sheets-pipeline")  # whose lines are JSON throughout
        assert "LOG_FORMAT=json" in unit["Environment"][0].split()
        assert unit["WorkingDirectory"] == ["/srv/sheets"]
        said = [Path(program).name, *(word.removeprefix("deploy/") for word in words)]
        service = services[name.removeprefix("sheets-pipeline-")]
        command = [word.replace(EVERYWHERE, "127.0.0.1") for word in service["command"]]
        assert said == command[: len(said)]
        assert (DEPLOY / "workspace.yaml").exists()


def test_no_unit_that_is_stopped_interrupts_a_run() -> None:
    """Of the others the signal to end reaches all processes, runs among them."""
    kill = {
        name: unit.get("KillMode") for name, unit in _units().items() if {"daemon", "worker"} & {name.split("-")[-1]}
    }
    assert kill == {"sheets-pipeline-daemon": ["process"], "sheets-pipeline-worker": ["mixed"]}


def test_what_the_readme_enables_starts_with_the_machine() -> None:
    [line] = [one.strip() for one in (ROOT / "README.md").read_text().splitlines() if "systemctl enable" in one]
    target = "sheets-pipeline.target"
    assert line == f"sudo systemctl enable --now {target} sheets-pipeline-{{code,daemon,webserver,serve}}.service"
    assert "WantedBy=multi-user.target" in (DEPLOY / "systemd" / target).read_text()
    assert all(unit["WantedBy"] == [target] for unit in _units().values())


def _kubernetes() -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The chart's values, and the containers of what we add, by name."""
    values = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    added = [one for one in values["extraManifests"] if one["kind"] == "Deployment"]
    containers = [one["spec"]["template"]["spec"]["containers"] for one in added]
    return values, {container["name"]: container for [container] in containers}


def test_kubernetes_runs_what_compose_runs() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    values, containers = _kubernetes()
    for name in ("daemon", "worker", "serve"):
        said = containers[name]["command"]
        probed = said.index("--alive-file") if name == "worker" else len(said)
        assert said[:probed] == services[name]["command"]
    [code] = values["dagster-user-deployments"]["deployments"]
    listens = ["dagster", "api", "grpc", "-h", EVERYWHERE, "-p", str(code["port"])]  # what the chart puts before
    assert ["sheets-pipeline", "logged", *listens, *code["dagsterApiGrpcArgs"]] == services["code"]["command"]
    webserver = values["dagsterWebserver"]
    assert str(webserver["service"]["port"]) in services["webserver"]["command"]
    [server] = webserver["workspace"]["servers"]
    [named] = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    assert (server["port"], server["name"]) == (named["grpc_server"]["port"], named["grpc_server"]["location_name"])
    assert server["host"] == code["name"]
    launcher = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())["run_launcher"]
    assert values["runLauncher"]["config"]["customRunLauncher"] == launcher


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("dagster-webserver -h 0.0.0.0 -p 3000", "sheets-pipeline logged dagster-webserver -h 0.0.0.0 -p 3000"),
        ("dagster api grpc -h 0.0.0.0", "sheets-pipeline logged dagster api grpc -h 0.0.0.0"),
        ("dagster api grpc-health-check -p 4266", "/opt/venv/bin/dagster api grpc-health-check -p 4266"),
        ("dagster --version", "/opt/venv/bin/dagster --version"),
    ],
)
def test_the_image_puts_logged_before_servers_that_the_chart_starts(tmp_path: Path, command: str, becomes: str) -> None:
    shutil.copytree(DEPLOY / "logged", tmp_path / "logged", symlinks=True)
    script = tmp_path / "logged" / "dagster"
    script.write_text(script.read_text().replace("exec ", "echo "))
    path = re.findall(r"^ENV PATH=(\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[-1]
    first, second, _ = path.split(":")
    assert (first, second) == ("/opt/logged", "/opt/venv/bin")
    environment = {"PATH": f"{tmp_path / 'logged'}:/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == becomes


def test_kubernetes_gives_every_part_the_same_image_settings_and_key() -> None:
    values, containers = _kubernetes()
    [code] = values["dagster-user-deployments"]["deployments"]
    webserver = values["dagsterWebserver"]
    assert code["image"] == webserver["image"]
    assert {one["image"] for one in containers.values()} == {
        "{{ .Values.dagsterWebserver.image.repository }}:{{ .Values.dagsterWebserver.image.tag }}"
    }
    parts = [webserver, code, *containers.values()]
    assert all(one["env"] == code["env"] and one["volumeMounts"] == code["volumeMounts"] for one in parts)
    known = {name.upper() for name in Settings.model_fields} | {"DAGSTER_HOME", "CODE_SERVER_HOST"}
    environment = {one["name"]: one["value"] for one in code["env"]}
    assert environment.keys() <= known
    assert f"DAGSTER_HOME={environment['DAGSTER_HOME']}" in (DEPLOY / "Dockerfile").read_text()
    assert environment["CODE_SERVER_HOST"] == code["name"]
    [key] = code["volumeMounts"]
    # /var/run is /run, where Kubernetes puts the pod's own token: a read-only folder there keeps the pod from starting
    assert Path(environment["GOOGLE_APPLICATION_CREDENTIALS"]).parent == Path(key["mountPath"]) != Path("/run/secrets")


def test_the_dev_container_has_a_python_that_is_taken_and_shows_what_dev_starts() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert re.fullmatch(r"python:3\.1[123]\.\d+-bookworm", container["image"])
    assert container["forwardPorts"] == [DAGSTER_PORT, Settings.model_fields["control_api_port"].default]
    assert set(container["portsAttributes"]) == {str(port) for port in container["forwardPorts"]}
    target = container["postCreateCommand"].removeprefix("make ")
    assert f"\n{target}: " in (ROOT / "Makefile").read_text()


def test_dagster_of_several_hosts_differs_by_its_launcher_alone() -> None:
    one, several = (yaml.safe_load((folder / "dagster.yaml").read_text()) for folder in (ROOT, DEPLOY))
    assert several.pop("run_launcher")["class"] == "CeleryHostsRunLauncher"
    one.pop("run_launcher")
    one["run_monitoring"]["poll_interval_seconds"] = 5
    assert several == one


def test_an_image_gets_the_versions_that_were_tested_with_their_hashes() -> None:
    text = (DEPLOY / "requirements.txt").read_text()
    pins = {line.partition(" ")[0] for line in text.splitlines() if line[:1].isalpha()}
    tested = {line.partition(" ")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert pins <= tested
    assert all("--hash=sha256:" in part for part in text.replace("\\\n", " ").splitlines() if part.strip())
