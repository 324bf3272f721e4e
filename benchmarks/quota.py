"""How much of the quota several processes use together, and whether they ever exceed it.

Each process sends "requests" of varying latency as fast as the budget lets it; a request's arrival lies somewhere
within its latency. Judged as Google would: the most arrivals in any 60 seconds, and arrivals per minute after the
first.
"""

import argparse
import multiprocessing
import random
import time

import sqlalchemy as sa

from sheets_pipeline.database.quota import DatabaseQuota
from sheets_pipeline.database.upgrade import install_state


def _work(url: str, seed: int, until: float, arrivals: "multiprocessing.Queue[float]") -> None:
    rng = random.Random(seed)
    budget = DatabaseQuota(sa.create_engine(url), "bench@example.org", reads_per_minute=60, writes_per_minute=60)
    while time.time() < until:
        with budget.slot("write"):
            latency = rng.uniform(0.05, 0.6)
            before = rng.uniform(0, latency)
            time.sleep(before)
            arrivals.put(time.time())
            time.sleep(latency - before)


def measure(url: str, processes: int, minutes: float) -> dict[str, float]:
    """Run ``processes`` for ``minutes``; gives the most arrivals in any 60 s and arrivals per full minute."""
    install_state(sa.create_engine(url))
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.text("delete from sync_quota_slot"))
    arrivals: multiprocessing.Queue[float] = multiprocessing.Queue()
    start = time.time()
    workers = [
        multiprocessing.Process(target=_work, args=(url, seed, start + minutes * 60, arrivals))
        for seed in range(processes)
    ]
    for worker in workers:
        worker.start()
    times: list[float] = []
    while any(worker.is_alive() for worker in workers) or not arrivals.empty():
        while not arrivals.empty():
            times.append(arrivals.get())
        time.sleep(0.2)
    times.sort()
    # A window that starts at each arrival is the fullest one that holds it first.
    most = max(sum(1 for t in times if first <= t < first + 60) for first in times)
    whole = [t for t in times if t < start + minutes * 60]
    return {"processes": processes, "most_in_60_s": most, "per_minute": round(len(whole) / minutes, 2)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--minutes", type=float, default=3)
    arguments = parser.parse_args()
    for processes in arguments.processes:
        print(measure(arguments.database_url, processes, arguments.minutes))


if __name__ == "__main__":
    main()
