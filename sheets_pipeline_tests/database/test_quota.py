"""The quota budget holds over all processes, whatever the network does."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import quota as quota_module
from sheets_pipeline.database.quota import BULK, URGENT, DatabaseQuota, ProjectQuota, sync_quota_slot
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.sync.health import Answers
from sheets_pipeline.testing import new_database
from sheets_pipeline_tests.databases import emptied, needs_mariadb


@pytest.fixture(scope="module")
def made(postgres_server: Server) -> Iterator[sa.Engine]:
    with new_database(postgres_server) as url:
        engine = sa.create_engine(url)
        install_state(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def engine(made: sa.Engine) -> sa.Engine:
    return emptied(made, state_metadata)


@pytest.fixture
def short_window(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(quota_module, "WINDOW_SECONDS", 1.0)
    return 1.0


def budget(engine: sa.Engine, writes: int, priority: int = BULK) -> DatabaseQuota:
    return DatabaseQuota(engine, "robot@example.org", reads_per_minute=60, writes_per_minute=writes, priority=priority)


def arrivals(engine: sa.Engine, workers: int, limit: int, seconds: float) -> list[float]:
    """When requests reach a server whose latency varies, sent by several workers as fast as the budget lets them."""
    times: list[float] = []
    deadline = time.monotonic() + seconds

    def work(number: int) -> None:
        mine = budget(engine, limit)
        for turn in range(1000):
            with mine.slot("write"):
                if time.monotonic() > deadline:
                    return
                time.sleep(0.005 + 0.02 * ((turn + number) % 3))
                times.append(time.monotonic())
                time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times)


def test_no_window_sees_more_requests_than_allowed_and_nearly_all_are_used(
    engine: sa.Engine, short_window: float
) -> None:
    limit, used = 20, 0
    for _ in range(4):  # a machine under load may be too slow to use them all
        times = arrivals(emptied(engine, state_metadata), workers=4, limit=limit, seconds=4.0)
        most = max(sum(1 for t in times if start <= t < start + short_window) for start in times)
        assert most <= limit
        used = max(used, len(times))
        if used >= 3 * limit:
            break
    assert used >= 3 * limit


def test_reads_and_writes_and_credentials_have_budgets_of_their_own(engine: sa.Engine) -> None:
    mine = budget(engine, 1)
    with mine.slot("write"), mine.slot("read"):
        assert (mine.used("write"), mine.used("read")) == (1, 1)
        assert (mine.left("write"), mine.left("read")) == (0, 59)
    other = DatabaseQuota(engine, "other@example.org", reads_per_minute=60, writes_per_minute=1)
    with other.slot("write") as waited:
        assert waited < 30  # a minute, if it had not one of its own


class Answer(Exception):
    """As gspread's ``APIError``: an HTTP answer that is an error."""

    def __init__(self, status: int) -> None:
        self.response = type("Response", (), {"status_code": status})()


def test_how_requests_ended_is_known_and_each_of_them_counts(engine: sa.Engine) -> None:
    mine = budget(engine, 60)
    for error in (Answer(429), Answer(503), Answer(404), Answer(200), ConnectionError(), None):
        try:
            with mine.slot("write" if error else "read"):
                if error:
                    raise error
        except (Answer, ConnectionError):
            continue
    answers = mine.answers()
    assert (answers.answered, answers.refused, answers.failed) == (2, 1, 3)
    assert answers.failing_seconds == 0
    assert (mine.used("write"), mine.used("read")) == (5, 1)
    other = DatabaseQuota(engine, "other@example.org", reads_per_minute=60, writes_per_minute=1)
    assert other.answers() == Answers()


