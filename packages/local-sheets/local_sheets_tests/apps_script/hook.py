"""A program that scripts send to, and a script that sends to it: signed, by a secret that its setup asks for."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: As the pipeline's own script does it: signed by a secret that its setup has asked for.
SENDING_SCRIPT = """
function setup() {
  const properties = PropertiesService.getScriptProperties();
  const ui = SpreadsheetApp.getUi();
  properties.setProperties({ URL: ui.prompt('Address').getResponseText(), SECRET: ui.prompt('Secret').getResponseText() });
  for (const trigger of ScriptApp.getProjectTriggers()) ScriptApp.deleteTrigger(trigger);
  ScriptApp.newTrigger('send').forSpreadsheet(SpreadsheetApp.getActive()).onEdit().create();
}
function send(e) {
  const { URL, SECRET } = PropertiesService.getScriptProperties().getProperties();
  const sheet = e.range.getSheet();
  const header = sheet.getRange(1, 1, 1, sheet.getLastColumn()).getValues()[0];
  const row = sheet.getRange(e.range.getRow(), 1, 1, header.length).getDisplayValues()[0];
  const body = JSON.stringify({ uuid: Utilities.getUuid(), tab: sheet.getName(), header, row, value: e.value, user: e.user.getEmail() });
  const timestamp = String(Date.now());
  const mac = Utilities.computeHmacSha256Signature(`${timestamp}.${body}`, SECRET, Utilities.Charset.UTF_8);
  UrlFetchApp.fetch(URL, { method: 'post', contentType: 'application/json', payload: body, muteHttpExceptions: true,
    headers: { 'X-Timestamp': timestamp, 'X-Signature': Utilities.base64Encode(mac) } });
}
"""


@dataclass
class Hook:
    """What was sent: method, path, headers and body of each request."""

    url: str = ""
    taken: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    #: When each came, by the monotonic clock.
    times: list[float] = field(default_factory=list)

    def signed(self, secret: str, index: int = -1) -> bool:
        """Whether a request bears the right signature of its body."""
        _, _, headers, body = self.taken[index]
        digest = hmac.digest(secret.encode(), headers["x-timestamp"].encode() + b"." + body, hashlib.sha256)
        return headers["x-signature"] == base64.b64encode(digest).decode()


@contextmanager
def running_hook() -> Iterator[Hook]:
    """Answers 201 with the body it was sent; ``/status/N`` answers N, ``/moved`` sends elsewhere."""
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.times.append(time.perf_counter())
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
