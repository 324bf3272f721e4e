"""Between the Apps Script and the webhook: messages are lost, doubled, overtake each other or come an hour late."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sheets_pipeline.edits.signature import secret_of, sign

_TIMESTAMP, _SIGNATURE = "X-Sheets-Pipeline-Timestamp", "X-Sheets-Pipeline-Signature"

#: What happens to a message → how often; the rest is delivered at once.
FATES = {"lost": 0.30, "doubled": 0.10, "seconds late": 0.12, "half a minute late": 0.08, "an hour late": 0.05}


class Messages:
    """Takes what the script sends and passes it on as fate will have it; ``is_away`` answers nobody."""

    def __init__(self, port: int, secret: str, seed: int) -> None:
        self.port, self.secret = port, secret
        self.fates: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.is_away, self.is_kind = threading.Event(), threading.Event()
        self._rng, self._late = random.Random(seed), list[threading.Thread]()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """What the script is told."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/webhook"

    def close(self) -> None:
        """Deliver what is late, and end."""
        for thread in self._late:
            thread.join()
        self._server.shutdown()

    def pass_on(self, body: bytes, timestamp: str, signature: str) -> int:
        """One delivery; 503 where nobody takes it."""
        headers = {"Content-Type": "application/json", _TIMESTAMP: timestamp, _SIGNATURE: signature}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/webhook", body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 503
        finally:
            connection.close()
        self.answers[str(status)] += 1
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        messages = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = messages._taken(body, self.headers[_TIMESTAMP], self.headers[_SIGNATURE])
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _taken(self, body: bytes, timestamp: str, signature: str) -> int:
        if self.is_away.is_set():
            return 503
        fate = "at once"
        if not self.is_kind.is_set():
            names = [*FATES, "at once"]
            [fate] = self._rng.choices(names, [*FATES.values(), 1 - sum(FATES.values())])
        self.fates[fate] += 1
        if fate == "lost":
            return 202
        if fate == "an hour late":
            message = json.loads(body) | {"at": json.loads(body)["at"] - 3_600_000}
            secret = secret_of(message["spreadsheet"], self.secret)
            body, timestamp = json.dumps(message).encode(), str(int(timestamp) - 3600)
            self.pass_on(body, timestamp, sign(secret, timestamp, body))
            return 202
        if fate.endswith("late"):
            seconds = self._rng.uniform(0.5, 6) if fate == "seconds late" else self._rng.uniform(20, 40)
            self._late.append(threading.Thread(target=self._pass_on_late, args=(seconds, body, timestamp, signature)))
            self._late[-1].start()
            return 202
        if fate == "doubled":
            self.pass_on(body, timestamp, signature)
        return self.pass_on(body, timestamp, signature)

    def _pass_on_late(self, seconds: float, body: bytes, timestamp: str, signature: str) -> None:
        end = time.monotonic() + seconds
        while True:
            time.sleep(max(0.2, end - time.monotonic()))
            if self.pass_on(body, timestamp, signature) != 503 or time.monotonic() > end + 20:
                return
