"""Nonsense in the queue: each piece is told apart with its reason, and breaks no reader of the queue."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import events, triggers
from sheets_pipeline.database.event_faults import malformed
from sheets_pipeline.database.event_keys import TabEvents, UnusableKey, stored_key
from sheets_pipeline.database.event_table import Event, pending_event
from sheets_pipeline.database.touched import touched
from sheets_pipeline.database.waiting import waiting
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.sync.tab import Column, ColumnType
from sheets_pipeline_tests.database.rows import TABS, add_basics

ALL = TABS | {"Orders": TabEvents((), ("order",), (Column("id"),))}

_KEYS = ["None", "null", "NaN", "undefined", "", " ", "abc", "1.5", "1e3", "0x1F", "9" * 39, "1_000",
         "\u0661\u0662\u0663", "1;drop table users", "'", "\u202e1", "\x1b[31m1", "1\n2", "7,8", "[7]", "\U0001f335" * 20]  # fmt: skip
_MALFORMED: list[dict[str, Any]] = [
    *({"entity": entity, "key": key} for key in _KEYS for entity in ("quiz_response", "user")),
    *({"entity": "user", "key": "1", "held": held} for held in ('{"id": "abc"}', '{"id": "1.5"}', '{"id": ""}')),
    *({"entity": "order", "key": key} for key in ("None", "", "  ", "null")),
    *({"entity": entity, "key": "1"} for entity in ("", "ordr", "User", "user ", "'; --", "\x1b[2J")),
]
#: Odd, and harmless all the same.
_ODD: list[dict[str, object]] = [
    {"priority": 99}, {"priority": -7}, {"kind": ""}, {"kind": "\x1b]0;x\x07"}, {"waits_for": "nonsense"}, {"waits_for": "5"},
    {"waits_for": "[1]"}, {"waits_for": "[" * 5000}, {"held": "nonsense"}, {"held": "[1]"}, {"changed": "5"}, {"changed": "[" * 900}, {"attempts": 2**31 - 1}, {"attempts": -5}, {"key": " 1 "}, {"key": "007"},
]  # fmt: skip


@pytest.fixture
def queue(platform: sa.Engine) -> sa.Engine:
    triggers.install(platform, WATCHED)
    with platform.begin() as connection:
        add_basics(connection)
        connection.execute(sa.delete(pending_event))
    return platform


def test_malformed_events_break_no_reader_and_are_set_aside_with_their_reason(queue: sa.Engine):
    with queue.begin() as connection:
        for row in [*_MALFORMED, *({"entity": "user", "key": "1"} | odd for odd in _ODD)]:
            connection.execute(pending_event.insert().values({"kind": "changed", "priority": 1} | row))
    with queue.begin() as connection:
        due = events.pending(connection)
        leads_to = touched(connection, due, ALL)
        assert (leads_to.keys["UserProfiles"] or set()) <= {"1", "7"}
        reasons = malformed(due, ALL, leads_to.unusable)
        assert sum(map(len, reasons.values())) == len(_MALFORMED)
        assert all(reason.isascii() and reason.isprintable() for reason in reasons)
        assert waiting(connection, ALL)["UserProfiles"].events > 0
        counted = events.status(connection)
        assert sum(counted.pending_by_priority.values()) == counted.pending == len(_MALFORMED) + len(_ODD)
        assert events.put_aside(connection, reasons) == len(_MALFORMED)
        given_up = events.set_aside(connection)
        assert len(given_up) == len(_MALFORMED)
        assert all(event.reason and event.reason.startswith("Malformed: ") for event in given_up)
        assert asdict(events.status(connection))["set_aside"] == len(_MALFORMED)
        left = [event.id for event in events.pending(connection)]
        assert len(left) == len(_ODD)
        events.record_failure(connection, left, "why", 5)
        assert events.drop(connection, [given_up[0].id]) == 1


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "4000-01-01 BC", "20000-01-01"])
def test_a_moment_that_python_cannot_hold_breaks_no_reader(postgresql: sa.Engine, moment: str):
    triggers.install(postgresql, WATCHED)
    with postgresql.begin() as connection:
        for column in ("created_at", "retry_at", "set_aside_at"):
            connection.execute(
                sa.text(f"insert into pending_event (entity, key, {column}) values ('user', '1', '{moment}')")
            )
        events.pending(connection)
        assert len(events.set_aside(connection)) == 1
        assert events.status(connection).pending == 2
        assert waiting(connection, ALL)["UserProfiles"].events == 2


def test_what_docs_say_to_insert_is_enough(queue: sa.Engine):
    with queue.begin() as connection:
        key = queue.dialect.identifier_preparer.quote("key")
        connection.exec_driver_sql(f"INSERT INTO pending_event (entity, {key}) VALUES ('order', '7')")
        [event] = events.pending(connection)
        assert (event.kind, event.priority, event.attempts) == ("changed", 1, 0)
        assert waiting(connection, ALL)["Orders"].events == 1
        assert touched(connection, [event], ALL).keys == {"Orders": {"7"}}


def test_a_queue_of_an_earlier_version_gets_the_defaults(platform: sa.Engine):
    triggers.install(platform, WATCHED)
    if platform.dialect.name == "sqlite":
        pytest.skip("SQLite cannot take a default away; the table is made anew there")
    with platform.begin() as connection:
        for column in ("created_at", "priority", "kind"):
            connection.exec_driver_sql(f"ALTER TABLE pending_event ALTER COLUMN {column} DROP DEFAULT")
    assert "default of column pending_event.created_at is missing" in triggers.check(platform, WATCHED).problems
    triggers.install(platform, WATCHED)
    assert triggers.check(platform, WATCHED).is_complete


_TEXT, _NUMBER, _AMOUNT = (Column(kind, kind) for kind in (ColumnType.TEXT, ColumnType.INTEGER, ColumnType.DECIMAL))


@pytest.mark.parametrize(
    ("columns", "key", "expected"),
    [
        ([_NUMBER], "007", "7"),
        ([_NUMBER], " +7 ", "7"),
        ([_NUMBER], "-0", "0"),
        ([_NUMBER], "18446744073709551615", "18446744073709551615"),
        ([_AMOUNT], "1.50", "1.5"),
        ([_AMOUNT], "2.0", "2"),
        ([_TEXT], "007", "007"),
        ([_TEXT], '["EU", 7]', '["EU", 7]'),
        ([_TEXT], '["EU"]', '["EU"]'),
        ([_TEXT], "[" * 9_000, "[" * 9_000),
        ([_TEXT, _NUMBER], '["EU", "007"]', "EU\x1f7"),
        ([_TEXT, _NUMBER], ' [ "EU" , 7.0 ] ', "EU\x1f7"),
        ([_TEXT, _NUMBER], "EU\x1f007", "EU\x1f7"),
        ([_TEXT, _TEXT], "[a\x1f7", "[a\x1f7"),
        ([_TEXT, _TEXT], '["a", null]', "a\x1f"),
        *(([_NUMBER], key, None) for key in ("abc", "1.5", "9" * 99, "1_0", "\u0661", "[7]", "0x1F")),
        *(([_AMOUNT], key, None) for key in ("abc", "NaN", "inf", "1e9", "9" * 9_000, ".")),
        *(
            ([_TEXT, _NUMBER], key, None)
            for key in ("EU", '["EU"]', '["EU", 7, 8]', '["EU", "x"]', '["EU", true]', "{}")
        ),
        *(
            ([_TEXT, _NUMBER], key, None)
            for key in ('["EU", [7]]', '["EU", 7', "EU\x1f7\x1f8", "[" * 9_000, '["EU", NaN]')
        ),
        ([_TEXT, _TEXT], '["", null]', None),
    ],
)
def test_a_key_names_the_row_that_the_key_columns_make_of_it_or_is_refused(
    columns: list[Column], key: str, expected: str | None
):
    rows = TabEvents((), ("order",), tuple(columns))
    if expected is not None:
        assert rows.row_key(key) == expected
        return
    with pytest.raises(UnusableKey) as refused:
        rows.row_key(key)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


def test_a_key_that_one_tab_cannot_use_refreshes_the_other_and_is_told(platform: sa.Engine):
    own = {"Orders": TabEvents((), ("order",), (_TEXT,)), "Numbers": TabEvents((), ("order",), (_NUMBER,))}
    event = Event(1, "order", "A-7", "", 1, None, None, datetime.now(UTC), 0, None, None)
    with platform.connect() as connection:
        assert touched(connection, [event], own).keys == {"Orders": {"A-7"}}
    [(reason, ids)] = malformed([event], own, {}).items()
    assert "its key 'A-7' is not of the type integer of the key column integer" in reason
    assert "(tab 'Numbers')" in reason
    assert ids == [1]


@pytest.mark.parametrize("key", ["A", "[1, 2]", ("A",), ("EU", 7), ("EU", None), [1, "b"]])
def test_what_record_event_writes_is_read_as_it_was_given(key: object):
    parts = list(key) if isinstance(key, tuple | list) else [key]
    rows = TabEvents((), ("order",), (_TEXT,) * len(parts))
    assert rows.row_key(stored_key(key)) == "\x1f".join("" if part is None else str(part) for part in parts)
