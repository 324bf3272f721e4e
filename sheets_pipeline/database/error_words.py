"""What a database says of a query that it refused, without what stands in cells.

A server's message may quote a value (``invalid input syntax for type integer: "Learner 1"``). Where it is about the
statement itself, what it quotes are names of columns and tables, and those are what people need to see.
"""

import re
from typing import Any

import sqlalchemy as sa

_LONGEST = 200

#: Classes of SQLSTATE that are about the statement: syntax, names, rights. Source: the SQL standard, part 2, table 38.
_ABOUT_THE_STATEMENT = ("42", "0A", "3F")

#: The same of MySQL and MariaDB: unknown column, ambiguous column, unknown table, no such function.
#: Source: https://mariadb.com/kb/en/mariadb-error-code-reference/
_MYSQL_ABOUT_THE_STATEMENT = {1052, 1054, 1055, 1109, 1146, 1305}


def words_of(error: sa.exc.DBAPIError) -> str:
    """The server's words in one line, with its code and what the driver calls it; nothing from the first quoted value on."""
    original: Any = error.orig
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    code = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if code is not None:
        words = getattr(getattr(original, "diag", None), "message_primary", None) or str(original)
        keeps_names = str(code).startswith(_ABOUT_THE_STATEMENT)
    elif len(arguments) > 1 and isinstance(arguments[0], int):
        code, words = arguments[0], str(arguments[1])
        keeps_names = code in _MYSQL_ABOUT_THE_STATEMENT
    else:  # SQLite's messages quote no values
        words, keeps_names = str(original), type(original).__module__ == "sqlite3"
    words = words.partition("\n")[0] if keeps_names else re.split(r"[\n\"'«„`]", words)[0]
    name = " ".join(str(part) for part in (type(original).__name__, code) if part is not None)
    return f"{' '.join(words.split())[:_LONGEST].rstrip('.: ')} ({name})"
