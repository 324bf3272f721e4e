"""A pooler or proxy in front of a server that falls silent when it is told to: it accepts, and nothing comes back."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Forwards bytes both ways while ``silent`` is not set."""

    port: int
    silent: threading.Event = field(default_factory=threading.Event)


@contextmanager
def relay(host: str, port: int) -> Iterator[Relay]:
    """A relay on a free port of this machine to ``host:port``."""
    listener = socket.create_server(("127.0.0.1", 0))
    made = Relay(listener.getsockname()[1])
    sockets: list[socket.socket] = [listener]

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if not made.silent.is_set():
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # the other end has gone, or the test is over
            return

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            server = socket.create_connection((host, port))
            sockets.extend([client, server])
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=pump, args=(source, target), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield made
    finally:
        for each in sockets:
            each.close()
