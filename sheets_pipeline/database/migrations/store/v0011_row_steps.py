"""Who did what to rows without a key, as messages of the Apps Script tell it."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.types import Key, LongText, UtcDateTime

revision = "0011"
down_revision = "0012"

_TABLE = sa.Table(
    "sheet_row_step",
    sa.MetaData(),
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("tab_id", sa.Integer, nullable=False, comment="of sync_tab"),
    sa.Column("editor", ExactText(254), nullable=False, comment="mail address; blank: not known"),
    sa.Column("typed_at", sa.Double, nullable=False, comment="seconds since 1970, by the clock of who saw it"),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("touched", LongText, comment="JSON: cells that were typed; null: rows may have been taken out"),
    sa.Column("rest", LongText, comment="JSON: the row's other cells that people may edit, as they were then"),
    sa.Index("sheet_row_step_tab", "tab_id", "id"),
    comment="What people did to rows without a known key; forgotten within a day.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


def upgrade() -> None:
    connection = op.get_bind()
    if not sa.inspect(connection).has_table(_TABLE.name):
        _TABLE.create(connection)
    for index in _TABLE.indexes:  # an earlier run ended in between
        index.create(connection, checkfirst=True)