def test_slots_in_use_are_told_with_age_and_priority(engine: sa.Engine) -> None:
    mine = budget(engine, 60)
    with budget(engine, 60, URGENT).slot("write"):
        pass
    now = time.time()
    slots = [("read", BULK, "answered", 30), ("read", URGENT, "refused", 50), ("read", BULK, "answered", 61)]
    slots += [("write", BULK, "sent", 100), ("write", BULK, "waiting", 1)]
    with engine.begin() as connection:
        for kind, priority, state, age in slots:
            row = {"credential": mine.credential, "kind": kind, "priority": priority, "state": state, "at": now - age}
            connection.execute(quota_module.sync_quota_slot.insert().values(row))
    ages_by_kind = {
        kind: sorted((round(age, -1), priority) for age, priority in ages) for kind, ages in mine.in_use().items()
    }
    assert ages_by_kind == {"read": [(30, BULK), (50, URGENT)], "write": [(0, URGENT), (100, BULK)]}
    assert {kind: len(ages) for kind, ages in ages_by_kind.items()} == {
        "read": mine.used("read"),
        "write": mine.used("write"),
    }
    other = DatabaseQuota(engine, "other@example.org", reads_per_minute=60, writes_per_minute=1)
    assert other.in_use() == {"read": [], "write": []}


def test_failing_counts_from_the_first_failure_after_the_last_good_answer(engine: sa.Engine) -> None:
    mine = budget(engine, 60)
    now = time.time()
    ends = [(-150, "failed"), (-100, "failed"), (-60, "answered"), (-45, "failed"), (-5, "refused")]
    with engine.begin() as connection:
        for ago, state in ends:
            values = {"credential": mine.credential, "kind": "read", "priority": 1, "state": state, "at": now + ago}
            connection.execute(sa.insert(quota_module.sync_quota_slot).values(values))
    answers = mine.answers()
    assert (answers.answered, answers.refused, answers.failed) == (1, 1, 2)
    assert 44 < answers.failing_seconds < 60


@pytest.mark.parametrize(
    ("slots", "silent"),
    [
        pytest.param([(-50, "sent")], 50, id="nothing was ever answered"),
        pytest.param(
            [(-60, "answered"), (-50, "sent"), (-20, "sent"), (-10, "failed")], 50, id="none since it was sent"
        ),
        pytest.param([(-50, "sent"), (-40, "answered")], 0, id="others are answered"),
        pytest.param([(-50, "held")], 0, id="held for a request to come"),
        pytest.param([(-200, "sent")], 0, id="died with its process"),
    ],
)
def test_silence_counts_from_the_oldest_request_since_the_last_answer(
    engine: sa.Engine, slots: list[tuple[int, str]], silent: int
) -> None:
    mine, now = budget(engine, 60), time.time()
    with engine.begin() as connection:
        for ago, state in slots:
            values = {"credential": mine.credential, "kind": "read", "priority": 1, "state": state, "at": now + ago}
            connection.execute(sa.insert(quota_module.sync_quota_slot).values(values))
    assert mine.answers().silent_seconds == pytest.approx(silent, abs=10 if silent else 0)


def test_a_reserved_slot_is_told_from_a_request_under_way(engine: sa.Engine) -> None:
    mine = budget(engine, 60)

    def states() -> list[str]:
        with engine.connect() as connection:
            return sorted(connection.scalars(sa.select(quota_module.sync_quota_slot.c.state)))

    with mine.reserved():
        assert states() == ["held", "held"]
        assert mine.used("read") == 1
        with mine.slot("read"):
            assert states() == ["held", "sent"]
    assert states() == ["answered"]


def test_a_slot_is_given_back_when_the_request_fails(engine: sa.Engine) -> None:
    mine = budget(engine, 1)
    with pytest.raises(RuntimeError), mine.slot("write"):
        raise RuntimeError("reset")
    with ThreadPoolExecutor(1) as beside:
        next_one = beside.submit(_ask_for_one, mine)
        _wait_until(lambda: _slots(engine, "waiting") == 1)  # the one that failed counts
        _pass_window(engine)
        assert next_one.result(timeout=30) > 0


