"""A peer of our own making, from the description of a system that was studied: one edit per message, a queue, a poll.

Its script sends the value of the one cell that an event names; its server puts it into a queue (of this process, in place of
Redis and BLPOP, which is if anything quicker); its worker looks every 3 s and writes what it finds, cell by cell.
"""

import json
import queue
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import sqlalchemy as sa

from benchmarks.edit_ground import EditGround
from benchmarks.edit_judge import spread
from benchmarks.edit_page import Page
from sheets_pipeline.database.engine import connect

POLL_SECONDS = 3.0
_BURSTS = 5
_ROWS = 900  # a new tab has 1,000
_SCRIPT = """
function edited(e) {
  if (e.value === undefined) return;
  const key = e.range.getSheet().getRange(e.range.getRow(), 1).getValue();
  UrlFetchApp.fetch(PropertiesService.getScriptProperties().getProperty('URL'), {
    method: 'post', contentType: 'application/json', payload: JSON.stringify({key: key, value: e.value}),
  });
}
"""


class Peer:
    """Script, server, queue, worker, a table and a tab of its own."""

    def __init__(self, ground: EditGround) -> None:
        self.engine = connect(ground.url)
        with self.engine.begin() as connection:
            connection.exec_driver_sql("create table peer_task (id bigint primary key, status text)")
            connection.exec_driver_sql(f"insert into peer_task select n, 'old' from generate_series(1, {_ROWS}) n")
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()
        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._worker = threading.Thread(target=self._work, daemon=True)
        for thread in (threading.Thread(target=self._server.serve_forever, daemon=True), self._worker):
            thread.start()
        self.page = Page(ground.sheets, ground.sheets.create_spreadsheet("Peer", "Tasks"))
        values = [["id", "status"], *[[str(number), "old"] for number in range(1, _ROWS + 1)]]
        self.page._send({"valuesUpdate": {"range": f"Tasks!A1:B{_ROWS + 1}", "values": values}}, sheetId=None)
        self.page.look("Tasks")
        self.page.script.set(_SCRIPT)
        self.page.script.set_properties(URL=f"http://127.0.0.1:{self._server.server_address[1]}/")
        self.page.script.install("edited", "ON_EDIT")

    def measure(self, edits: int, people: int) -> dict[str, Any]:
        """Single edits, a burst, and a paste of many cells: seconds to the database, and what never came."""
        rng = random.Random(5)
        single = []
        for number in range(edits):
            single.append(self._typed(str(number + 1), f"single {number}"))
            time.sleep(rng.uniform(2, 4))
        burst = []
        for turn in range(_BURSTS):
            time.sleep(POLL_SECONDS + rng.uniform(0, POLL_SECONDS))  # not in step with the poll
            burst += [self._typed(str(number + 1), f"burst {turn} {number}") for number in range(people)]
        pasted = [[f"pasted {number}"] for number in range(_ROWS)]
        time.sleep(2 * POLL_SECONDS)
        self.page.paste("Tasks", 1, 1, pasted)
        time.sleep(3 * POLL_SECONDS)
        with self.engine.connect() as connection:
            arrived = connection.scalar(sa.text("select count(*) from peer_task where status like 'pasted%'"))
        taken = {name: self._seconds(some) for name, some in (("single", single), ("bursts", burst))}
        return taken | {"pasted": _ROWS, "arrived": arrived}

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._worker.join()
        self._server.shutdown()
        self.engine.dispose()

    def _typed(self, key: str, value: str) -> tuple[str, float]:
        began, _ = self.page.type("Tasks", key, "status", value)
        return value, began

    def _seconds(self, typed: list[tuple[str, float]]) -> dict[str, Any]:
        seconds = [self.done[value] - began for value, began in typed if value in self.done]
        return {"edits": len(typed), "missing": len(typed) - len(seconds), **spread(seconds)}

    def _work(self) -> None:
        self.done: dict[str, float] = {}
        while not self._stop.wait(POLL_SECONDS):
            while not self._queue.empty():
                edit = self._queue.get()
                with self.engine.begin() as connection:
                    update = sa.text("update peer_task set status = :value where id = :key")
                    connection.execute(update, {"value": edit["value"], "key": int(edit["key"])})
                self.done[edit["value"]] = time.time()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        waiting = self._queue

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                waiting.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
