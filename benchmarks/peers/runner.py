"""One tool in a process of its own: imports it once, then forks a fresh process for each sync that is asked for.

    python -m benchmarks.peers.runner MODULE

Each line of input is a sync (JSON: target, rows, steps, timeout_seconds), each line of output its result (JSON:
seconds, peak_memory_mb, error). Imports and the making of the frame are not timed; opening the spreadsheet is.
"""

import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from typing import Any

from benchmarks.data import frame
from benchmarks.peers.addresses import Target, lead_google_to


def _sync(adapter: Any, order: dict[str, Any]) -> dict[str, Any]:
    target = Target(**order["target"])
    lead_google_to(target.endpoint)
    wanted = frame(order["rows"], order["steps"])
    error = None
    started = time.perf_counter()
    try:
        adapter.sync(target, wanted)
    except Exception as failure:
        traceback.print_exc(limit=-3)
        error = f"{type(failure).__name__}: {failure}"[:300]
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_memory_mb": peak, "error": error}


def _child(adapter: Any, order: dict[str, Any], result: int) -> None:
    """In the forked process: what the tool prints goes to stderr, the result through the pipe."""
    os.dup2(2, 1)
    signal.alarm(int(order["timeout_seconds"]))
    os.write(result, json.dumps(_sync(adapter, order)).encode())


def main() -> None:
    """Serve until the input ends."""
    adapter = importlib.import_module(f"benchmarks.peers.{sys.argv[1]}")
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        if (pid := os.fork()) == 0:
            _child(adapter, order, writing)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read().decode()
        _, status = os.waitpid(pid, 0)
        if not answer:
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
            why = f"took over {order['timeout_seconds']:.0f} s" if killed else f"the process died (status {status})"
            answer = json.dumps({"seconds": None, "peak_memory_mb": None, "error": why})
        print(answer, flush=True)


if __name__ == "__main__":
    main()
