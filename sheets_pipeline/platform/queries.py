"""What each tab shows, computed by the database: the query of all rows. Rows of given keys come from wrapping it.

Every result is the same whatever the order of the rows in the tables: sums are exact, ties are broken by key, and
rounding is the database's. ``now`` is the database's clock, unless a moment is given. The same arguments give the same
statement, which is put into SQL once.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from sheets_pipeline.database.dialects import (
    as_float,
    days_ago,
    exact_sum,
    keys_if_needed,
    rounded_ratio,
    utc_date,
    utc_wall_clock,
)
from sheets_pipeline.database.types import UtcDateTime
from sheets_pipeline.platform.tables import course_completions, courses, enrollments, quizzes, users
from sheets_pipeline.platform.tables import quiz_responses as responses
from sheets_pipeline.platform.tables import transcript_requests as requests


@cache
def user_profiles(now: datetime | None = None) -> sa.Select[Any]:
    """One row per learner, ordered by ``user_id``.

    ``completion_rate`` is a fraction (NULL without enrolments), ``average_score`` 0 to 100 with two decimals,
    ``best_course`` the title of the course with the highest average score, ``days_active_30d`` the days (UTC) with a
    submission in the 30 days before ``now``.
    """
    enrolled = _count_by(enrollments.c.user_id, "enrolled")
    completed = _count_by(course_completions.c.user_id, "completed")
    scores = (
        sa.select(
            responses.c.user_id,
            sa.func.count(responses.c.quiz_id.distinct()).label("quizzes"),
            rounded_ratio(exact_sum(responses.c.score), sa.func.count(responses.c.score), 2).label("average"),
            sa.func.max(responses.c.submitted_at).label("last_at"),
        )
        .where(keys_if_needed(responses.c.user_id))
        .group_by(responses.c.user_id)
        .cte("scores")
    )
    best = _best_courses()
    active = _active_days(now)
    last_active = sa.case(
        (scores.c.last_at > users.c.last_login_at, scores.c.last_at),
        else_=sa.func.coalesce(users.c.last_login_at, scores.c.last_at),
    )
    return (
        sa.select(
            users.c.id.label("user_id"),
            users.c.full_name,
            users.c.email,
            utc_wall_clock(users.c.joined_at).label("joined_at"),
            utc_wall_clock(last_active).label("last_active_at"),
            sa.func.coalesce(enrolled.c.enrolled, 0).label("courses_enrolled"),
            sa.func.coalesce(completed.c.completed, 0).label("courses_completed"),
            as_float(rounded_ratio(sa.func.coalesce(completed.c.completed, 0), enrolled.c.enrolled, 4)).label(
                "completion_rate"
            ),
            sa.func.coalesce(scores.c.quizzes, 0).label("quizzes_taken"),
            as_float(scores.c.average).label("average_score"),
            courses.c.title.label("best_course"),
            sa.func.coalesce(active.c.days, 0).label("days_active_30d"),
        )
        .select_from(users)
        .outerjoin(enrolled, enrolled.c.key == users.c.id)
        .outerjoin(completed, completed.c.key == users.c.id)
        .outerjoin(scores, scores.c.user_id == users.c.id)
        .outerjoin(best, sa.and_(best.c.user_id == users.c.id, best.c.place == 1))
        .outerjoin(courses, courses.c.id == best.c.course_id)
        .outerjoin(active, active.c.user_id == users.c.id)
        .where(keys_if_needed(users.c.id))
        .order_by(users.c.id)
    )


def _count_by(key: sa.Column[int], name: str) -> sa.CTE:
    return (
        sa.select(key.label("key"), sa.func.count().label(name))
        .where(keys_if_needed(key))
        .group_by(key)
        .cte(f"{name}_by")
    )


def _best_courses() -> sa.CTE:
    """Each learner's courses by average score; ties go to the course with more marked answers, then the older one."""
    marked = sa.func.count()
    by_course = (
        sa.select(
            responses.c.user_id,
            quizzes.c.course_id,
            rounded_ratio(exact_sum(responses.c.score), marked, 2).label("average"),
            marked.label("marked"),
        )
        .join(quizzes, quizzes.c.id == responses.c.quiz_id)
        .where(keys_if_needed(responses.c.user_id), quizzes.c.course_id.is_not(None), responses.c.score.is_not(None))
        .group_by(responses.c.user_id, quizzes.c.course_id)
        .cte("by_course")
    )
    place = sa.func.row_number().over(
        partition_by=by_course.c.user_id,
        order_by=[by_course.c.average.desc(), by_course.c.marked.desc(), by_course.c.course_id],
    )
    return sa.select(by_course.c.user_id, by_course.c.course_id, place.label("place")).cte("best")


