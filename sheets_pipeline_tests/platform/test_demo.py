"""Demo data: the same for the same seed, any size, and full of what spreadsheets misread."""

from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.demo import generate
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.platform.tables import platform_metadata, quiz_responses, users
from sheets_pipeline_tests.database.rows import NOW


def _everything(engine: sa.Engine) -> dict[str, list[sa.Row[tuple[object, ...]]]]:
    with engine.connect() as connection:
        return {
            table.name: list(connection.execute(sa.select(table).order_by(table.c.id)))
            for table in platform_metadata.sorted_tables
        }


def test_the_same_arguments_give_the_same_rows(postgresql: sa.Engine):
    lite = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    for engine in (postgresql, lite):
        generate(engine, learners=50, courses=5, responses=300, seed=3, until=NOW)
    assert _everything(postgresql) == _everything(lite)


def test_it_makes_what_was_asked_for(engine: sa.Engine):
    generate(engine, learners=80, courses=30, responses=1000, until=NOW)
    rows = _everything(engine)
    assert [len(rows[name]) for name in ("users", "courses", "quizzes", "quiz_responses")] == [
        80,
        30,
        30 * 4 + 8,
        1000,
    ]
    assert len(rows["transcript_requests"]) > 0
    assert len({course.title for course in rows["courses"]}) == 30
    assert all(response.submitted_at <= NOW for response in rows["quiz_responses"])
    assert {quiz.kind for quiz in rows["quizzes"]} == {"course", "standalone"}


def test_its_texts_are_those_that_spreadsheets_misread(engine: sa.Engine):
    generate(engine, learners=300, courses=4, responses=10_000, until=NOW)
    rows = _everything(engine)
    answers = [response.answer for response in rows["quiz_responses"]]
    texts = "".join(answer for answer in answers if answer)
    assert {"007", "=1+1", "+1-555-0100", "-5", "TRUE", "1E5", "", None} <= set(answers)
    assert any(answer and answer.startswith("@") for answer in answers)
    assert max(len(answer or "") for answer in answers) > 10_000
    assert any("\u0590" < character < "\u0800" for character in texts)  # written from right to left
    assert any(character > "\uffff" for character in texts)  # emoji
    assert any(user.phone and user.phone.startswith("00") for user in rows["users"])
    assert any(user.email is None for user in rows["users"])
    assert any(user.last_login_at is None for user in rows["users"])
    assert any(response.score is None for response in rows["quiz_responses"])


def test_demo_data_never_mixes_with_other_data(platform: sa.Engine):
    with platform.begin() as connection:
        connection.execute(users.insert().values(full_name="Somebody", joined_at=NOW))
    with pytest.raises(DatabaseError, match="Expected an empty learning platform"):
        generate(platform, learners=5, courses=1, responses=5)


def test_an_impossible_size_is_refused(postgresql: sa.Engine):
    with pytest.raises(ValueError, match="learners and courses"):
        generate(postgresql, learners=0)


def test_simulated_learners_submit_and_sometimes_finish(engine: sa.Engine):
    generate(engine, learners=50, courses=3, responses=100, until=NOW)
    made = list(submit_quizzes(engine, 60, per_second=10_000, seed=5))
    assert len({submission.response_id for submission in made}) == 60
    assert any(submission.completed_course for submission in made)
    with engine.connect() as connection:
        ids = [submission.response_id for submission in made]
        result = connection.execute(sa.select(quiz_responses).where(quiz_responses.c.id.in_(ids))).all()
    assert {row.id: row.score for row in result} == {s.response_id: s.score for s in made}
    assert min(ids) > 100


def test_simulated_learners_keep_the_pace(postgresql: sa.Engine):
    generate_small: dict[str, Any] = {"learners": 20, "courses": 2, "responses": 10, "until": NOW}
    generate(postgresql, **generate_small)
    made = list(submit_quizzes(postgresql, 6, per_second=20, course_id=1))
    assert (made[-1].committed_at - made[0].committed_at).total_seconds() > 0.2
    assert {submission.course_id for submission in made} == {1}


def test_without_enrolments_there_is_nobody_to_simulate(platform: sa.Engine):
    with pytest.raises(DatabaseError, match="enrolments"):
        next(submit_quizzes(platform, 1, per_second=1))
