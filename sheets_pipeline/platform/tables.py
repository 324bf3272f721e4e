"""The learning platform's tables: what the application writes and the tabs show.

Portable to PostgreSQL, MySQL/MariaDB and SQLite. Each index serves a query of ``queries.py`` or a lookup of
``affected.py``; on PostgreSQL the two indexes of ``quiz_responses`` cover the statistics, which then never read answers.
"""

from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.types import Key, LongText, UtcDateTime

platform_metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Exact hundredths, 0 to 100.
Score = sa.Numeric(5, 2, asdecimal=False)

_MYSQL: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB", "mariadb_charset": "utf8mb4"}


def _key() -> sa.Column[int]:
    return sa.Column("id", Key, primary_key=True, autoincrement=True)


def _reference(name: str, target: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, Key, sa.ForeignKey(target), nullable=nullable)


users = sa.Table(
    "users",
    platform_metadata,
    _key(),
    sa.Column("full_name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(254)),
    sa.Column("phone", sa.String(40)),
    sa.Column("time_zone", sa.String(64)),
    sa.Column("joined_at", UtcDateTime, nullable=False),
    sa.Column("last_login_at", UtcDateTime),
    **_MYSQL,
)

courses = sa.Table(
    "courses",
    platform_metadata,
    _key(),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    **_MYSQL,
)

enrollments = sa.Table(
    "enrollments",
    platform_metadata,
    _key(),
    _reference("user_id", "users.id"),
    _reference("course_id", "courses.id"),
    sa.Column("enrolled_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("user_id", "course_id"),
    sa.Index(None, "course_id"),
    **_MYSQL,
)

course_completions = sa.Table(
    "course_completions",
    platform_metadata,
    _key(),
    _reference("user_id", "users.id"),
    _reference("course_id", "courses.id"),
    sa.Column("completed_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("user_id", "course_id"),
    sa.Index(None, "course_id"),
    sa.ForeignKeyConstraint(["user_id", "course_id"], ["enrollments.user_id", "enrollments.course_id"]),
    **_MYSQL,
)

quizzes = sa.Table(
    "quizzes",
    platform_metadata,
    _key(),
    _reference("course_id", "courses.id", nullable=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.CheckConstraint(
        "(kind = 'course' AND course_id IS NOT NULL) OR (kind = 'standalone' AND course_id IS NULL)", name="kind"
    ),
    sa.Index(None, "course_id"),
    **_MYSQL,
)

quiz_responses = sa.Table(
    "quiz_responses",
    platform_metadata,
    _key(),
    _reference("user_id", "users.id"),
    _reference("quiz_id", "quizzes.id"),
    sa.Column("score", Score),  # NULL until somebody has marked it
    sa.Column("passed", sa.Boolean),
    sa.Column("submitted_at", UtcDateTime, nullable=False),
    sa.Column("answer", LongText),
    sa.Index(None, "user_id", "quiz_id", postgresql_include=["score", "submitted_at"]),
    sa.Index(None, "quiz_id", "submitted_at", postgresql_include=["user_id", "score", "passed"]),
    sa.Index(None, "submitted_at"),  # the newest ones, which the tab shows
    **_MYSQL,
)

transcript_requests = sa.Table(
    "transcript_requests",
    platform_metadata,
    _key(),
    _reference("user_id", "users.id"),
    _reference("course_id", "courses.id"),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("pdf_generate", sa.Boolean, nullable=False, default=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("status IN ('pending', 'approved', 'sent', 'rejected')", name="status"),
    sa.Index(None, "user_id"),
    sa.Index(None, "course_id"),
    **_MYSQL,
)
