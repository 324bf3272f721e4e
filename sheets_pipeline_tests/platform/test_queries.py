"""What the tabs show, checked against a second computation in plain Python, on each kind of database."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect
from sheets_pipeline.platform import queries
from sheets_pipeline.platform.demo import generate
from sheets_pipeline.platform.tables import (
    course_completions,
    courses,
    enrollments,
    quiz_responses,
    quizzes,
    transcript_requests,
    users,
)
from sheets_pipeline_tests.database.rows import NOW, add_basics, submit

FUNCTIONS: list[Callable[..., pd.DataFrame]] = [
    queries.user_profiles,
    queries.course_statistics,
    queries.quiz_responses,
    queries.transcript_requests,
]


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
        assert _plain(queries.course_statistics(connection, now=NOW)) == _expected_courses(connection)


def test_user_profiles_are_what_plain_python_computes(demo: sa.Engine):
    with demo.connect() as connection:
        assert _plain(queries.user_profiles(connection, now=NOW)) == _expected_users(connection)


def test_rows_of_given_keys_equal_those_of_the_full_computation(demo: sa.Engine):
    with demo.connect() as connection:
        for compute in FUNCTIONS:
            timed = {"now": NOW} if compute in FUNCTIONS[:2] else {}
            everything = compute(connection, **timed)
            key = everything.columns[0]
            some = [int(k) for k in everything[key].tolist()[1::3]]
            expected = everything[everything[key].isin(some)].reset_index(drop=True)
            # In any order, doubled, with keys that do not exist.
            frame = compute(connection, [*reversed(some), some[0], 10**9], **timed)
            pd.testing.assert_frame_equal(frame, expected)
            order = "submitted_at" if compute is queries.quiz_responses else key
            assert everything[order].is_monotonic_increasing
            assert compute(connection, [], **timed).dtypes.to_dict() == everything.dtypes.to_dict()


def test_responses_and_requests_show_names_beside_their_own_columns(demo: sa.Engine):
    with demo.connect() as connection:
        responses = queries.quiz_responses(connection)
        [alone] = _plain(responses[responses.quiz_kind == "standalone"].head(1))
        own = connection.execute(sa.select(quiz_responses).where(quiz_responses.c.id == alone["response_id"])).one()
        name = connection.scalar(sa.select(users.c.full_name).where(users.c.id == own.user_id))
        assert alone["course"] is None
        assert (alone["user"], alone["answer"], alone["passed"]) == (name, own.answer, own.passed)
        assert (alone["score"], alone["submitted_at"]) == (own.score, own.submitted_at)
        requests = queries.transcript_requests(connection)
        assert len(requests) == connection.scalar(sa.select(sa.func.count()).select_from(transcript_requests))
        assert set(requests["status"]) <= {"pending", "approved", "sent", "rejected"}


def test_columns_keep_their_kind_even_where_values_are_missing(platform: sa.Engine):
    with platform.begin() as connection:
        add_basics(connection)
        submit(connection, score=None, answer=None)
        responses = queries.quiz_responses(connection)
        profiles = queries.user_profiles(connection, now=NOW)
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
        frame = queries.course_statistics(connection, [1], now=NOW)
    assert frame["average_score"].tolist() == [50.13]
    assert frame["median_score"].tolist() == [50.13]


def test_a_day_is_a_day_in_utc_whatever_the_session_says(postgresql: sa.Engine):
    with postgresql.begin() as connection:
        add_basics(connection)
        midnight = NOW.replace(hour=0)
        for minutes in (-10, 10):  # two days in UTC, one in Tokyo
            submit(connection, submitted_at=midnight + timedelta(minutes=minutes))
        connection.exec_driver_sql("SET TIME ZONE 'Asia/Tokyo'")
        frame = queries.user_profiles(connection, [1], now=NOW)
    assert frame["days_active_30d"].tolist() == [2]
    assert frame["last_active_at"].tolist() == [datetime(2026, 10, 1, 0, 10, tzinfo=UTC)]


def test_one_row_is_read_through_indexes(database_url: str):
    engine = connect(database_url)
    generate(engine, learners=500, courses=10, responses=10_000, until=NOW)
    with engine.connect() as connection:
        # So small a table would be read as a whole; what matters is that nothing else forces it.
        connection.exec_driver_sql("SET enable_seqscan = off")
        for query in (
            queries.user_profiles_query([77], NOW),
            queries.course_statistics_query([10], NOW, engine.dialect.name),
            queries.quiz_responses_query([500]),
        ):
            text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
            plan = "\n".join(connection.execute(sa.text(f"EXPLAIN {text.replace(':', chr(92) + ':')}")).scalars())
            assert "on quiz_responses" in plan
            assert "Seq Scan on quiz_responses" not in plan
            assert "Index" in plan
    engine.dispose()


def test_between_equal_averages_the_course_with_more_answers_is_best(platform: sa.Engine):
    with platform.begin() as connection:
        add_basics(connection)
        for quiz in (1, 2, 2):
            submit(connection, user=1, quiz=quiz, score=80)
        for quiz in (1, 2):
            submit(connection, user=2, quiz=quiz, score=80)
        frame = queries.user_profiles(connection, [1, 2], now=NOW)
    assert frame["best_course"].tolist() == ["Course 2", "Course 1"]
