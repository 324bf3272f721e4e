"""Errors name what a person wrote, and never what stands in a cell."""

from types import SimpleNamespace

import pytest

from sheets_pipeline.sync.privacy import where_raised, without_values

JANE = "Jane Doe <jane@example.org>"


class DriverError(Exception):
    """As psycopg's and pymysql's."""


def failed(message: str, statement: str = "select idd from users where full_name = :name", **more: str) -> Exception:
    error = Exception(f"(psycopg.errors.X) {message}\n[SQL: {statement}]\n[parameters: {{'name': '{JANE}'}}]")
    cause = DriverError(message)
    vars(cause).update(more)
    vars(error).update(SimpleNamespace(orig=cause, statement=statement).__dict__)
    return error


class NumberedError(Exception):
    """As pymysql's: a number and the words."""


def numbered(words: str) -> Exception:
    error = failed("")
    vars(error)["orig"] = NumberedError(1054, words)
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (failed('column "idd" does not exist\nLINE 1: select idd'), 'column "idd" does not exist LINE 1: select idd'),
        (failed(f'invalid input syntax for type integer: "{JANE}"'), "invalid input syntax for type integer: ..."),
        (failed(f"duplicate key\nDETAIL:  Key (email)=({JANE}) already exists."), "duplicate key"),
        (failed(f"Incorrect integer value: '{JANE}' for column 'full_name' at row 1"), "... for column 'full_name'"),
        (failed(f"Duplicate entry '{JANE}' for key 'users.email'"), "Duplicate entry ... for key ..."),
        (failed(f"user {JANE} is not allowed", sqlstate="P0001"), "a message of the database's own functions"),
        (failed('value too long: "Jane "quoted" Doe"'), "value too long: ..."),
        (failed('function "of_a_view" does not exist\n   ^', sqlstate="42883"), 'function "of_a_view" does not exist'),
        (failed(f'wrong: "{JANE}"', sqlstate="22P02"), "wrong: ..."),
        (numbered("Unknown column 'idd' in 'SELECT'"), "NumberedError: Unknown column 'idd' in ..."),
        (numbered(f"error near '{JANE}' at line 1"), "error near ... at line 1"),
        (failed(f'never closed: "{JANE}'), "never closed: ..."),
        (
            ValueError(f"could not convert string to float: {JANE!r}"),
            "ValueError: could not convert string to float: ...",
        ),
        (ValueError('time data "Jane Doe" does not match format "%Y"'), "time data ... does not match format ..."),
        (TypeError("unsupported operand type(s) for +: 'int' and 'str'"), "for +: 'int' and 'str'"),
        (KeyError("grade"), "KeyError: 'grade'"),
        (KeyError(JANE), "KeyError: ..."),
        (ValueError("it's Jane Doe's"), "ValueError: it..."),
    ],
)
def test_only_words_of_the_query_and_the_declaration_are_shown(error: Exception, said: str):
    shown = without_values(error, {"grade"})
    assert said in shown
    assert not {"Jane", "Doe", "example.org"} & set(shown.replace("@", " ").replace("<", " ").replace(">", " ").split())


def test_the_way_through_the_code_is_told_without_its_text():
    def inner(value: str) -> None:
        raise ValueError(value)

    try:
        inner(JANE)
    except ValueError as error:
        lines = where_raised(error).splitlines()
    assert [line.split(" in ")[1] for line in lines][-1] == "inner"
    assert "Jane" not in "".join(lines)