def test_urgent_requests_go_before_bulk(
    engine: sa.Engine, short_window: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota_module, "_WAITER_GONE_SECONDS", 60)
    order: list[str] = []

    def ask(name: str, priority: int) -> None:
        with budget(engine, 1, priority).slot("write"):
            order.append(name)

    with budget(engine, 1).slot("write"):
        bulk = threading.Thread(target=ask, args=("bulk", BULK))
        bulk.start()
        _wait_until(lambda: _slots(engine, "waiting") == 1)
        urgent = threading.Thread(target=ask, args=("urgent", URGENT))
        urgent.start()
        _wait_until(lambda: _slots(engine, "waiting") == 2)
    bulk.join()
    urgent.join()
    assert order == ["urgent", "bulk"]


def test_bulk_leaves_a_share_to_urgent_requests_seen_lately(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_module, "_WAITER_GONE_SECONDS", 60)
    with budget(engine, 10, URGENT).slot("write"):
        pass
    _pass_window(engine)
    for _ in range(9):
        with budget(engine, 10).slot("write"):
            pass
    states = _slots(engine, "answered")
    with ThreadPoolExecutor(1) as beside:
        bulk = beside.submit(_ask_for_one, budget(engine, 10))
        _wait_until(lambda: _slots(engine, "waiting") == 1)
        _ask_for_one(budget(engine, 10, URGENT))  # the tenth, while bulk waits
        assert _slots(engine, "waiting") == 1
        assert _slots(engine, "answered") == states + 1
        assert not bulk.done()
        _pass_window(engine)
        assert bulk.result(timeout=30) > 0


def test_bulk_takes_all_of_the_budget_where_nothing_urgent_was_seen(engine: sa.Engine) -> None:
    for _ in range(10):
        _ask_for_one(budget(engine, 10))
    assert budget(engine, 10).left("write") == 0
    assert budget(engine, 4).left("write") == 0, "more was used than a lower limit allows"
    long_ago = sa.update(quota_module.sync_quota_budget).values(urgent_at=time.time() - 3600)
    with engine.begin() as connection:
        connection.execute(long_ago)
        connection.execute(sa.delete(quota_module.sync_quota_slot))
    for _ in range(10):
        _ask_for_one(budget(engine, 10))
    assert budget(engine, 10).left("write") == 0


@pytest.mark.parametrize("state", ["sent", "held"])
def test_what_a_dead_process_held_is_free_once_google_has_given_its_request_up(engine: sa.Engine, state: str) -> None:
    mine = budget(engine, 1)
    slot = {"credential": mine.credential, "kind": "write", "priority": BULK, "state": state}
    with engine.begin() as connection:
        connection.execute(quota_module.sync_quota_slot.insert().values(slot | {"at": time.time() - 300}))
    assert mine.left("write") == 0
    with ThreadPoolExecutor(1) as beside:
        beside.submit(_ask_for_one, mine).result(timeout=30)
    with engine.begin() as connection:
        connection.execute(sa.delete(quota_module.sync_quota_slot))
        connection.execute(quota_module.sync_quota_slot.insert().values(slot | {"at": time.time() - 200}))
        mine._enter(connection, "write", time.time(), None)  # Google may still answer it
    assert _slots(engine, state) == 1


def test_a_waiting_request_that_died_holds_up_nobody(engine: sa.Engine) -> None:
    mine = budget(engine, 5)
    slot = {"credential": mine.credential, "kind": "write", "priority": URGENT, "state": "waiting"}
    with engine.begin() as connection:
        connection.execute(quota_module.sync_quota_slot.insert().values(slot | {"at": time.time() - 10}))
    with ThreadPoolExecutor(1) as beside:
        beside.submit(_ask_for_one, mine).result(timeout=30)
    assert _slots(engine, "waiting") == 0


def _ask_for_one(mine: DatabaseQuota) -> float:
    with mine.slot("write") as waited:
        return waited


def _slots(engine: sa.Engine, state: str) -> int:
    query = sa.select(sa.func.count()).where(quota_module.sync_quota_slot.c.state == state)
    with engine.connect() as connection:
        return connection.scalar(query) or 0


