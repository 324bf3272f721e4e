"""A small platform that tests fill row by row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.event_keys import TabEvents
from sheets_pipeline.platform import watches
from sheets_pipeline.platform.tables import courses, enrollments, quiz_responses, quizzes, users
from sheets_pipeline.sync.tab import Column, ColumnType

_ID = (Column("id", ColumnType.INTEGER),)
#: What events need to know of the platform's four tabs.
TABS = {
    "UserProfiles": TabEvents(watches.USER_PROFILES, (), _ID),
    "course_statistics": TabEvents(watches.COURSE_STATISTICS, (), _ID),
    "quiz_responses": TabEvents(watches.QUIZ_RESPONSES, (), _ID),
    "TranscriptRequests": TabEvents(watches.TRANSCRIPT_REQUESTS, (), _ID),
}

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)

STANDALONE_QUIZ = 3


def add_basics(connection: sa.Connection) -> None:
    """Three learners, two courses with a quiz each (1 and 2), and the stand-alone quiz 3."""
    connection.execute(users.insert(), [{"id": i, "full_name": f"Learner {i}", "joined_at": NOW} for i in (1, 2, 3)])
    connection.execute(courses.insert(), [{"id": i, "title": f"Course {i}", "created_at": NOW} for i in (1, 2)])
    of_course = [{"id": i, "course_id": i, "kind": "course", "title": f"Quiz {i}"} for i in (1, 2)]
    alone = {"id": STANDALONE_QUIZ, "course_id": None, "kind": "standalone", "title": "Alone"}
    connection.execute(quizzes.insert(), [*of_course, alone])
    connection.execute(
        enrollments.insert(), [{"user_id": u, "course_id": c, "enrolled_at": NOW} for u, c in ((1, 1), (1, 2), (2, 1))]
    )


def submit(
    connection: sa.Connection,
    user: int = 1,
    quiz: int = 1,
    score: float | None = 80.0,
    *,
    days_ago: float = 0,
    **more: Any,
) -> int:
    """Insert one response; returns its key."""
    values: dict[str, Any] = {
        "user_id": user,
        "quiz_id": quiz,
        "score": score,
        "passed": None if score is None else score >= 50,
    }
    values |= {"submitted_at": NOW - timedelta(days=days_ago), "answer": "an answer"} | more
    inserted = connection.execute(quiz_responses.insert().values(values)).inserted_primary_key
    assert inserted is not None
    return int(inserted[0])
