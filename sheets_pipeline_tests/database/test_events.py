"""The queue: each change gets in with its transaction, nothing gets lost, and each touches the right rows."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from sheets_pipeline.database import event_parts, events, triggers
from sheets_pipeline.database.event_keys import TabEvents
from sheets_pipeline.database.event_parts import Piece
from sheets_pipeline.database.event_table import Event, event_metadata, pending_event
from sheets_pipeline.database.touched import touched
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.tables import (
    course_completions,
    courses,
    enrollments,
    platform_metadata,
    quiz_responses,
    quizzes,
    transcript_requests,
    users,
)
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.sync.tab import Column
from sheets_pipeline.sync.watch import Priority
from sheets_pipeline_tests.database.rows import NOW, STANDALONE_QUIZ, TABS, add_basics, submit
from sheets_pipeline_tests.databases import DIALECTS, emptied, empty_database


@pytest.fixture(scope="module", params=DIALECTS)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A platform with triggers, on each dialect in turn; none of the tests here changes these."""
    with empty_database(request, tmp_path_factory.mktemp("events")) as engine:
        platform_metadata.create_all(engine)
        triggers.install(engine, WATCHED)
        yield engine


@pytest.fixture
def queue(watched: sa.Engine) -> sa.Engine:
    """A platform with three learners and two courses, and an empty queue, on each dialect in turn."""
    with emptied(watched, platform_metadata).begin() as connection:
        add_basics(connection)
        connection.execute(pending_event.delete())
    return watched


@pytest.fixture
def postgresql_queue(postgresql: sa.Engine) -> sa.Engine:
    triggers.install(postgresql, WATCHED)
    with postgresql.begin() as connection:
        add_basics(connection)
        connection.execute(pending_event.delete())
    return postgresql


def _take(connection: sa.Connection) -> list[Event]:
    """All that is pending, removed."""
    due = sorted(events.pending(connection))
    events.delete(connection, [event.id for event in due])
    return due


def _kinds(connection: sa.Connection) -> list[tuple[str, int, str]]:
    return [(event.entity, int(event.key), event.kind) for event in _take(connection)]


def test_a_submission_holds_what_tabs_need_of_it(queue: sa.Engine):
    with queue.begin() as connection:
        first, second = submit(connection, user=2, quiz=1), submit(connection, user=1, quiz=STANDALONE_QUIZ)
        [one, other] = _take(connection)
    assert (one.key, one.kind, one.changed) == (str(first), "insert", None)
    assert one.row == {"id": str(first), "user_id": "2", "quiz_id": "1"}
    assert other.row == {"id": str(second), "user_id": "1", "quiz_id": "3"}
    assert abs(datetime.now(UTC) - other.created_at) < timedelta(minutes=1)


def _request(connection: sa.Connection) -> int:
    values = {"user_id": 1, "course_id": 2, "status": "pending", "requested_at": NOW, "updated_at": NOW}
    inserted = connection.execute(transcript_requests.insert().values(values)).inserted_primary_key
    return int(inserted[0]) if inserted else 0


def test_a_transcript_request_is_urgent_from_request_to_deletion(queue: sa.Engine):
    with queue.begin() as connection:
        key = _request(connection)
        mine = transcript_requests.c.id == key
        connection.execute(transcript_requests.update().where(mine).values(status="sent"))
        connection.execute(transcript_requests.delete().where(mine))
        found = _take(connection)
    assert [event.kind for event in found] == ["insert", "update", "delete"]
    assert {event.priority for event in found} == {Priority.URGENT}
    assert {event.key for event in found} == {str(key)}


