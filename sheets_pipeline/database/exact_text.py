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


#: Tables of the pipeline's own that were made with the database's own collation.
_TABLES = (
    "sync_tab",
    "sync_base_row",
    "sync_held_tab",
    "sync_archive",
    "sync_history",
    "sync_pause",
    "sync_hold",
    "sync_quota_budget",
    "sync_quota_slot",
)

_TO_CHANGE = sa.text("""
    select distinct table_name from information_schema.columns
    where table_schema = database() and table_name in :tables
        and (character_set_name <> 'utf8mb4' or data_type = 'varchar' and collation_name <> :wanted)
""").bindparams(sa.bindparam("tables", expanding=True))


def compare_exactly(connection: sa.Connection) -> None:
    """Step of an upgrade: give existing tables that collation, and all of Unicode.

    Several keys may have shared one row. What was last written there is believed no more, as the step after this one
    (``forget_base_without_names``) says of all such rows.
    """
    if connection.dialect.name not in {"mysql", "mariadb"}:
        return
    collation = exact_collation(connection.dialect)
    tables = set(connection.scalars(_TO_CHANGE, {"tables": _TABLES, "wanted": collation}))
    if "sync_base_row" in tables:
        connection.exec_driver_sql("ALTER TABLE sync_base_row MODIFY cells LONGTEXT")  # mariadb:// made a TEXT of 64 KB
    for table in sorted(tables):
        connection.exec_driver_sql(f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}")
