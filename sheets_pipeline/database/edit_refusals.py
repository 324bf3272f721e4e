"""Why the database did not take an edit, in words that name columns and constraints and show no row.

What a server says of a refusal may hold the whole row, or the value.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.errors import DatabaseError


class Kind(StrEnum):
    """What a failure means for the edit."""

    REFUSED = "refused"  # by the database's own rules
    AGAIN = "again"  # a deadlock, or a lock that was not released
    AWAY = "away"  # the database cannot be reached
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a statement failed; ``column`` where the server names it."""

    kind: Kind
    reason: str
    column: str | None = None
    #: Whether it has waited for a lock: trying at once again would keep other edits waiting.
    has_waited: bool = False


#: SQLSTATE → what is wrong; {column} and {constraint} are what PostgreSQL names.
_POSTGRESQL = {
    "23502": "{column} may not be blank",
    "23505": "another row has this value already (constraint {constraint})",
    "23503": "there is no such row to refer to (constraint {constraint})",
    "23514": "a rule of the database does not allow it (constraint {constraint})",
    "23P01": "it would overlap another row (constraint {constraint})",
    "22001": "it is too long",
    "22003": "it is out of range",
    "22P02": "it is not of the column's type",
    "22007": "it is not of the column's type",
    "22008": "it is out of range",
    "428C9": "the database computes this column itself",
    "P0001": "a trigger of the database refuses it",
    "44000": "the view does not show such rows",
    "42501": "a policy of the database does not allow it",
}
#: Number of MySQL's and MariaDB's error → what is wrong, and where the message names column or constraint.
_MYSQL: dict[int, tuple[str, str]] = {
    1048: ("{name} may not be blank", r"Column '([^']*)'"),
    1364: ("{name} may not be blank", r"Field '([^']*)'"),
    1451: ("other rows refer to it (constraint {name})", r"CONSTRAINT `([^`]*)`"),
    1062: ("another row has this value already (key {name})", r"for key '([^']*)'$"),
    1452: ("there is no such row to refer to (constraint {name})", r"CONSTRAINT `([^`]*)`"),
    4025: ("a rule of the database does not allow it (constraint {name})", r"CONSTRAINT `([^`]*)`"),
    3819: ("a rule of the database does not allow it (constraint {name})", r"constraint '([^']*)'"),
    1406: ("{name}: it is too long", r"column '([^']*)'"),
    1366: ("{name}: it is not of the column's type", r"column [^ ]*`?([^`. ]+)`? at row"),
    1292: ("{name}: it is not of the column's type", r"column [^ ]*`?([^`. ]+)`? at row"),
    1265: ("{name}: it is not of the column's type", r"column '([^']*)'"),
    1264: ("{name}: it is out of range", r"column '([^']*)'"),
    1906: ("{name}: the database computes this column itself", r"column '([^']*)'"),
    3105: ("{name}: the database computes this column itself", r"column '([^']*)'"),
    1644: ("a trigger of the database refuses it", r"$"),
}
_SQLITE = {
    "NOT NULL constraint failed: ": "{name} may not be blank",
    "UNIQUE constraint failed: ": "another row has this value already ({name})",
    "CHECK constraint failed: ": "a rule of the database does not allow it (constraint {name})",
    "FOREIGN KEY constraint failed": "there is no such row to refer to",
    "datatype mismatch": "it is not of the column's type",
}
_AGAIN = {"40P01", "40001", "55P03", 1213, 1205}
#: A name that a message may show: whoever made the schema wrote it.
_NAME = re.compile(r"[\w.$ ()<>=,]{1,100}")


def refusal(error: Exception) -> Refusal:
    """What a failure of a statement means."""
    if isinstance(error, DatabaseError):
        if error.is_transient:
            return Refusal(Kind.AWAY, str(error))
        return Refusal(
            Kind.REFUSED, "the database does not let the pipeline change it: " + str(error).partition("(The server")[0]
        )
    original: Any = getattr(error, "orig", None)
    if not isinstance(error, sa.exc.DBAPIError):  # a value that the column's type cannot take, found before it was sent
        is_value = isinstance(error, sa.exc.StatementError | LookupError | ValueError)
        return Refusal(
            Kind.REFUSED if is_value else Kind.UNEXPECTED,
            "it is not of the column's type" if is_value else type(error).__name__,
        )
    if hasattr(original, "diag"):
        if original.sqlstate is None and isinstance(error, sa.exc.DataError):
            return Refusal(Kind.REFUSED, "it holds a character that the database does not take")
        return _of_postgresql(original, str(original.sqlstate))
    arguments: tuple[Any, ...] = (*getattr(original, "args", ()), None, None)
    if isinstance(arguments[0], int):
        return _of_mysql(arguments[0], str(arguments[1]))
    return _of_sqlite(str(original))


def _of_postgresql(original: Any, code: str) -> Refusal:
    if code in _AGAIN:
        return Refusal(Kind.AGAIN, f"another transaction was in the way ({code})", has_waited=code == "55P03")
    column, constraint = original.diag.column_name, original.diag.constraint_name
    words = _POSTGRESQL.get(code)
    if words is None and code[:2] not in ("22", "23"):
        return Refusal(Kind.UNEXPECTED, f"the database refused it with {code}")
    words = words or "a rule of the database does not allow it"
    return Refusal(Kind.REFUSED, words.format(column=column or "it", constraint=constraint or code), column)


def _of_mysql(code: int, message: str) -> Refusal:
    if code in _AGAIN:
        return Refusal(Kind.AGAIN, f"another transaction was in the way ({code})", has_waited=code == 1205)
    if code not in _MYSQL:
        return Refusal(Kind.UNEXPECTED, f"the database refused it with {code}")
    words, pattern = _MYSQL[code]
    found = re.findall(pattern, message)
    name = found[0] if found and _NAME.fullmatch(found[0]) else None
    column = name if "column" in pattern.lower() else None
    return Refusal(Kind.REFUSED, words.format(name=name or "it"), column)


def _of_sqlite(message: str) -> Refusal:
    if "locked" in message:
        return Refusal(Kind.AGAIN, "another transaction was in the way")
    for beginning, words in _SQLITE.items():
        if message.startswith(beginning):
            name = message.removeprefix(beginning).strip()
            column = name.rpartition(".")[2] if beginning.startswith("NOT NULL") else None
            return Refusal(Kind.REFUSED, words.format(name=name if _NAME.fullmatch(name) else "it"), column)
    return Refusal(Kind.UNEXPECTED, "the database refused it")