#: What it is, the statement, the events it makes.
CHANGES: list[tuple[str, Any, list[Any]]] = [
    ("new learner", users.insert().values(id=9, full_name="New", joined_at=NOW), [("user", 9, "insert")]),
    ("profile", users.update().where(users.c.id == 1).values(email="a@example.org"), [("user", 1, "update")]),
    ("name", users.update().where(users.c.id == 1).values(full_name="Other"), [("user", 1, "update")]),
    ("a column that no tab shows", users.update().where(users.c.id == 1).values(phone="007"), []),
    ("NULL to NULL", users.update().where(users.c.id == 1).values(email=None), []),
    ("learner deleted", users.delete().where(users.c.id == 3), [("user", 3, "delete")]),
    ("title", courses.update().where(courses.c.id == 2).values(title="T"), [("course", 2, "update")]),
    ("new course", courses.insert().values(id=9, title="T", created_at=NOW), [("course", 9, "insert")]),
    ("quiz title", quizzes.update().where(quizzes.c.id == 2).values(title="T"), [("quiz", 2, "update")]),
    (
        "completion",
        course_completions.insert().values(id=5, user_id=1, course_id=2, completed_at=NOW),
        [("course_completion", 5, "insert")],
    ),
    (
        "enrolment",
        enrollments.insert().values(id=50, user_id=3, course_id=2, enrolled_at=NOW),
        [("enrollment", 50, "insert")],
    ),
]


def test_each_change_is_recorded_as_what_it_is(queue: sa.Engine):
    with queue.connect() as connection:
        for what, change, expected in CHANGES:
            connection.execute(change)
            assert (what, _kinds(connection)) == (what, expected)
            connection.rollback()


def test_an_enrolment_that_ended_is_recorded_by_its_key(queue: sa.Engine):
    mine = enrollments.c.user_id == 2
    with queue.begin() as connection:
        key = connection.scalar(sa.select(enrollments.c.id).where(mine))
        connection.execute(enrollments.delete().where(mine))
        assert _kinds(connection) == [("enrollment", key, "delete")]


def test_a_response_that_moves_to_another_learner_touches_both(queue: sa.Engine):
    with queue.begin() as connection:
        key = submit(connection, user=1, quiz=1)
        _take(connection)
        mine = quiz_responses.c.id == key
        connection.execute(quiz_responses.update().where(mine).values(user_id=2, quiz_id=2))
        moved = _take(connection)
        assert {(event.row["user_id"], event.row["quiz_id"]) for event in moved} == {("1", "1"), ("2", "2")}
        assert {event.changed_columns for event in moved} == {frozenset({"user_id", "quiz_id"})}
        connection.execute(quiz_responses.update().where(mine).values(answer="another"))
        connection.execute(quiz_responses.update().where(mine).values(answer="another"))
        connection.execute(quiz_responses.delete().where(mine))
        assert [kind for _, _, kind in _kinds(connection)] == ["update", "delete"]


def test_a_statement_over_many_rows_is_bulk_work_unless_it_is_urgent(postgresql_queue: sa.Engine):
    with postgresql_queue.begin() as connection:
        many = [{"id": 100 + i, "full_name": "Many", "joined_at": NOW} for i in range(101)]
        connection.execute(users.insert().values(many))
        connection.execute(users.insert().values([{"id": 50, "full_name": "One", "joined_at": NOW}]))
        assert events.status(connection).pending_by_priority == {"urgent": 0, "normal": 1, "bulk": 101}
        insert = "INSERT INTO transcript_requests (user_id, course_id, status, pdf_generate, requested_at, updated_at) "
        connection.exec_driver_sql(f"{insert} SELECT 1, 1, 'pending', false, now(), now() FROM generate_series(1, 500)")
        assert events.status(connection).pending_by_priority["urgent"] == 500


def test_a_rollback_takes_its_events_along(queue: sa.Engine):
    with queue.connect() as connection:
        submit(connection)
        connection.rollback()
        assert events.count(connection) == 0
        assert events.pending(connection) == []


def test_a_transaction_that_commits_late_is_not_passed_over(postgresql_queue: sa.Engine):
    """Its event has a lower id than events that were read and deleted before it could be seen."""
    with postgresql_queue.connect() as slow, postgresql_queue.connect() as quick, postgresql_queue.connect() as sync:
        late = submit(slow, user=1)
        with quick.begin():
            early = submit(quick, user=2)
        with sync.begin():
            assert [event.key for event in _take(sync)] == [str(early)]
        slow.commit()
        with sync.begin():
            assert [event.key for event in _take(sync)] == [str(late)]