def _active_days(now: datetime | None) -> sa.CTE:
    days = (
        sa.select(responses.c.user_id, utc_date(responses.c.submitted_at).label("day"))
        .where(
            keys_if_needed(responses.c.user_id),
            responses.c.submitted_at > _ago(now, 30),
            responses.c.submitted_at <= _ago(now, 0),
        )
        .distinct()
        .cte("active_days")
    )
    return sa.select(days.c.user_id, sa.func.count().label("days")).group_by(days.c.user_id).cte("active")


@cache
def course_statistics(dialect: str, now: datetime | None = None) -> sa.Select[Any]:
    """One row per course, ordered by ``course_id``, for a dialect of SQLAlchemy.

    ``active_7d`` counts learners with a submission in the 7 days before ``now``; the scores are 0 to 100 with two
    decimals, the rates fractions; ``pass_rate`` is over submissions that have been marked.
    """
    enrolled = _count_by(enrollments.c.course_id, "enrolled")
    completed = _count_by(course_completions.c.course_id, "completed")
    submitted = _submitted() if dialect == "postgresql" else _submitted_by_score()
    active_learners = (
        sa.select(quizzes.c.course_id, responses.c.user_id)
        .join(quizzes, quizzes.c.id == responses.c.quiz_id)
        .where(
            quizzes.c.course_id.is_not(None),
            keys_if_needed(quizzes.c.course_id),
            responses.c.submitted_at > _ago(now, 7),
            responses.c.submitted_at <= _ago(now, 0),
        )
        .distinct()
        .cte("active_learners")
    )
    active = (
        sa.select(active_learners.c.course_id, sa.func.count().label("learners"))
        .group_by(active_learners.c.course_id)
        .cte("active")
    )
    return (
        sa.select(
            courses.c.id.label("course_id"),
            courses.c.title,
            sa.func.coalesce(enrolled.c.enrolled, 0).label("enrolled"),
            sa.func.coalesce(active.c.learners, 0).label("active_7d"),
            sa.func.coalesce(completed.c.completed, 0).label("completed"),
            as_float(rounded_ratio(sa.func.coalesce(completed.c.completed, 0), enrolled.c.enrolled, 4)).label(
                "completion_rate"
            ),
            sa.cast(sa.func.coalesce(submitted.c.n, 0), sa.BigInteger).label("quiz_submissions"),
            as_float(submitted.c.average).label("average_score"),
            as_float(submitted.c.median).label("median_score"),
            as_float(submitted.c.pass_rate).label("pass_rate"),
            utc_wall_clock(submitted.c.last_at).label("last_submission_at"),
        )
        .select_from(courses)
        .outerjoin(enrolled, enrolled.c.key == courses.c.id)
        .outerjoin(completed, completed.c.key == courses.c.id)
        .outerjoin(submitted, submitted.c.course_id == courses.c.id)
        .outerjoin(active, active.c.course_id == courses.c.id)
        .where(keys_if_needed(courses.c.id))
        .order_by(courses.c.id)
    )


def _submitted() -> sa.CTE:
    """Submissions of each course in one pass, where the database has ordered-set aggregates (PostgreSQL).

    Of n scores in order, 1/2 is reached at number ⌈n/2⌉ and anything above it at ⌊n/2⌋ + 1: the two in the middle. The
    surplus is too small to count below a million million scores.
    """
    middle = sa.func.percentile_disc(sa.literal_column("ARRAY[0.5, 0.5000000000001]")).within_group(responses.c.score)
    of_course = (
        sa.select(
            quizzes.c.course_id,
            sa.func.count().label("n"),
            rounded_ratio(sa.func.sum(responses.c.score), sa.func.count(responses.c.score), 2).label("average"),
            rounded_ratio(_passed(), sa.func.count(responses.c.passed), 4).label("pass_rate"),
            sa.func.max(responses.c.submitted_at).label("last_at"),
            sa.type_coerce(middle, ARRAY(sa.Numeric)).label("middle"),
        )
        .join(quizzes, quizzes.c.id == responses.c.quiz_id)
        .where(quizzes.c.course_id.is_not(None), keys_if_needed(quizzes.c.course_id))
        .group_by(quizzes.c.course_id)
        .cte("of_course")
    )
    columns = of_course.c
    median = rounded_ratio(columns.middle[1] + columns.middle[2], sa.literal(2), 2).label("median")
    kept = (columns.course_id, columns.n, columns.average, columns.pass_rate, columns.last_at)
    return sa.select(*kept, median).cte("submitted")


