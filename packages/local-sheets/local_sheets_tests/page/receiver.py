"""A program that edits are announced to: a small HTTP server of the test's own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@contextmanager
def receiver(statuses: list[int] | None = None) -> Iterator[tuple[str, list[Any]]]:
    """A receiver on a free port: its address, and the messages it took. ``statuses`` are its first answers."""
    answers, taken = list(statuses or []), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = answers.pop(0) if answers else 200
            if status == 200:
                taken.append(body)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/on-edit", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
