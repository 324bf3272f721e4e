"""Keys that differ are different rows on every database, as they are in Python."""

from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import triggers
from sheets_pipeline.database.archive import ArchiveStore
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.held_tabs import held, hold
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.platform.tables import users
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.sync.archive import Boundary
from sheets_pipeline_tests.database.earlier_stores import make_store
from sheets_pipeline_tests.database.rows import add_basics

#: Each of them is the same as another one to some collation: case, accents, blanks, width, emoji, what is ignored.
KEYS = [
    "abc",
    "ABC",
    "Abc",
    "résumé",
    "resume",
    "résume",
    "re\u0301sume\u0301",
    "a",
    "a ",
    "a  ",
    " a",
    "a\t",
    "😀",
    "😁",
    "ß",
]
KEYS += [
    "ss",
    "ｆ",
    "f",
    "I",
    "ı",
    "i",
    "İ",
    "a\u00ad",
    "a\u200b",
    "ae",
    "æ",
    "1",
    "١",
    "x\x1f",
    "x\x1fy",
    "x",
    "%",
    "_",
    "\\",
]
LONG = "ü" * 499


def in_latin1(engine: sa.Engine) -> None:
    """Where a database has a character set of its own, let it be one without most of Unicode."""
    if engine.dialect.name in {"mysql", "mariadb"}:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER DATABASE CHARACTER SET latin1")


def test_every_key_has_a_base_row_of_its_own(engine: sa.Engine) -> None:
    in_latin1(engine)
    install_state(engine)
    store = TabStore(engine, "S", "T")
    rows: dict[str, Any] = {key: {"key": key} for key in [*KEYS, LONG + "a", LONG + "A"]}
    store.confirm(rows)
    assert store.base(rows) == rows
    assert store.owned(["aBC", "RESUME", "a   ", "😂", "SS", LONG + "b"]) == set()
    assert store.base(["abc"]) == {"abc": {"key": "abc"}}
    store.forget(["abc", "a ", "résumé"])
    assert store.owned(rows) == set(rows) - {"abc", "a ", "résumé"}
    assert ArchiveStore(engine, "S", "T").owned() == set(rows) - {"abc", "a ", "résumé"}
    assert set(ArchiveStore(engine, "S", "T").owners(["ABC", "abc"])) == {"ABC"}


def test_spreadsheets_and_titles_are_told_apart_by_case(engine: sa.Engine) -> None:
    install_state(engine)
    TabStore(engine, "1aB", "Notes").write_facts({"sheet_id": 5}, forget_base=False)
    assert TabStore(engine, "1ab", "Notes").read_facts() is None
    assert TabStore(engine, "1aB", "Nótes").read_facts() is None
    hold(engine, "1aB", ["Notes", "notes"])
    assert held(engine, "1aB") == {"Notes", "notes"}
    assert held(engine, "1AB") == set()
    assert ArchiveStore(engine, "1AB", "Notes").boundary() == Boundary()


@pytest.mark.parametrize("is_latin1", [False, True])
def test_a_store_that_mixed_keys_up_is_mended(engine: sa.Engine, is_latin1: bool) -> None:
    if is_latin1:
        in_latin1(engine)
    make_store(engine, "5175745")
    with engine.begin() as connection:
        connection.execute(sa.text("update sync_base_row set row_key = 'Müller' where row_key = '7'"))
    install_state(engine)
    store = TabStore(engine, "S", "T")
    assert store.owned(["Müller", "müller", "Muller"]) == {"Müller"}
    rows: dict[str, Any] = {key: {"key": key} for key in KEYS}
    store.confirm(rows)
    assert store.base(KEYS) == rows
    install_state(engine)  # nothing is left to do
    assert store.base(KEYS) == rows


def test_a_change_of_case_alone_is_an_event(platform: sa.Engine) -> None:
    with platform.begin() as connection:
        add_basics(connection)
    triggers.install(platform, WATCHED)
    for name in ("LEARNER 1", "LEÀRNER 1", "LEÀRNER 1"):
        with platform.begin() as connection:
            connection.execute(sa.update(users).where(users.c.id == 1).values(full_name=name))
    with platform.connect() as connection:
        kinds = connection.scalars(sa.select(pending_event.c.kind)).all()
    assert kinds == ["update", "update"]