def _submitted_by_score() -> sa.CTE:
    """The same from counts per score, not from sorted submissions: every database can do it."""
    by_score = (
        sa.select(
            quizzes.c.course_id,
            responses.c.score,
            sa.func.count().label("n"),
            sa.func.count(responses.c.passed).label("marked"),
            _passed().label("passed"),
            sa.func.max(responses.c.submitted_at).label("last_at"),
        )
        .join(quizzes, quizzes.c.id == responses.c.quiz_id)
        .where(quizzes.c.course_id.is_not(None), keys_if_needed(quizzes.c.course_id))
        .group_by(quizzes.c.course_id, responses.c.score)
        .cte("by_score")
    )
    median = _medians(by_score)
    return (
        sa.select(
            by_score.c.course_id,
            sa.func.sum(by_score.c.n).label("n"),
            rounded_ratio(
                exact_sum(by_score.c.score * by_score.c.n),
                sa.func.sum(sa.case((by_score.c.score.is_not(None), by_score.c.n), else_=0)),
                2,
            ).label("average"),
            rounded_ratio(sa.func.sum(by_score.c.passed), sa.func.sum(by_score.c.marked), 4).label("pass_rate"),
            sa.func.max(by_score.c.last_at).label("last_at"),
            sa.func.max(median.c.median).label("median"),
        )
        .outerjoin(median, median.c.course_id == by_score.c.course_id)
        .group_by(by_score.c.course_id)
        .cte("submitted")
    )


def _passed() -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((responses.c.passed, 1), else_=0))


def _medians(by_score: sa.CTE) -> sa.CTE:
    """The middle score of each course, or half-way between the two middle ones."""
    counted = (
        sa.select(
            by_score.c.course_id,
            by_score.c.score,
            sa.func.sum(by_score.c.n).over(partition_by=by_score.c.course_id, order_by=by_score.c.score).label("up_to"),
            sa.func.sum(by_score.c.n).over(partition_by=by_score.c.course_id).label("total"),
        )
        .where(by_score.c.score.is_not(None))
        .cte("counted")
    )
    lower = sa.func.min(sa.case((2 * counted.c.up_to >= counted.c.total, counted.c.score)))
    upper = sa.func.min(sa.case((2 * counted.c.up_to > counted.c.total, counted.c.score)))
    return (
        sa.select(counted.c.course_id, rounded_ratio(lower + upper, sa.literal(2), 2).label("median"))
        .group_by(counted.c.course_id)
        .cte("median")
    )


def quiz_responses(since: datetime | None = None, before: datetime | None = None) -> sa.Select[Any]:
    """One row per submission, oldest first.

    ``course`` is NULL for stand-alone quizzes; ``score`` and ``passed`` are NULL until somebody has marked the answer.
    ``since`` and ``before`` leave out what was submitted earlier, or then and later; the index on ``submitted_at`` finds the rest.
    """
    query = (
        sa.select(
            responses.c.id.label("response_id"),
            users.c.full_name.label("user"),
            courses.c.title.label("course"),
            quizzes.c.title.label("quiz"),
            quizzes.c.kind.label("quiz_kind"),
            as_float(responses.c.score).label("score"),
            responses.c.passed,
            utc_wall_clock(responses.c.submitted_at).label("submitted_at"),
            responses.c.answer,
        )
        .join(users, users.c.id == responses.c.user_id)
        .join(quizzes, quizzes.c.id == responses.c.quiz_id)
        .outerjoin(courses, courses.c.id == quizzes.c.course_id)
        .where(keys_if_needed(responses.c.id))
        .order_by(responses.c.submitted_at, responses.c.id)
    )
    if since is not None:
        query = query.where(responses.c.submitted_at >= since)
    return query if before is None else query.where(responses.c.submitted_at < before)


@cache
def transcript_requests() -> sa.Select[Any]:
    """One row per transcript request, ordered by ``request_id``."""
    return (
        sa.select(
            requests.c.id.label("request_id"),
            users.c.full_name.label("learner"),
            courses.c.title.label("course"),
            requests.c.status,
            requests.c.pdf_generate,
            utc_wall_clock(requests.c.requested_at).label("requested_at"),
            utc_wall_clock(requests.c.updated_at).label("updated_at"),
        )
        .join(users, users.c.id == requests.c.user_id)
        .join(courses, courses.c.id == requests.c.course_id)
        .where(keys_if_needed(requests.c.id))
        .order_by(requests.c.id)
    )


def _ago(now: datetime | None, days: int) -> sa.ColumnElement[Any]:
    return days_ago(days) if now is None else sa.literal(now - timedelta(days=days), UtcDateTime)
