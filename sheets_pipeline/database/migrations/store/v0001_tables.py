"""Whatever version made the tables, or none: bring them to what the last version without Alembic had."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.chains import missing
from sheets_pipeline.database.exact_text import UNICODE, ExactText, exact_collation
from sheets_pipeline.database.types import Key, LongText, UtcDateTime

revision = "0001"
down_revision = None

_metadata = sa.MetaData()


def _table(name: str, *items: Any, **options: Any) -> None:
    sa.Table(name, _metadata, *items, **options)


_table(
    "sync_tab",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("spreadsheet_id", ExactText(100), nullable=False),
    sa.Column("tab", ExactText(100), nullable=False),
    sa.Column("facts", sa.Text, comment="JSON; null while the tab is not known to exist"),
    sa.UniqueConstraint("spreadsheet_id", "tab"),
    comment="One row per tab that the pipeline keeps.",
    **UNICODE,
)
_table(
    "sync_base_row",
    sa.Column("tab_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("row_key", ExactText(500), primary_key=True),
    sa.Column("cells", LongText, comment="JSON object by column name; null: not known"),
    sa.Column("is_gone", sa.Boolean, nullable=False),
    sa.Column("written_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Index("sync_base_row_written", "tab_id", "written_at"),
    comment="What was last written to each row of each tab.",
    **UNICODE,
)
_table(
    "sync_archive",
    sa.Column("spreadsheet_id", ExactText(100), primary_key=True),
    sa.Column("tab", ExactText(100), primary_key=True),
    sa.Column("since", UtcDateTime, comment="rows from here on live in the main tab"),
    sa.Column("moving_to", UtcDateTime, comment="while rows are being moved: what since will be"),
    sa.Column("filled_from", UtcDateTime, comment="while archive tabs are being filled: complete from this month on"),
    sa.Column("kept_from", UtcDateTime, comment="first month that has an archive tab"),
    comment="Tabs whose older rows live in monthly archive tabs.",
    **UNICODE,
)
_table(
    "sync_held_tab",
    sa.Column("spreadsheet_id", ExactText(100), primary_key=True),
    sa.Column("tab", ExactText(100), primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False, comment="when the first event passed it by"),
    comment="Tabs that are switched off and no longer up to date.",
    **UNICODE,
)
_table(
    "sync_history",
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("spreadsheet_id", ExactText(100), nullable=False),
    sa.Column("tab", ExactText(100), nullable=False),
    sa.Column("kind", ExactText(10), nullable=False, comment="full or events"),
    sa.Column("run_id", ExactText(100), nullable=False, comment="of the Dagster run"),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime, comment="null while under way, and where the process died"),
    sa.Column("outcome", ExactText(10), comment="success, failed or refused"),
    sa.Column("error_kind", ExactText(60), comment="class of the error"),
    sa.Column("error", sa.Text, comment="its message, with the remedy"),
    sa.Column("needs_person", sa.Boolean),
    *(sa.Column(name, sa.Integer) for name in ("rows", "inserts", "updates", "deletes", "cells")),
    sa.Column("seconds", sa.Double),
    *(sa.Column(name, sa.Integer) for name in ("read_requests", "write_requests")),
    sa.Column("bytes_sent", sa.BigInteger),
    sa.Column("quota_wait_seconds", sa.Double),
    *(sa.Column(name, sa.Integer) for name in ("refused_requests", "set_aside")),
    sa.Index("sync_history_tab", "spreadsheet_id", "tab", "outcome", "id"),
    sa.Index("sync_history_run", "run_id"),
    sa.Index("sync_history_started", "started_at"),
    comment="One row per tab and sync.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)
_table(
    "sync_installation",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False, comment="always 1"),
    sa.Column("installation", sa.String(40), nullable=False),
    sa.Column("since", sa.String(40), nullable=False, comment="UTC"),
    sa.Column("place", sa.Text, nullable=False, comment="JSON: where these tables are"),
    comment="Who we are, as spreadsheets that we keep are told.",
)
_table(
    "sync_pause",
    sa.Column("holder", ExactText(200), primary_key=True),
    sa.Column("reason", ExactText(500), nullable=False),
    sa.Column("taken_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Column("until", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    comment="Leases that hold syncs up; each ends by itself.",
    **UNICODE,
)
_table(
    "sync_hold",
    sa.Column("kind", ExactText(10), primary_key=True, comment="full or events"),
    sa.Column("held_since", sa.Double, comment="first sync held up since the last went through; null: none was"),
    sa.Column("turn_at", sa.Double, comment="when one went through because the limit was used up"),
    comment="How long each kind of sync has been held up.",
    **UNICODE,
)
_table(
    "sync_quota_budget",
    sa.Column("credential", ExactText(200), primary_key=True),
    sa.Column("kind", ExactText(10), primary_key=True),
    sa.Column("urgent_at", sa.Double, nullable=False),
    comment="One row per credential and kind; updating it is the lock on its slots.",
    **UNICODE,
)
_table(
    "sync_quota_slot",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("credential", ExactText(200), nullable=False),
    sa.Column("kind", ExactText(10), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", ExactText(10), nullable=False, comment="waiting, held, sent; answered, refused (429), failed"),
    sa.Column("at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Index("sync_quota_slot_budget", "credential", "kind", "state"),
    comment="Requests of the last minute, and those waiting for room.",
    **UNICODE,
)
_table(
    "sync_upgrade",
    sa.Column("step", sa.String(100), primary_key=True),
    sa.Column("done_at", UtcDateTime, nullable=False),
    comment="How versions before sheets_pipeline_version noted their changes.",
)

#: Earlier versions refuse a store that knows a change unknown to them.
_KEPT_BY_ALEMBIC = "sheets_pipeline_version"


def upgrade() -> None:
    connection = op.get_bind()
    for add in missing(connection, _metadata).values():
        add()
    _compare_text_exactly(connection)
    # Cells were kept in the order of the declaration, which may have changed since; the next full sync finds them again.
    connection.exec_driver_sql("UPDATE sync_base_row SET cells = NULL WHERE cells LIKE '[%%'")
    _tell_earlier_versions(connection)


_TO_CHANGE = sa.text("""
    select distinct table_name from information_schema.columns
    where table_schema = database() and table_name in :tables
        and (character_set_name <> 'utf8mb4' or data_type = 'varchar' and collation_name <> :wanted)
""").bindparams(sa.bindparam("tables", expanding=True))


def _compare_text_exactly(connection: sa.Connection) -> None:
    """MySQL and MariaDB: tables that were made with the database's own collation, and without all of Unicode.

    Several keys may have shared one row; what was last written there is believed no more.
    """
    if connection.dialect.name not in {"mysql", "mariadb"}:
        return
    collation = exact_collation(connection.dialect)
    named = [table.name for table in _metadata.sorted_tables if table.kwargs.get("mysql_charset")]
    tables = set(connection.scalars(_TO_CHANGE, {"tables": named, "wanted": collation}))
    if "sync_base_row" in tables:
        connection.exec_driver_sql("ALTER TABLE sync_base_row MODIFY cells LONGTEXT")  # mariadb:// made a TEXT of 64 KB
    for table in sorted(tables):
        connection.exec_driver_sql(f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}")


def _tell_earlier_versions(connection: sa.Connection) -> None:
    notes = _metadata.tables["sync_upgrade"]
    if _KEPT_BY_ALEMBIC not in set(connection.scalars(sa.select(notes.c.step))):
        now = connection.scalar(sa.select(sa.func.current_timestamp(type_=UtcDateTime)))
        connection.execute(notes.insert().values(step=_KEPT_BY_ALEMBIC, done_at=now))