def test_what_commits_while_a_sync_runs_stays_pending(postgresql_queue: sa.Engine):
    with postgresql_queue.connect() as sync, postgresql_queue.connect() as other:
        with other.begin():
            submit(other)
        read = events.pending(sync)
        with other.begin():
            later = submit(other)
        events.delete(sync, [event.id for event in read])
        sync.commit()
        assert [event.key for event in events.pending(sync)] == [str(later)]


def test_many_sessions_at_once_lose_nothing(postgresql_queue: sa.Engine):
    """Eight writers, every third transaction rolled back, and a reader that deletes all the while."""
    committed: set[str] = set()
    seen: set[str] = set()
    done = threading.Event()

    def write(number: int) -> None:
        with postgresql_queue.connect() as connection:
            for i in range(30):
                key = submit(connection, user=number % 3 + 1)
                time.sleep(0.001 * (number % 3))
                if i % 3 == 2:
                    connection.rollback()
                else:
                    connection.commit()
                    committed.add(str(key))

    def read() -> None:
        while not done.is_set():
            with postgresql_queue.begin() as connection:
                seen.update(event.key for event in _take(connection))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    with postgresql_queue.begin() as connection:
        seen.update(event.key for event in _take(connection))
    assert len(committed) == 8 * 20
    assert seen == committed


def _add(connection: sa.Connection, *, priority: Priority, age_seconds: float, key: str) -> None:
    created = datetime.now(UTC) - timedelta(seconds=age_seconds)
    values = {"entity": "order", "key": key, "kind": "placed", "priority": int(priority), "created_at": created}
    connection.execute(pending_event.insert().values(values))


def test_urgent_goes_first_and_bulk_is_never_starved(queue: sa.Engine):
    with queue.begin() as connection:
        for key, priority, age in (
            ("new bulk", Priority.BULK, 1),
            ("new normal", Priority.NORMAL, 1),
            ("old bulk", Priority.BULK, events.PROMOTED_AFTER_SECONDS + 5),
            ("new urgent", Priority.URGENT, 1),
        ):
            _add(connection, priority=priority, age_seconds=age, key=key)
        order = [event.key for event in events.pending(connection)]
        assert order == ["old bulk", "new urgent", "new normal", "new bulk"]
        assert [event.key for event in events.pending(connection, limit=2)] == order[:2]


def test_an_event_that_failed_is_due_again_after_a_growing_pause(queue: sa.Engine):
    with queue.begin() as connection:
        submit(connection, user=2, quiz=1)
        submit(connection, user=1, quiz=1)
        bad, good = [event.id for event in sorted(events.pending(connection))]
        assert events.record_failure(connection, [bad], "header", 9, first_pause_seconds=600) == 0
        assert [event.id for event in events.pending(connection)] == [good]
        assert events.status(connection).pending == 2
        events.delete(connection, [good])
    assert not events.wait_for_event(queue, 0)
    with queue.begin() as connection:
        soon = datetime.now(UTC) + timedelta(seconds=0.2)
        connection.execute(pending_event.update().values(retry_at=soon))
    assert events.wait_for_event(queue, 30)
    with queue.begin() as connection:
        events.record_failure(connection, [bad], "header", 9, first_pause_seconds=10)
        retry_at, now = connection.execute(sa.select(pending_event.c.retry_at, pending_event.c.created_at)).one()
        assert 39 < (retry_at - now).total_seconds() < 50  # four times the first pause