def _pass_window(engine: sa.Engine) -> None:
    """As if all requests that have ended had done so a minute earlier."""
    slot = quota_module.sync_quota_slot
    ended = slot.c.state.in_(quota_module._ENDED)
    with engine.begin() as connection:
        connection.execute(sa.update(slot).where(ended).values(at=slot.c.at - quota_module.WINDOW_SECONDS - 1))


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_reserved_slots_serve_the_first_requests_and_the_rest_is_given_back(engine: sa.Engine) -> None:
    mine = budget(engine, 20)
    with mine.reserved():
        assert (mine.used("read"), mine.used("write")) == (1, 1)
        with mine.slot("read"):
            assert mine.used("read") == 1
        with mine.slot("read"):
            assert mine.used("read") == 2
    assert (mine.used("read"), mine.used("write")) == (2, 0)


def test_what_was_reserved_is_given_back_when_the_block_fails(engine: sa.Engine) -> None:
    mine = budget(engine, 20)
    with pytest.raises(RuntimeError), mine.reserved():
        raise RuntimeError("the lock was not to be had")
    assert (mine.used("read"), mine.used("write")) == (0, 0)


@pytest.mark.parametrize(("writes", "priority"), [(9, BULK), (20, URGENT)], ids=["a tiny budget", "urgent work"])
def test_nothing_is_reserved_of(engine: sa.Engine, writes: int, priority: int) -> None:
    mine = budget(engine, writes, priority)
    with mine.reserved():
        assert (mine.used("read"), mine.used("write")) == (0, 0)


def test_a_reserved_slot_that_was_taken_for_lost_is_not_used(engine: sa.Engine) -> None:
    mine = budget(engine, 20)
    with mine.reserved():
        long_ago = sa.update(quota_module.sync_quota_slot).values(at=time.time() - 300)
        with engine.begin() as connection:
            connection.execute(long_ago)
        with budget(engine, 20).slot("write"):  # clears away what belongs to the dead
            pass
        with mine.slot("write"):
            assert mine.used("write") == 2


def test_a_reserved_slot_counts_from_the_request_on(engine: sa.Engine) -> None:
    mine = budget(engine, 20)
    with mine.reserved():
        with engine.begin() as connection:
            connection.execute(sa.update(quota_module.sync_quota_slot).values(at=time.time() - 200))
        with mine.slot("write"):
            query = sa.select(quota_module.sync_quota_slot.c.at).where(quota_module.sync_quota_slot.c.kind == "write")
            with engine.connect() as connection:
                assert time.time() - (connection.scalar(query) or 0) < 60


def test_credentials_of_one_project_share_what_it_grants(engine: sa.Engine) -> None:
    project = ProjectQuota("school", {"read": 3, "write": 3})
    one, two = (
        DatabaseQuota(engine, name, reads_per_minute=60, writes_per_minute=60, project=project) for name in ("a", "b")
    )
    alone = DatabaseQuota(engine, "c", reads_per_minute=60, writes_per_minute=60)
    for quota in (one, two, one):
        with quota.slot("read"):
            pass
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(lambda: two.slot("read").__enter__())
        _wait_until(lambda: _slots(engine, "waiting") == 1)
        assert not waiting.done()
        with alone.slot("read"), one.slot("write"):
            assert not waiting.done()
        with engine.begin() as connection:
            connection.execute(sa.delete(sync_quota_slot).where(sync_quota_slot.c.state == "answered"))
        assert waiting.result(timeout=30) > 0


@needs_mariadb
@pytest.mark.xdist_group("mariadb")
def test_credentials_of_one_project_end_in_no_deadlock_on_mariadb(mariadb: sa.Engine) -> None:
    install_state(mariadb)
    project = ProjectQuota("p", {"read": 1000, "write": 1000})

    def ask(name: int) -> None:
        mine = DatabaseQuota(mariadb, f"c{name}", reads_per_minute=100, writes_per_minute=100, project=project)
        for _ in range(15):
            with mine.slot("read"), mine.slot("write"):
                pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
