"""What the tabs show, checked against a second computation in plain Python, on each kind of database."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from sheets_pipeline.database.own_query import own_query
from sheets_pipeline.platform import queries
from sheets_pipeline.platform.demo import generate
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
from sheets_pipeline_tests.database.rows import NOW, add_basics, submit


def _read(connection: sa.Connection, name: str, ids: Collection[Any] | None = None) -> pd.DataFrame:
    """All rows of one of the tabs, or those of some keys, as its asset computes them, for the moment of the demo data."""
    statement = _statement(connection.dialect, name)
    query = own_query(name, (statement.selected_columns.keys()[0],), statement, connection.dialect)
    return query.read(connection, ids)


def _statement(dialect: sa.Dialect, name: str) -> sa.Select[Any]:
    timed: dict[str, Any] = {"now": NOW} if name in {"user_profiles", "course_statistics"} else {}
    arguments = [dialect.name] if name == "course_statistics" else []
    statement: sa.Select[Any] = getattr(queries, name)(*arguments, **timed)
    return statement


NAMES = ("user_profiles", "course_statistics", "quiz_responses", "transcript_requests")


@pytest.fixture
def demo(engine: sa.Engine) -> sa.Engine:
    generate(engine, learners=60, courses=6, responses=1500, until=NOW)
    return engine


def _rows(connection: sa.Connection, table: sa.Table) -> list[Any]:
    return list(connection.execute(sa.select(table)).mappings())


def _ratio(part: Any, whole: int, places: str) -> float | None:
    if not whole:
        return None
    exact = Fraction(part) / whole
    digits = Decimal(exact.numerator) / Decimal(exact.denominator)
    return float(digits.quantize(Decimal(places), ROUND_HALF_UP))


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in record.items()} for record in records]


def _score(value: float) -> Decimal:
    return Decimal(str(value))


def _expected_courses(connection: sa.Connection) -> list[dict[str, Any]]:
    course_of = {quiz["id"]: quiz["course_id"] for quiz in _rows(connection, quizzes)}
    answers = defaultdict(list)
    for response in _rows(connection, quiz_responses):
        answers[course_of[response["quiz_id"]]].append(response)
    enrolled = [row["course_id"] for row in _rows(connection, enrollments)]
    completed = [row["course_id"] for row in _rows(connection, course_completions)]
    expected = []
    for course in _rows(connection, courses):
        mine = answers[course["id"]]
        scores = sorted(_score(r["score"]) for r in mine if r["score"] is not None)
        middle = scores[(len(scores) - 1) // 2] + scores[len(scores) // 2] if scores else 0
        recent = {r["user_id"] for r in mine if NOW - timedelta(days=7) < r["submitted_at"] <= NOW}
        n, done = enrolled.count(course["id"]), completed.count(course["id"])
        expected.append(
            {
                "course_id": course["id"],
                "title": course["title"],
                "enrolled": n,
                "active_7d": len(recent),
                "completed": done,
                "completion_rate": _ratio(done, n, "0.0001"),
                "quiz_submissions": len(mine),
                "average_score": _ratio(sum(scores), len(scores), "0.01"),
                "median_score": _ratio(middle, 2, "0.01") if scores else None,
                "pass_rate": _ratio(sum(r["passed"] is True for r in mine), len(scores), "0.0001"),
                "last_submission_at": max((r["submitted_at"] for r in mine), default=None),
            }
        )
    return expected


def _expected_users(connection: sa.Connection) -> list[dict[str, Any]]:
    course_of = {quiz["id"]: quiz["course_id"] for quiz in _rows(connection, quizzes)}
    titles = {course["id"]: course["title"] for course in _rows(connection, courses)}
    answers = defaultdict(list)
    for response in _rows(connection, quiz_responses):
        answers[response["user_id"]].append(response)
    enrolled = [row["user_id"] for row in _rows(connection, enrollments)]
    completed = [row["user_id"] for row in _rows(connection, course_completions)]
    expected = []
    for user in _rows(connection, users):
        mine = answers[user["id"]]
        scores = [_score(r["score"]) for r in mine if r["score"] is not None]
        by_course = defaultdict(list)
        for response in mine:
            if response["score"] is not None and course_of[response["quiz_id"]]:
                by_course[course_of[response["quiz_id"]]].append(_score(response["score"]))
        ranked = sorted((-(_ratio(sum(s), len(s), "0.01") or 0), -len(s), c) for c, s in by_course.items())
        moments = [r["submitted_at"] for r in mine] + ([user["last_login_at"]] if user["last_login_at"] else [])
        days = {r["submitted_at"].date() for r in mine if NOW - timedelta(days=30) < r["submitted_at"] <= NOW}
        n, done = enrolled.count(user["id"]), completed.count(user["id"])
        expected.append(
            {
                "user_id": user["id"],
                "full_name": user["full_name"],
                "email": user["email"],
                "joined_at": user["joined_at"],
                "last_active_at": max(moments, default=None),
                "courses_enrolled": n,
                "courses_completed": done,
                "completion_rate": _ratio(done, n, "0.0001"),
                "quizzes_taken": len({r["quiz_id"] for r in mine}),
                "average_score": _ratio(sum(scores), len(scores), "0.01"),
                "best_course": titles[ranked[0][2]] if ranked else None,
                "days_active_30d": len(days),
            }
        )
    return expected


def test_course_statistics_are_what_plain_python_computes(demo: sa.Engine):
    with demo.connect() as connection:
        assert _plain(_read(connection, "course_statistics")) == _expected_courses(connection)


def test_user_profiles_are_what_plain_python_computes(demo: sa.Engine):
    with demo.connect() as connection:
        assert _plain(_read(connection, "user_profiles")) == _expected_users(connection)


def test_rows_of_given_keys_equal_those_of_the_full_computation(demo: sa.Engine):
    with demo.connect() as connection:
        for name in NAMES:
            everything = _read(connection, name)
            key = everything.columns[0]
            some = [int(k) for k in everything[key].tolist()[1::3]]
            expected = everything[everything[key].isin(some)].sort_values(key, ignore_index=True)
            # In any order, doubled, with keys that do not exist, as numbers and as the texts that events bring.
            frame = _read(connection, name, [*reversed(some), str(some[0]), 10**9]).sort_values(key, ignore_index=True)
            pd.testing.assert_frame_equal(frame, expected)
            order = "submitted_at" if name == "quiz_responses" else key
            assert everything[order].is_monotonic_increasing
            assert _read(connection, name, []).dtypes.to_dict() == everything.dtypes.to_dict()
            # New rows come into the tab in the order of their numbers, not of their texts.
            assert _read(connection, name, ["10", "9"])[key].is_monotonic_increasing or name == "quiz_responses"


def test_responses_and_requests_show_names_beside_their_own_columns(demo: sa.Engine):
    with demo.connect() as connection:
        responses = _read(connection, "quiz_responses")
        [alone] = _plain(responses[responses.quiz_kind == "standalone"].head(1))
        own = connection.execute(sa.select(quiz_responses).where(quiz_responses.c.id == alone["response_id"])).one()
        name = connection.scalar(sa.select(users.c.full_name).where(users.c.id == own.user_id))
        assert alone["course"] is None
        assert (alone["user"], alone["answer"], alone["passed"]) == (name, own.answer, own.passed)
        assert (alone["score"], alone["submitted_at"]) == (own.score, own.submitted_at)
        requests = _read(connection, "transcript_requests")
        assert len(requests) == connection.scalar(sa.select(sa.func.count()).select_from(transcript_requests))
        assert set(requests["status"]) <= {"pending", "approved", "sent", "rejected"}


def test_columns_keep_their_kind_even_where_values_are_missing(platform: sa.Engine):
    with platform.begin() as connection:
        add_basics(connection)
        submit(connection, score=None, answer=None)
        responses = _read(connection, "quiz_responses")
        profiles = _read(connection, "user_profiles")
    assert str(responses["passed"].dtype) == "boolean"
    assert str(responses["score"].dtype) == "Float64"
    assert responses["score"].isna().all()
    assert responses["answer"].tolist() == [None]
    assert str(profiles["quizzes_taken"].dtype) == "Int64"
    assert str(profiles["last_active_at"].dtype) == "datetime64[us, UTC]"
    assert profiles["average_score"].isna().all()
    assert profiles["quizzes_taken"].tolist() == [1, 0, 0]


def test_an_average_between_two_hundredths_is_rounded_up(platform: sa.Engine):
    with platform.begin() as connection:
        add_basics(connection)
        submit(connection, score=50.00)
        submit(connection, score=50.25)
        frame = _read(connection, "course_statistics", [1])
    assert frame["average_score"].tolist() == [50.13]
    assert frame["median_score"].tolist() == [50.13]


def test_a_day_is_a_day_in_utc_whatever_the_session_says(postgresql: sa.Engine):
    with postgresql.begin() as connection:
        add_basics(connection)
        midnight = NOW.replace(hour=0)
        for minutes in (-10, 10):  # two days in UTC, one in Tokyo
            submit(connection, submitted_at=midnight + timedelta(minutes=minutes))
        connection.exec_driver_sql("SET TIME ZONE 'Asia/Tokyo'")
        frame = _read(connection, "user_profiles", [1])
    assert frame["days_active_30d"].tolist() == [2]
    assert frame["last_active_at"].tolist() == [datetime(2026, 10, 1, 0, 10, tzinfo=UTC)]


#: Rows of the largest table that may be read for one row of a tab, of 10,000: a course has one response in ten.
MOST_ROWS = {"user_profiles": 400, "course_statistics": 8000, "quiz_responses": 100, "transcript_requests": 100}


def test_the_condition_on_a_key_reaches_the_tables(engine: sa.Engine):
    """What docs/use/own-tables.md says of the demo's tabs, on each kind of database."""
    generate(engine, learners=500, courses=10, responses=10_000, until=NOW)
    with engine.connect() as connection:
        for name in NAMES:
            statement = _statement(engine.dialect, name)
            query = own_query(name, (statement.selected_columns.keys()[0],), statement, engine.dialect)
            sql, parameters = query._statements(connection, [("7",)])[-1]
            assert _rows_read(connection, sql, parameters) < MOST_ROWS[name], name


