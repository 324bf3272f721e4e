"""Start a server: take the data folder, bind the port, write the key file, say the address, serve."""

import asyncio
import gc
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from filelock import FileLock, Timeout
from starlette.types import ASGIApp

from local_sheets.security_headers import SECURITY_HEADERS
from local_sheets.server.accounts import ensure_key_file, make_private
from local_sheets.server.app import build_app
from local_sheets.server.connection import Connection, share_open_files
from local_sheets.server.context import Options, Server
from local_sheets.server.events import Events


class CannotStart(Exception):
    """The server cannot start; the message says what to do."""


#: A thread that wants to go on waits so long for one that computes (https://docs.python.org/3/library/sys.html#sys.setswitchinterval).
#: Python's own 5 ms are waited each time a thread has used the disk or the network: many times for a cell that is typed.
THREAD_TURN_SECONDS = 0.0005


def run(options: Options) -> None:
    """Serve until told to stop.

    Raises:
        CannotStart: Another server uses the data folder or the port, or the folder cannot be written.
    """
    sys.setswitchinterval(THREAD_TURN_SECONDS)
    os.umask(0o077)  # whatever is written is its owner's alone
    lock = _take_folder(options.data_dir)
    try:
        make_private(options.data_dir)
        shares = share_open_files()
        Connection.most = shares.connections
        listener = _bind(options)
        options = replace(options, port=listener.getsockname()[1])
        server = Server(options)
        server.engine.most_open = shares.spreadsheets
        key_file = ensure_key_file(options.data_dir, server.endpoint)
        app = build_app(server)
        _announce(server, key_file)
        _serve(app, server, listener, shares.backlog)
    finally:
        lock.release()


def _take_folder(data_dir: Path) -> FileLock:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data_dir / "server.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise CannotStart(
            f"Another Local Sheets is using {data_dir}: stop it, or give this one a folder of its own with --data-dir."
        ) from None
    except OSError as error:
        raise CannotStart(f"Cannot write to {data_dir} ({error.strerror}): choose another --data-dir.") from None
    return lock


def _bind(options: Options) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY) instead of 40 ms later.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"Cannot listen on {options.host}:{options.port} ({error.strerror}): choose another --port, or 0 for a free one."
        ) from None
    listener.listen(256)
    return listener


def _announce(server: Server, key_file: Path) -> None:
    lines = [f"Local Sheets: {server.endpoint}"]
    if server.options.auth:
        lines.append(f"Credentials:  {key_file}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


class _QuietServer(uvicorn.Server):
    """Ends on SIGINT and SIGTERM without a traceback; event streams are ended first, so that nobody waits for them."""

    def __init__(self, config: uvicorn.Config, events: Events) -> None:
        super().__init__(config)
        self._events = events

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._events.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT  # a second Ctrl-C waits for nothing
        self.should_exit = True


def _serve(app: ASGIApp, server: Server, listener: socket.socket, backlog: int) -> None:
    # Millions of long-lived cells make frequent full collections the largest cost of a large answer.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_level="warning",
        access_log=False,
        backlog=backlog,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        headers=list(SECURITY_HEADERS.items()),
        server_header=False,
        date_header=True,
    )
    quiet = _QuietServer(config, server.events)
    asyncio.run(_serve_until_told(quiet, listener, server.options.stop_with_parent))


async def _serve_until_told(server: _QuietServer, listener: socket.socket, stop_with_parent: bool) -> None:
    watch = asyncio.create_task(_watch_parent(server)) if stop_with_parent else None
    await server.serve(sockets=[listener])
    if watch is not None:
        watch.cancel()


async def _watch_parent(server: _QuietServer) -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    server.should_exit = True
