"""What the pipeline remembers of a tab, on PostgreSQL and SQLite."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import held_tabs
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.errors import TabBusy
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.testing import new_database


@pytest.fixture(params=["postgresql", "sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    with ExitStack() as stack:
        if request.param == "postgresql":
            server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("store_template")
            engine = sa.create_engine(stack.enter_context(new_database(server, template)))
        else:
            engine = sa.create_engine(f"sqlite:///{tmp_path}/s.db")
            install_state(engine)
        yield engine
        engine.dispose()


def test_facts_are_remembered_per_spreadsheet_and_tab(engine: sa.Engine) -> None:
    store = TabStore(engine, "S", "T")
    assert store.read_facts() is None
    store.write_facts({"sheet_id": 5}, forget_base=False)
    assert TabStore(engine, "S", "T").read_facts() == {"sheet_id": 5}
    assert TabStore(engine, "S", "other").read_facts() is None


def test_rows_are_ours_from_the_moment_they_are_intended(engine: sa.Engine) -> None:
    store = TabStore(engine, "S", "T")
    store.intend(["1", "2"])
    assert store.owned(["1", "2", "3"]) == {"1", "2"}
    assert store.base(["1"]) == {"1": None}
    assert store.confirmed() == 0


def test_a_confirmed_row_is_remembered_cell_by_cell(engine: sa.Engine) -> None:
    store = TabStore(engine, "S", "T")
    cells: dict[str, Cell] = {
        "n": 1,
        "text": "007",
        "half": 0.5,
        "none": None,
        "yes": True,
        "Größe '\"": "مرحبا 🌵 '\"\\",
    }
    store.confirm({"1": cells})
    assert store.base(["1", "2"]) == {"1": cells}
    store.intend(["1"])
    assert store.base(["1"]) == {"1": None}


def test_a_forgotten_row_is_no_longer_ours_but_known_to_be_newer_than_an_old_frame(engine: sa.Engine) -> None:
    store = TabStore(engine, "S", "T")
    store.confirm({"1": {"a": 1}, "2": {"a": 2}})
    time.sleep(0.01)
    moment = store.now()
    time.sleep(0.01)
    store.forget(["1"])
    assert store.owned(["1", "2"]) == {"2"}
    assert store.once_owned(["1", "2", "3"]) == {"1"}
    assert store.written_since(moment) == {"1"}


def test_many_rows_are_kept_at_once(engine: sa.Engine) -> None:
    store = TabStore(engine, "S", "T")
    store.confirm({str(i): {"id": i, "name": f"name {i}"} for i in range(5000)})
    assert store.confirmed() == 5000
    assert len(store.base([str(i) for i in range(2500)])) == 2500


def test_forgetting_the_base_of_one_tab_leaves_the_others(engine: sa.Engine) -> None:
    one, other = TabStore(engine, "S", "T"), TabStore(engine, "S", "U")
    one.confirm({"1": {"a": 1}})
    other.confirm({"1": {"a": 1}})
    one.write_facts(None, forget_base=True)
    assert (one.confirmed(), other.confirmed()) == (0, 1)


def test_a_tab_that_is_off_is_held_for_its_own_spreadsheet(engine: sa.Engine) -> None:
    held_tabs.hold(engine, "S", {"T", "U"})
    held_tabs.hold(engine, "other", {"T"})
    assert (held_tabs.held(engine, "S"), held_tabs.held(engine, "other")) == ({"T", "U"}, {"T"})
    held_tabs.release(engine, "S", "T")
    assert (held_tabs.held(engine, "S"), held_tabs.held(engine, "other")) == ({"U"}, {"T"})


def test_one_writer_per_tab_at_a_time(engine: sa.Engine) -> None:
    order: list[str] = []

    def second() -> None:
        with named_lock(engine, "tab", timeout_seconds=10):
            order.append("second")

    with named_lock(engine, "tab"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_tab_that_stays_busy_says_so(engine: sa.Engine) -> None:
    def hold() -> None:
        with named_lock(engine, "tab"):
            held.set()
            done.wait(30)

    held, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    with pytest.raises(TabBusy, match="written by another process"), named_lock(engine, "tab", timeout_seconds=0.2):
        pytest.fail("two writers at once")
    done.set()
    thread.join()


def test_installing_twice_at_once_is_harmless(database_url: str) -> None:
    engines = [sa.create_engine(database_url) for _ in range(4)]
    threads = [threading.Thread(target=install_state, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sa.inspect(engines[0]).has_table("sync_base_row")


def test_a_lock_whose_connection_broke_says_so_before_the_next_write(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    with named_lock(engine, "tab") as still_held:
        still_held()
        with sa.create_engine(database_url).connect() as other:
            other.execute(sa.text(others))
        with pytest.raises(TabBusy, match="was lost"):
            still_held()
    with named_lock(engine, "tab", timeout_seconds=5) as still_held:
        still_held()