def _rows_read(connection: sa.Connection, sql: str, parameters: Any) -> int:
    """Rows that a statement reads from its tables; for SQLite, which does not count, 0 where it looks all of them up."""
    match connection.dialect.name:
        case "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")  # so small a table would be read as a whole
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters).scalar_one()
            return round(sum(_scanned(plan[0]["Plan"]), 0.0))
        case "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).all()
            tables = [*map(str, platform_metadata.tables)]
            whole = [row[3] for row in plan if row[3].startswith("SCAN ") and row[3].split()[1] in tables]
            return 10**9 if whole else 0
        case _:
            connection.exec_driver_sql("FLUSH STATUS")
            connection.exec_driver_sql(sql, parameters).all()
            counters = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read_%%'").all()
            return sum(int(value) for name, value in counters if name in {"Handler_read_next", "Handler_read_rnd_next"})


def _scanned(node: dict[str, Any]) -> Iterator[float]:
    """Rows of each table that a plan's node reads, those that it throws away among them."""
    if "Relation Name" in node:
        yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for inner in node.get("Plans", ()):
        yield from _scanned(inner)


def test_between_equal_averages_the_course_with_more_answers_is_best(platform: sa.Engine):
    with platform.begin() as connection:
        add_basics(connection)
        for quiz in (1, 2, 2):
            submit(connection, user=1, quiz=quiz, score=80)
        for quiz in (1, 2):
            submit(connection, user=2, quiz=quiz, score=80)
        frame = _read(connection, "user_profiles", [1, 2])
    assert frame["best_course"].tolist() == ["Course 2", "Course 1"]
