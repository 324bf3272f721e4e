"""Text that is the same only where every character is the same, on every database, as it is in Python.

MySQL and MariaDB compare text without regard to case, accents and trailing blanks unless told otherwise: ``abc`` would find
the row of ``ABC``, ``resume`` that of ``résumé``.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

#: Options of a table: all of Unicode, whatever the database's own character set.
UNICODE: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


class ExactText(sa.types.TypeDecorator[str]):
    """Text of limited length, compared code point by code point, blanks at its end included."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Other databases compare so by themselves."""
        length = self.impl_instance.length  # type: ignore[attr-defined]
        if dialect.name in {"mysql", "mariadb"}:
            kind = mysql.VARCHAR(length, charset="utf8mb4", collation=exact_collation(dialect))
            return dialect.type_descriptor(kind)
        return dialect.type_descriptor(sa.String(length))


def exact_collation(dialect: sa.Dialect) -> str:
    """The collation of MySQL or MariaDB that tells all texts apart; ``utf8mb4_bin`` does not see blanks at the end."""
    return "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
