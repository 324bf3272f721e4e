"""Demo learners submitting quizzes: one transaction each, as an application would write them."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform import demo_texts as texts
from sheets_pipeline.platform.tables import course_completions, enrollments, quiz_responses, quizzes

#: How often a submission finishes its course.
_COMPLETION_RATE = 0.1
#: Enrolments that the simulated learners come from.
_LEARNERS = 1000


@dataclass(frozen=True, slots=True)
class Submission:
    """One committed submission; ``committed_at`` is this process's clock just after the commit."""

    response_id: int
    user_id: int
    course_id: int
    score: float
    completed_course: bool
    committed_at: datetime


def submit_quizzes(
    engine: sa.Engine, submissions: int, per_second: float, *, seed: int | None = None, course_id: int | None = None
) -> Iterator[Submission]:
    """Submit that many quizzes at that pace, yielding each once it is committed.

    A submission that could not be made in time is made late, not skipped. ``seed`` makes the choice of learners,
    quizzes and scores repeatable; ``course_id`` keeps to one course.

    Raises:
        DatabaseError: The platform has no enrolments to submit for.
    """
    rng = random.Random(seed)  # noqa: S311 - demo data, no secret
    choices = _choices(engine, course_id)
    start = time.monotonic()
    for i in range(submissions):
        if (wait := start + i / per_second - time.monotonic()) > 0:
            time.sleep(wait)
        user, course, quiz = rng.choice(choices)
        yield _submit(engine, rng, user, course, quiz)


def _choices(engine: sa.Engine, course_id: int | None) -> list[tuple[int, int, int]]:
    """Who can submit what: (user, course, quiz)."""
    query = (
        sa.select(enrollments.c.user_id, quizzes.c.course_id, quizzes.c.id)
        .join(quizzes, quizzes.c.course_id == enrollments.c.course_id)
        .order_by(enrollments.c.id.desc(), quizzes.c.id)
        .limit(_LEARNERS * 4)
    )
    if course_id is not None:
        query = query.where(enrollments.c.course_id == course_id)
    with engine.connect() as connection:
        choices = [(user, course, quiz) for user, course, quiz in connection.execute(query)]
    if not choices:
        raise DatabaseError(
            "Expected enrolments in courses with quizzes to submit for, found none. Fill the platform first; "
            "the embedded one is filled by `sheets-pipeline local start`."
        )
    return choices


def _submit(engine: sa.Engine, rng: random.Random, user: int, course: int, quiz: int) -> Submission:
    score = rng.randint(2000, 10_000) / 100
    response = {
        "user_id": user,
        "quiz_id": quiz,
        "score": score,
        "passed": score >= 50,
        "submitted_at": datetime.now(UTC),
        "answer": rng.choice(texts.ANSWERS),
    }
    with engine.begin() as connection:
        inserted = connection.execute(quiz_responses.insert().values(response)).inserted_primary_key
        completes = score >= 50 and rng.random() < _COMPLETION_RATE and _complete(connection, user, course)
    response_id = int(inserted[0]) if inserted else 0
    return Submission(response_id, user, course, score, completes, datetime.now(UTC))


def _complete(connection: sa.Connection, user: int, course: int) -> bool:
    """Record that the learner finished the course; False where that had happened before."""
    mine = (course_completions.c.user_id == user) & (course_completions.c.course_id == course)
    if connection.execute(sa.select(course_completions.c.id).where(mine)).first():
        return False
    completion = {"user_id": user, "course_id": course, "completed_at": datetime.now(UTC)}
    try:
        with connection.begin_nested():
            connection.execute(course_completions.insert().values(completion))
    except sa.exc.IntegrityError:  # the same learner, in another session, was faster
        return False
    return True
