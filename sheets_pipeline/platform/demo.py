"""Fills an empty platform with demo data: the same for the same arguments, at any size."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform import demo_texts as texts
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

QUIZZES_PER_COURSE = 4
_HISTORY = timedelta(days=2 * 365)
_CHUNK_ROWS = 50_000
_ANSWER_POOL = 3000
_ONE_LONG_ANSWER_IN = 5000

Row = tuple[Any, ...]
Integers = npt.NDArray[np.int64]


def generate(
    engine: sa.Engine,
    *,
    learners: int = 2000,
    courses: int = 24,
    responses: int = 60_000,
    seed: int = 7,
    until: datetime | None = None,
) -> None:
    """Create the platform's tables where they are missing and fill them, in one transaction.

    Args:
        learners: Number of users.
        courses: Number of courses, each with four quizzes; one stand-alone quiz comes with every four courses.
        responses: Number of quiz responses.
        seed: The same arguments give the same rows.
        until: The newest moment in the data; default the present hour, so only the dates depend on the day.

    Raises:
        DatabaseError: The platform already has users; demo data never mixes with other data.
    """
    if learners < 1 or courses < 1 or responses < 0:
        raise ValueError(
            f"Expected learners and courses from 1 up, responses from 0, found {learners, courses, responses}"
        )
    until = until or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    maker = _RowMaker(learners, courses, responses, seed, until)
    with engine.begin() as connection:
        platform_metadata.create_all(connection)
        if connection.execute(sa.select(users.c.id).limit(1)).first():
            raise DatabaseError(
                "Expected an empty learning platform for the demo data, found users in it. "
                "Use another database, or `sheets-pipeline local reset` for the embedded one."
            )
        for table, rows in maker.tables():
            _load(connection, table, rows)
        _continue_numbering(connection)
    _refresh_statistics(engine)


class _RowMaker:
    """Draws everything from one seed; references are arrays of 1-based keys."""

    def __init__(self, learners: int, course_count: int, responses: int, seed: int, until: datetime) -> None:
        self.text = random.Random(seed)  # noqa: S311 - demo data, no secret
        self.draw = np.random.default_rng(seed)
        self.until = np.datetime64(until.astimezone(UTC).replace(tzinfo=None), "s")
        self.learners, self.courses, self.responses = learners, course_count, responses
        self.joined = self._between(np.full(learners, self.until - np.timedelta64(_HISTORY)), self.until)
        self._enroll()

    def _between(self, start: Any, end: Any) -> Any:
        """Moments from ``start`` to ``end``."""
        seconds = (end - start).astype("timedelta64[s]").astype(np.int64)
        return start + (seconds * self.draw.random(len(start))).astype("timedelta64[s]")

    def _enroll(self) -> None:
        wanted = self.draw.integers(0, 7, self.learners)
        learner = np.repeat(np.arange(1, self.learners + 1), wanted)
        # Popular courses have low numbers.
        course = 1 + (self.courses * self.draw.random(len(learner)) ** 1.5).astype(np.int64)
        pairs = np.unique(np.stack([learner, course], axis=1), axis=0)
        self.enrolled_user, self.enrolled_course = pairs[:, 0], pairs[:, 1]
        self.enrolled_at = self._between(self.joined[self.enrolled_user - 1], self.until)
        self.completed = np.flatnonzero(self.draw.random(len(pairs)) < 0.35)
        self.standalone = self.courses // 4 + 1
        self.requested = self.completed[self.draw.random(len(self.completed)) < 0.3]

    def tables(self) -> Iterator[tuple[sa.Table, Iterable[Row]]]:
        """Each table with its rows, in the order that foreign keys ask for."""
        yield users, self._users()
        yield courses, self._courses()
        yield enrollments, self._pairs(np.arange(len(self.enrolled_user)), self.enrolled_at)
        completed_at = self._between(self.enrolled_at[self.completed], self.until)
        yield course_completions, self._pairs(self.completed, completed_at)
        yield quizzes, self._quizzes()
        yield quiz_responses, self._responses()
        yield transcript_requests, self._requests()

    def _users(self) -> Iterator[Row]:
        logins = _moments(self._between(self.joined, self.until))
        for i, (joined_at, login_at) in enumerate(zip(_moments(self.joined), logins, strict=True), start=1):
            email = None if i % 97 == 0 else f"learner{i}@example.org"
            login = None if i % 13 == 0 else login_at
            name = texts.full_name(self.text)
            yield i, name, email, texts.phone(self.text), self.text.choice(texts.TIME_ZONES), joined_at, login

    def _courses(self) -> Iterator[Row]:
        created = _moments(np.full(self.courses, self.until - np.timedelta64(_HISTORY)))
        for i, created_at in enumerate(created):
            title = texts.COURSE_TITLES[i % len(texts.COURSE_TITLES)]
            part = i // len(texts.COURSE_TITLES)
            yield i + 1, f"{title} {part + 1}" if part else title, created_at

    def _pairs(self, chosen: Integers, at: Any) -> Iterator[Row]:
        user, course = self.enrolled_user[chosen].tolist(), self.enrolled_course[chosen].tolist()
        yield from zip(range(1, len(chosen) + 1), user, course, _moments(at), strict=True)

    def _quizzes(self) -> Iterator[Row]:
        for i in range(self.courses * QUIZZES_PER_COURSE):
            yield i + 1, i // QUIZZES_PER_COURSE + 1, "course", f"Quiz {i % QUIZZES_PER_COURSE + 1:02d}"
        for i in range(self.standalone):
            yield self.courses * QUIZZES_PER_COURSE + i + 1, None, "standalone", f"Challenge #{i + 1}"

    def _responses(self) -> Iterator[Row]:
        pool = texts.answers(self.text, _ANSWER_POOL)
        long = texts.long_answers(self.text)
        for start in range(0, self.responses, _CHUNK_ROWS):
            count = min(_CHUNK_ROWS, self.responses - start)
            user, quiz, submitted_at = self._submissions(count)
            hundredths = np.clip(self.draw.normal(7200, 1800, count), 0, 10_000).astype(np.int64)
            marked = self.draw.random(count) > 0.02
            answer = self.draw.integers(0, len(pool), count).tolist()
            ids = range(start + 1, start + count + 1)
            for i, u, q, h, m, at, a in zip(
                ids, user, quiz, hundredths.tolist(), marked.tolist(), submitted_at, answer, strict=True
            ):
                text = pool[a] if i % _ONE_LONG_ANSWER_IN else long[i // _ONE_LONG_ANSWER_IN % len(long)]
                yield i, u, q, h / 100 if m else None, h >= 5000 if m else None, at, text

    def _submissions(self, count: int) -> tuple[list[int], list[int], list[datetime]]:
        """Who submits which quiz when: mostly of courses one is enrolled in, after enrolling."""
        alone = self.draw.random(count) < 0.08
        if not len(self.enrolled_user):
            alone[:] = True
        user = self.draw.integers(1, self.learners + 1, count)
        quiz = self.courses * QUIZZES_PER_COURSE + self.draw.integers(1, self.standalone + 1, count)
        since = self.joined[user - 1]
        if len(self.enrolled_user):
            chosen = self.draw.integers(0, len(self.enrolled_user), count)
            of_course = (self.enrolled_course[chosen] - 1) * QUIZZES_PER_COURSE
            of_course += self.draw.integers(1, QUIZZES_PER_COURSE + 1, count)
            user, quiz = np.where(alone, user, self.enrolled_user[chosen]), np.where(alone, quiz, of_course)
            since = np.where(alone, since, self.enrolled_at[chosen])
        return user.tolist(), quiz.tolist(), _moments(self._between(since, self.until))

    def _requests(self) -> Iterator[Row]:
        user, course = self.enrolled_user[self.requested].tolist(), self.enrolled_course[self.requested].tolist()
        requested = self._between(self.enrolled_at[self.requested], self.until)
        updated = _moments(self._between(requested, self.until))
        for i, (u, c, at, changed_at) in enumerate(
            zip(user, course, _moments(requested), updated, strict=True), start=1
        ):
            status = self.text.choice(["pending", "approved", "sent", "rejected"])
            yield i, u, c, status, status in {"approved", "sent"}, at, changed_at


def _moments(values: Any) -> list[datetime]:
    return [value.replace(tzinfo=UTC) for value in values.astype("datetime64[us]").tolist()]


def _load(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> None:
    """COPY where the driver has it, else many rows per statement."""
    names = [column.name for column in table.columns]
    if connection.dialect.driver == "psycopg":
        driver: Any = connection.connection.dbapi_connection
        quoted = connection.dialect.identifier_preparer.format_table(table)
        with driver.cursor() as cursor, cursor.copy(f"COPY {quoted} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    remaining = iter(rows)
    while batch := list(islice(remaining, 10_000)):
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in batch])


def _continue_numbering(connection: sa.Connection) -> None:
    """Sequences of PostgreSQL know nothing of keys that were given; the others look at the highest key."""
    if connection.dialect.name != "postgresql":
        return
    for table in platform_metadata.sorted_tables:
        sequence = sa.func.pg_get_serial_sequence(table.name, "id")
        connection.execute(sa.select(sa.func.setval(sequence, sa.func.coalesce(sa.func.max(table.c.id), 1))))


def _refresh_statistics(engine: sa.Engine) -> None:
    """What autovacuum would do within minutes: plans and index-only scans need it now."""
    command = {"postgresql": "VACUUM (ANALYZE) {}", "sqlite": "ANALYZE {}"}.get(engine.dialect.name, "ANALYZE TABLE {}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in platform_metadata.sorted_tables:
            connection.exec_driver_sql(command.format(table.name))
