"""What a query looks rows up by is read from its text, where that is plain."""

import pytest

from sheets_pipeline.database.lookups import Lookup, looked_up, looked_up_by_key
from sheets_pipeline.database.query_text import parse

TABLES = {"attempt": ["learner_id", "lesson_id", "score"], "lesson": ["id", "title"], "School.Note": ["id", "Owner"]}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select learner_id from attempt where lesson_id = :id", [("attempt", "lesson_id")]),
        ("select 1 from attempt as a where :id = a.lesson_id and a.score=:s", [("attempt", "lesson_id", "score")]),
        ("select 1 from lesson l, attempt a where l.id = :id", [("lesson", "id")]),
        ("select 1 from lesson join attempt on lesson_id = id where title in (:t)", [("lesson", "title")]),
        ('select 1 from "School"."Note" n where n."Owner" = cast(:id as int)', [("School.Note", "Owner")]),
        ("select 1 from attempt where score = :id::int -- and lesson_id = :id", [("attempt", "score")]),
        ('select 1 from attempt where score = :"Any Name"', [("attempt", "score")]),
        ("select 1 from attempt where score > 1 and learner_id = 'lesson_id = :id'", []),
        ("select 1 from attempt a where lower(lesson_id) = :id", []),
        ("select 1 from lesson a, attempt b where c.id = :id", []),
        ("select 1 from elsewhere where id = :id", []),
    ],
)
def test_columns_that_are_compared_with_a_parameter(sql: str, expected: list[tuple[str, ...]]) -> None:
    assert looked_up(sql, TABLES.get) == [Lookup(table, tuple(columns)) for table, *columns in expected]


@pytest.mark.parametrize(
    ("sql", "key", "expected"),
    [
        ("select id, title from lesson", "id", [("lesson", "id")]),
        ("select distinct l.id as no, l.title from lesson l", "no", [("lesson", "id")]),
        ("select * from lesson where title <> ''", "id", [("lesson", "id")]),
        ("select max(a.score), (select 1), l.title key_ from lesson l, attempt a", "key_", [("lesson", "title")]),
        ("select id + 1 as id from lesson", "id", []),
        ("select a.id from (select 1 as id) a", "id", []),
        ("with a as (select id from lesson) select id from a", "id", []),
        ("select id from lesson where :keys(lesson.title)", "id", [("lesson", "title")]),
    ],
)
def test_columns_by_which_the_rows_of_keys_are_found(sql: str, key: str, expected: list[tuple[str, ...]]) -> None:
    found = looked_up_by_key(parse(sql, 1), (key,), TABLES.get)
    assert found == [Lookup(table, tuple(columns)) for table, *columns in expected]
