"""Hosts on one machine: each a network namespace on a common bridge, with a host name and a /tmp of its own.

``python -m benchmarks.hosts_net relay LISTEN TARGET PORT...`` forwards ports, so that a service has the same address on all hosts.
Needs the right to make namespaces; they are gone with the process that made them.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

#: The bridge's network; .1 is where the common services are.
NETWORK = "10.213.7"
CENTRE = f"{NETWORK}.1"


def own_namespace() -> None:
    """Start this program again in a network and a mount namespace of its own, unless it is in one."""
    if os.environ.get("BENCHMARK_HOSTS") != "inside":
        os.environ["BENCHMARK_HOSTS"] = "inside"
        command = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-m", "benchmarks.hosts"]
        os.execvp(command[0], [*command, *sys.argv[1:]])  # noqa: S606 - this very program


def why_not() -> str | None:
    """Why hosts cannot be simulated here; None where they can."""
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--uts", "ip", "link", "add", "br0", "type", "bridge"], capture_output=True
    )
    return None if tried.returncode == 0 else f"namespaces are not allowed here ({tried.stderr.decode().strip()})"


def make_bridge() -> None:
    """The cable that all hosts hang on; its own end is ``CENTRE``."""
    Path("/run/netns").mkdir(exist_ok=True)
    for command in (
        "mount -t tmpfs tmpfs /run/netns",
        "ip link set lo up",
        "ip link add br0 type bridge",
        f"ip address add {CENTRE}/24 dev br0",
        "ip link set br0 up",
    ):
        _do(command)


class Host:
    """One host: its processes, and what can happen to it."""

    def __init__(self, name: str, number: int, folder: Path, environment: dict[str, str]) -> None:
        self.name, self.folder, self.environment = name, folder, environment
        self.started: list[subprocess.Popen[bytes]] = []
        folder.mkdir()
        for command in (
            f"ip netns add {name}",
            f"ip link add v{number} type veth peer name eth0 netns {name}",
            f"ip link set v{number} master br0 up",
            f"ip -n {name} link set lo up",
            f"ip -n {name} address add {NETWORK}.{10 + number}/24 dev eth0",
            f"ip -n {name} link set eth0 up",
        ):
            _do(command)
        self._cable = f"v{number}"

    def start(self, *command: str, clock: str | None = None) -> None:
        """Start a program on it, which logs into the host's folder; ``clock`` is an offset for faketime."""
        inside = f'hostname {self.name}; mount -t tmpfs tmpfs /tmp; exec "$@"'
        skewed = ["faketime", "-f", clock] if clock else []
        words = [
            "ip",
            "netns",
            "exec",
            self.name,
            "unshare",
            "--uts",
            "--mount",
            "sh",
            "-c",
            inside,
            "sh",
            *skewed,
            *command,
        ]
        with (self.folder / "log").open("ab") as log:
            self.started.append(
                subprocess.Popen(
                    words,
                    env=self.environment,
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )

    def plug(self, *, into: bool) -> None:
        """Put the cable in, or pull it."""
        _do(f"ip link set {self._cable} {'up' if into else 'down'}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to everything that runs on it."""
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def pids(self) -> list[int]:
        """What runs on it."""
        said = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True).stdout
        return [int(word) for word in said.split()]

    def kill(self) -> None:
        """End everything at once, as a power cut would."""
        self.signal(signal.SIGCONT)
        while self.pids():
            self.signal(signal.SIGKILL)
            for process in self.started:
                process.poll()
        for process in self.started:
            process.wait()
        self.started.clear()


def _do(command: str) -> None:
    subprocess.run(command.split(), check=True)


async def _relay(listen: str, target: str, ports: list[int]) -> None:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:  # the other end has gone
            writer.close()

    under_way: set[asyncio.Task[Any] | None] = set()  # the loop itself would forget them

    def serve(port: int) -> Coroutine[Any, Any, asyncio.Server]:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            under_way.add(asyncio.current_task())
            try:
                there, to_there = await asyncio.open_connection(target, port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(pump(reader, to_there), pump(there, writer), return_exceptions=True)
            for one in (writer, to_there):
                one.close()
            under_way.discard(asyncio.current_task())

        return asyncio.start_server(accepted, listen, port)

    await asyncio.gather(*(serve(port) for port in ports))
    await asyncio.Event().wait()


if __name__ == "__main__":
    _, _what, _listen, _target, *_ports = sys.argv
    asyncio.run(_relay(_listen, _target, [int(port) for port in _ports]))
