"""The learning platform's tables: what the application writes and the tabs show.

Portable to PostgreSQL, MySQL/MariaDB and SQLite. Each index serves a query of ``queries.py`` or a lookup of
``affected.py``; on PostgreSQL the two indexes of ``quiz_responses`` cover the statistics, which then never read answers.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

platform_metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite counts up by itself only in a column of type INTEGER.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
#: MySQL's TEXT ends at 64 KB.
LongText = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
#: Exact hundredths, 0 to 100.
Score = sa.Numeric(5, 2, asdecimal=False)

_MYSQL: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB", "mariadb_charset": "utf8mb4"}


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment, to the microsecond: ``timestamptz`` on PostgreSQL, wall-clock UTC where there is no such type."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """MySQL keeps fractions of a second only where it is asked to."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse a moment without time zone; what it means depends on who reads it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"Expected a datetime with time zone, found {value!r}. Add tzinfo, such as datetime.UTC.")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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
