"""The first load of a tab under a fault: a tab may grow row by row, but no row may be doubled, torn or lost at the end."""

import threading
from typing import Any

from benchmarks.faults import Damage
from sheets_pipeline.errors import SheetsError
from sheets_pipeline.testing import Bench

#: 45 rows of 48,000 characters each: more than one request should carry, so they go in two.
ROWS = {i: (f"{i} " + "long text " * 4800, i / 2) for i in range(1, 46)}


def first_load_with_fault(bench: Bench, fault: dict[str, Any], request_index: int) -> Damage:
    """A first load with a fault at its n-th request while a reader polls, then a clean sync."""
    damage, stop = Damage(), threading.Event()

    def poll() -> None:
        while not stop.wait(0.005):
            _look(bench, damage)

    bench.edit({"addSheet": {"properties": {"title": bench.tab.title}}})
    reader = threading.Thread(target=poll)
    bench.server.faults(**fault, method="*batch*", skip=request_index, count=1)
    reader.start()
    try:
        bench.sync(ROWS)
    except SheetsError as error:
        damage.details.append(f"gave up: {type(error).__name__}")
    finally:
        stop.set()
        reader.join()
        damage.faults = sum(rule["hits"] for rule in bench.server.fault_state()["rules"])
        bench.server.clear_faults()
    bench.sync(ROWS)
    _look(bench, damage)
    damage.lost += len({row[0] for row in _rows(bench)} ^ set(ROWS))
    return damage


def _rows(bench: Bench) -> list[list[Any]]:
    return [row for row in bench.values()[1:] if row and row[0] != ""]


def _look(bench: Bench, damage: Damage) -> None:
    """Rows may still be missing, since the tab was empty before; those that stand there must be whole."""
    damage.looks += 1
    rows = _rows(bench)
    keys = [row[0] for row in rows]
    damage.doubled += len(keys) - len(set(keys))
    for row in rows:
        if tuple(row[1:3]) != ROWS.get(row[0]):
            damage.torn += 1
            damage.details.append(f"row {row[0]}: {str(row[1:3])[:60]}")