def test_an_event_waits_only_for_the_tabs_that_do_not_show_it_yet(queue: sa.Engine):
    with queue.begin() as connection:
        submit(connection, user=2, quiz=1)
        [event] = events.pending(connection)
        assert set(touched(connection, [event], TABS).keys) == {"UserProfiles", "course_statistics", "quiz_responses"}
        events.keep_for(connection, [event.id], {"course_statistics"})
        [event] = events.pending(connection)
        assert event.attempts == 0
        assert touched(connection, [event], TABS).keys == {"course_statistics": {"1"}}
        events.record_failure(connection, [event.id], "header", 1, waits_for={"course_statistics"})
        events.retry(connection)
        [event] = events.pending(connection)
        assert event.tabs == frozenset({"course_statistics"})


def test_events_are_handed_to_parts_once_and_each_part_settles_its_own(queue: sa.Engine):
    def of(only: events.Only) -> list[tuple[str, frozenset[str] | None]]:
        with queue.connect() as connection:
            return sorted((event.key, event.tabs) for event in events.pending(connection, only=only))

    with queue.begin() as connection:
        for key in ("both", "gone", "one"):
            _add(connection, priority=Priority.NORMAL, age_seconds=30, key=key)
        ids = {event.key: event.id for event in events.pending(connection)}
    both = [Piece(0, frozenset("A")), Piece(1, frozenset("AB"))]
    told = {ids["both"]: both, ids["gone"]: [], ids["one"]: [Piece(1)]}
    for _ in range(2):  # the second comes too late
        with event_parts.placing(queue) as connection:
            event_parts.place(connection, told, 2)
    first, second = [("both", frozenset("A"))], [("both", frozenset("AB")), ("one", None)]
    assert (of(event_parts.of_part(0, 2)), of(event_parts.of_part(1, 2))) == (first, second)
    assert of(event_parts.of_part_or_unplaced(1, 2)) == second
    assert of(event_parts.unplaced(2)) == []
    with queue.begin() as connection:
        assert event_parts.parts_due(connection, 2) == ({0, 1}, False)
        assert event_parts.parts_due(connection, 3) == (set(), True)  # told apart anew, as there are three parts now
        mine = event_parts.of_part(0, 2)
        assert events.record_failure(connection, [ids["one"]], "not mine", 1, only=mine) == 0
        events.keep_for(connection, [ids["one"]], {"C"}, mine)
        assert events.delete(connection, [ids["one"]], mine) == 0
        assert events.delete(connection, list(ids.values()), mine) == 1
    assert of(()) == second
    assert events.count_due(queue, mine) == 0
    with event_parts.placing(queue) as connection:
        event_parts.place(connection, {ids["one"]: [Piece(None, frozenset("B")), Piece(2)]}, 3)
    assert of(event_parts.unplaced(3)) == [second[0], ("one", frozenset("B"))]
    assert of(event_parts.of_part(2, 3)) == [("one", None)]


def test_events_that_fail_too_often_are_set_aside_and_hold_up_nobody(queue: sa.Engine):
    with queue.begin() as connection:
        for key in ("bad", "good"):
            _add(connection, priority=Priority.NORMAL, age_seconds=30, key=key)
        bad = next(event.id for event in events.pending(connection) if event.key == "bad")
        assert events.record_failure(connection, [bad], "a cell is too long", max_attempts=2) == 0
        assert events.count(connection) == 2
        assert events.record_failure(connection, [bad], "a cell is too long", max_attempts=2) == 1
        assert [event.key for event in events.pending(connection)] == ["good"]
        [given_up] = events.set_aside(connection)
        assert (given_up.key, given_up.attempts, given_up.reason) == ("bad", 2, "a cell is too long")
        status = events.status(connection)
        assert (status.pending, status.set_aside) == (1, 1)
        assert status.oldest_seconds == pytest.approx(30, abs=5)
        assert events.retry(connection) == 1
        assert next(event.attempts for event in events.pending(connection) if event.key == "bad") == 0
        events.record_failure(connection, [bad], "again", max_attempts=1)
        assert events.drop(connection, [bad]) == 1
        assert events.drop(connection) == 0
        assert [event.key for event in events.pending(connection)] == ["good"]


