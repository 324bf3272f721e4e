"""Tasks of sources, what is known of each beside its versions, and notices of new versions."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.types import Key, UtcDateTime

revision = "0010"
down_revision = "0007"

_metadata = sa.MetaData()

sa.Table(
    "sheet_source_task",
    _metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("run_id", ExactText(100), nullable=False, comment="of the Dagster run"),
    sa.Column("environment", ExactText(50), nullable=False, comment="named store; blank for that of the settings"),
    sa.Column("source", ExactText(250), nullable=False),
    sa.Column("state", ExactText(10), nullable=False, comment="pending, processing, completed or failed"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("completed_at", UtcDateTime, comment="when it ended, however it did"),
    sa.Column("alive_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Column("failures", sa.Integer, nullable=False, comment="failed tasks of the source in a row, with this one"),
    sa.Column("error_kind", ExactText(60), comment="class of the error"),
    sa.Column("error", sa.Text, comment="its message, with the remedy"),
    sa.Column("needs_person", sa.Boolean),
    sa.Column("rows", sa.Integer),
    sa.Column("content_hash", ExactText(64)),
    sa.Column("changed", sa.Boolean, comment="whether it found a new version"),
    sa.Column("result", sa.Text, comment="JSON: counts, and notes about columns"),
    sa.UniqueConstraint("run_id", "source", name="sheet_source_task_run"),
    sa.Index("sheet_source_task_source", "environment", "source", "id"),
    sa.Index("sheet_source_task_state", "state"),
    comment="One row for each reading of a source.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

sa.Table(
    "sheet_source_state",
    _metadata,
    sa.Column("environment", ExactText(50), primary_key=True),
    sa.Column("source", ExactText(250), primary_key=True),
    sa.Column("told_hash", ExactText(64), comment="of the version that was last told to others"),
    sa.Column("asked_at", UtcDateTime, comment="when somebody asked for it before its time"),
    comment="What is known of each source beside its versions.",
    **UNICODE,
)

sa.Table(
    "sheet_source_notice",
    _metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("environment", ExactText(50), nullable=False),
    sa.Column("source", ExactText(250), nullable=False),
    sa.Column("target", ExactText(64), nullable=False, comment="hash of the address, which the declaration has"),
    sa.Column("message", sa.Text, nullable=False, comment="JSON: hash, counts and a link; no cells"),
    sa.Column("created_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Column("due_at", sa.Double, comment="when it is tried next; null: delivered, or given up"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, comment="of the last attempt"),
    sa.Index("sheet_source_notice_due", "due_at"),
    comment="Whom new versions of sources are still to be told.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


def upgrade() -> None:
    connection = op.get_bind()
    for table in _metadata.sorted_tables:
        if not sa.inspect(connection).has_table(table.name):
            table.create(connection)
            continue
        for index in sorted(table.indexes, key=lambda index: str(index.name)):  # an earlier run ended in between
            index.create(connection, checkfirst=True)
