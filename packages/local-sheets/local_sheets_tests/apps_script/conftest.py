"""A spreadsheet with a script, and a program that scripts send to."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local_sheets.testing import LocalSheetsServer
from local_sheets.testing_scripts import ScriptOfSpreadsheet


@dataclass
class Hook:
    """What was sent: method, path, headers and body of each request."""

    url: str = ""
    taken: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def signed(self, secret: str, index: int = -1) -> bool:
        """Whether a request bears the right signature of its body."""
        _, _, headers, body = self.taken[index]
        digest = hmac.digest(secret.encode(), headers["x-timestamp"].encode() + b"." + body, hashlib.sha256)
        return headers["x-signature"] == base64.b64encode(digest).decode()


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    """Answers 201 with the body it was sent; ``/status/N`` answers N, ``/moved`` sends elsewhere."""
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.taken.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status = int(self.path.rpartition("/")[2]) if self.path.startswith("/status/") else 201
            self.send_response(302 if self.path == "/moved" else status)
            if self.path == "/moved":
                self.send_header("Location", "/here")
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def script(shared_server: LocalSheetsServer) -> ScriptOfSpreadsheet:
    """The script of a new spreadsheet with the tab ``Sheet1``."""
    return shared_server.script(shared_server.create_spreadsheet("Test"))


@pytest.fixture
def evaluate(script: ScriptOfSpreadsheet) -> Callable[[str], object]:
    """The value of an expression in a script."""

    def value_of(expression: str) -> object:
        script.set(f"function it() {{ return ({expression}); }}")
        answer = script.run("it")
        assert answer["execution"]["error"] is None, answer["execution"]["error"]
        return answer["result"]

    return value_of