def test_pauses_between_attempts_grow_fourfold_to_an_hour(queue: sa.Engine):
    with queue.begin() as connection:
        _add(connection, priority=Priority.NORMAL, age_seconds=30, key="bad")
        [event] = events.pending(connection)
        pauses = []
        for _ in range(7):
            events.record_failure(connection, [event.id], "header", max_attempts=9)
            moment = connection.scalar(sa.select(pending_event.c.retry_at))
            assert moment is not None
            pauses.append((moment - events._now(connection)).total_seconds())
    assert pauses == pytest.approx([10, 40, 160, 640, 2560, 3600, 3600], abs=5)


def test_an_empty_queue_has_no_age(queue: sa.Engine):
    with queue.connect() as connection:
        status = events.status(connection)
    assert (status.pending, status.oldest_seconds, status.pending_by_entity) == (0, None, {})


def test_thousands_of_events_are_deleted_by_id(queue: sa.Engine):
    with queue.begin() as connection:
        rows = [{"entity": "order", "key": str(i), "kind": "placed", "priority": 2} for i in range(2500)]
        connection.execute(pending_event.insert(), rows)
        ids = [event.id for event in events.pending(connection)]
        assert events.delete(connection, ids[:2400]) == 2400
        assert {event.id for event in events.pending(connection)} == set(ids[2400:])


def test_a_deleted_id_never_comes_back(queue: sa.Engine):
    with queue.begin() as connection:
        submit(connection)
        [first] = _take(connection)
        submit(connection)
        [second] = _take(connection)
    assert second.id > first.id


def test_waiting_ends_soon_after_the_commit(postgresql_queue: sa.Engine):
    committed: list[float] = []

    def write() -> None:
        time.sleep(0.2)
        with postgresql_queue.begin() as connection:
            submit(connection)
        committed.append(time.monotonic())

    writer = threading.Thread(target=write)
    writer.start()
    assert events.wait_for_event(postgresql_queue, 60)
    noticed = time.monotonic()
    writer.join()
    assert noticed - committed[0] < 15  # and not with the timeout


def test_waiting_for_nothing_ends_with_the_timeout(queue: sa.Engine):
    start = time.monotonic()
    assert not events.wait_for_event(queue, 0.1)
    assert 0.1 <= time.monotonic() - start < 5


def test_a_server_that_takes_no_changes_is_told_from_one_that_does(engine: sa.Engine):
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert events.is_read_only(connection) is False
        if engine.dialect.name == "mysql":  # PostgreSQL: test_replica
            connection.exec_driver_sql("SET GLOBAL read_only = 1")
            try:
                assert events.is_read_only(connection) is True
            finally:
                connection.exec_driver_sql("SET GLOBAL read_only = 0")


def test_without_the_table_the_error_says_how_to_install_it(platform: sa.Engine):
    with platform.connect() as connection, pytest.raises(DatabaseError, match="db install"):
        events.count(connection)


def _touched(connection: sa.Connection) -> dict[str, set[int] | None]:
    leads_to = touched(connection, _take(connection), TABS)
    assert not leads_to.failed
    assert not leads_to.unusable
    return {title: None if keys is None else set(map(int, keys)) for title, keys in leads_to.keys.items()}


def test_a_submission_touches_its_learner_its_course_and_itself(queue: sa.Engine):
    with queue.begin() as connection:
        key = submit(connection, user=2, quiz=1)
        assert _touched(connection) == {"UserProfiles": {2}, "course_statistics": {1}, "quiz_responses": {key}}
        connection.execute(quiz_responses.delete())
        assert _touched(connection) == {"UserProfiles": {2}, "course_statistics": {1}, "quiz_responses": {key}}
        alone = submit(connection, user=1, quiz=STANDALONE_QUIZ)
        assert _touched(connection) == {"UserProfiles": {1}, "quiz_responses": {alone}}


