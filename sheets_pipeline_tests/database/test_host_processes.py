"""What processes note of themselves, by the database's clock."""

import sqlalchemy as sa

from sheets_pipeline.database.host_processes import beat, forget, host_processes, leave, sync_host_process
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.sync.hosts import STANDS_BY, WORKER, WORKS


def test_processes_are_heard_until_they_leave_or_are_forgotten(engine: sa.Engine) -> None:
    install_state(engine)
    fixed = {"role": WORKER, "code": "v1", "problem": None}
    for key, host in (("1", "a"), ("2", "a"), ("3", "b"), ("4", "c")):
        beat(engine, key, fixed | {"host": host, "process": f"process {key}", "state": STANDS_BY}, is_new_state=True)
    with engine.begin() as connection:  # time goes by
        row = sync_host_process.c
        connection.execute(sa.update(sync_host_process).values(since=row.since - 50, heard_at=row.heard_at - 40))
        old = sa.update(sync_host_process).where(row.id == "4").values(heard_at=row.heard_at - 86_400)
        connection.execute(old)
    beat(engine, "1", {"state": WORKS}, is_new_state=True)
    beat(engine, "2", {"state": STANDS_BY}, is_new_state=False)
    first, second, third = host_processes(engine)
    assert [one.host for one in (first, second, third)] == ["a", "a", "b"]
    assert (first.state, first.is_heard, third.is_silent) == (WORKS, True, True)
    assert 39 < third.silent_seconds < 60
    assert 39 < (first.since - second.since).total_seconds() < 70
    forget(engine, "a", lambda process: process == "process 1")
    assert [one.host for one in host_processes(engine)] == ["a", "b"]
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(sync_host_process)) == 2
    leave(engine, "3")
    assert [one.state for one in host_processes(engine)] == [WORKS]
