"""Looks at running processes: whether each still does its work. None waits longer than ``_TIMEOUT_SECONDS``."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from sheets_pipeline.embedded.supervision import Answer

#: What a look finds; None where it cannot tell.
Probe = Callable[[], Answer | None]

_TIMEOUT_SECONDS = 5.0

#: Dagster's daemon notes every 30 s that it lives. One that has not for this long hangs.
_HEARTBEAT_SECONDS = 120.0

#: What some codes of gRPC mean; others come from a code server whose process with the code is gone.
_ANSWERS = {"UNAVAILABLE": Answer.ABSENT, "DEADLINE_EXCEEDED": Answer.SILENT}

_DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { lastHeartbeatTime } } } }"


def http_probe(url: str) -> Probe:
    """Whether a web server answers."""

    def probe() -> Answer | None:
        try:
            return Answer.OK if request(url, "GET", "/server_info")[0] < 500 else Answer.BROKEN
        except TimeoutError:
            return Answer.SILENT
        except (OSError, http.client.HTTPException):
            return Answer.ABSENT

    return probe


def request(url: str, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    """One request to a server on this machine: status and body of the answer.

    Raises:
        OSError: Nobody answers; TimeoutError where somebody takes too long.
        http.client.HTTPException: What answers does not speak HTTP.
    """
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=_TIMEOUT_SECONDS)
    try:
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def code_server_probe(socket_path: str) -> Probe:
    """Whether a code server gives its id: it asks the process that holds the code for that, and so do we."""
    import grpc

    channel = grpc.insecure_channel(f"unix:{socket_path}")
    # Messages without fields are empty, so that Dagster's own classes need not be imported here.
    server_id = channel.unary_unary("/api.DagsterApi/GetServerId")

    def probe() -> Answer | None:
        try:
            server_id(b"", timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return _ANSWERS.get(error.code().name, Answer.BROKEN)
        return Answer.OK

    return probe


def daemon_probe(dagster_url: str) -> Probe:
    """Whether Dagster's daemon has noted lately that it lives; None while the Dagster UI does not answer."""
    began = time.time()

    def probe() -> Answer | None:
        try:
            status, body = request(dagster_url, "POST", "/graphql", {"query": _DAEMONS})
            daemons = json.loads(body)["data"]["instance"]["daemonHealth"]["allDaemonStatuses"] if status == 200 else []
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return None
        newest = max((one["lastHeartbeatTime"] or 0 for one in daemons), default=0)
        if newest < began:
            return None
        return Answer.OK if time.time() - newest < _HEARTBEAT_SECONDS else Answer.SILENT

    return probe


def postgres_probe(port: int) -> Probe:
    """Whether a PostgreSQL server takes connections: it says whether it speaks TLS before it asks who we are."""

    def probe() -> Answer | None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS) as connection:
                connection.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # SSLRequest
                return Answer.OK if connection.recv(1) in (b"N", b"S") else Answer.BROKEN
        except TimeoutError:
            return Answer.SILENT
        except OSError:
            return Answer.ABSENT

    return probe


def is_stopped(pid: int) -> bool:
    """Whether a signal has halted the process (SIGSTOP, a debugger)."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


class Prober:
    """Looks at one process again and again, in a thread of its own so that one that hangs holds up nobody."""

    def __init__(self, probe: Probe, every_seconds: float, pid: int) -> None:
        self._probe, self._every, self._pid = probe, every_seconds, pid
        self._stop = threading.Event()
        #: What the last look found; None before the first.
        self.latest: Answer | None = None
        threading.Thread(target=self._run, name="probe", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            answer = Answer.SILENT if is_stopped(self._pid) else self._probe()
            self.latest = answer or self.latest
            self._stop.wait(self._every)