def test_a_new_name_touches_the_rows_that_show_it(queue: sa.Engine):
    with queue.begin() as connection:
        keys = {submit(connection, user=1, quiz=quiz) for quiz in (1, STANDALONE_QUIZ)}
        submit(connection, user=2, quiz=1)
        request = _request(connection)
        _take(connection)
        connection.execute(users.update().where(users.c.id == 1).values(full_name="Other"))
        touched = _touched(connection)
        assert touched == {"UserProfiles": {1}, "quiz_responses": keys, "TranscriptRequests": {request}}
        connection.execute(users.update().where(users.c.id == 1).values(email="e@example.org"))
        assert _touched(connection) == {"UserProfiles": {1}}


def test_a_new_course_title_touches_responses_requests_and_best_courses(queue: sa.Engine):
    with queue.begin() as connection:
        key = submit(connection, user=1, quiz=2)
        submit(connection, user=2, quiz=1)
        request = _request(connection)
        _take(connection)
        connection.execute(courses.update().where(courses.c.id == 2).values(title="Other"))
        assert _touched(connection) == {
            "UserProfiles": {1},
            "course_statistics": {2},
            "quiz_responses": {key},
            "TranscriptRequests": {request},
        }


def test_a_quiz_that_changes_course_touches_both_courses(queue: sa.Engine):
    with queue.begin() as connection:
        key = submit(connection, user=1, quiz=1)
        _take(connection)
        connection.execute(quizzes.update().where(quizzes.c.id == 1).values(course_id=2))
        assert _touched(connection) == {
            "UserProfiles": {1},
            "course_statistics": {1, 2},
            "quiz_responses": {key},
        }


def test_a_column_that_is_null_leads_nowhere(queue: sa.Engine):
    with queue.begin() as connection:
        connection.execute(quizzes.update().where(quizzes.c.id == STANDALONE_QUIZ).values(kind="standalone", title="T"))
        connection.execute(quizzes.delete().where(quizzes.c.id == STANDALONE_QUIZ))
        assert [event.row for event in sorted(events.pending(connection))] == [{"course_id": None, "id": "3"}] * 2
        assert _touched(connection) == {}


def test_entities_of_your_own_touch_the_tabs_that_name_them(queue: sa.Engine):
    with queue.begin() as connection:
        events.record_event(connection, "order", "A-17", "order_placed")
        found = _take(connection)
        assert touched(connection, found, TABS).keys == {}
        entities = {"Orders": "order", "Invoices": "invoice", "UserProfiles": "user"}
        own_tabs = {title: TabEvents((), (entity,), (Column("id"),)) for title, entity in entities.items()}
        assert touched(connection, found, own_tabs).keys == {"Orders": {"A-17"}}


def test_an_event_recorded_by_hand_is_looked_up_by_its_key(platform: sa.Engine):
    event_metadata.create_all(platform)  # no triggers
    with platform.begin() as connection:
        add_basics(connection)
    with Session(platform) as session:
        key = submit(session.connection(), user=2, quiz=1)
        events.record_event(session, "quiz_response", key, "quiz_submitted")
        session.commit()
        events.record_event(session, "quiz_response", key, "response_deleted", priority=Priority.URGENT)
        session.rollback()
    with platform.begin() as connection:
        [event] = events.pending(connection)
        assert (event.key, event.kind, event.held, event.priority) == (
            str(key),
            "quiz_submitted",
            None,
            Priority.NORMAL,
        )
        assert _touched(connection) == {"UserProfiles": {2}, "course_statistics": {1}, "quiz_responses": {key}}
        held = {"id": key, "user_id": 2, "quiz_id": 1}
        events.record_event(connection, "quiz_response", key, "delete", held=held)
        connection.execute(quiz_responses.delete())
        assert _touched(connection) == {"UserProfiles": {2}, "course_statistics": {1}, "quiz_responses": {key}}
        events.record_event(connection, "quiz_response", key, "delete")  # nobody knows whose it was
        assert _touched(connection) == {"quiz_responses": {key}}
