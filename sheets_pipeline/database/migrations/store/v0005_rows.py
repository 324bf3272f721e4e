"""Looks that are wanted of tabs, and rows of people's on their way into the database."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.types import LongText, UtcDateTime

revision = "0005"
down_revision = "0004"

_metadata = sa.MetaData()

sa.Table(
    "sheet_tab_look",
    _metadata,
    sa.Column("tab_id", sa.Integer, primary_key=True, autoincrement=False, comment="of sync_tab"),
    sa.Column("due_at", UtcDateTime, comment="when the tab is to be read; null: not before somebody asks"),
    sa.Column("looked_at", UtcDateTime, comment="when it was last read for edits alone"),
    sa.Column("doubled", LongText, comment="JSON; keys that stood on several rows then"),
    comment="Tabs to be read soon, because people changed something there that no message tells.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

sa.Table(
    "sheet_row_birth",
    _metadata,
    sa.Column("uuid", ExactText(40), primary_key=True, comment="in the developer metadata of the row"),
    sa.Column("tab_id", sa.Integer, nullable=False, comment="of sync_tab"),
    sa.Column("edit_id", sa.BigInteger, comment="of the ledger; null: a key that is put back"),
    sa.Column("row_key", ExactText(500), comment="null: the database has not taken the row yet"),
    sa.Column("key_cells", LongText, comment="JSON object by column: what the row's key cells are to hold"),
    sa.Column("cells", LongText, nullable=False, comment="JSON object by column: the row as it was typed"),
    sa.Column("is_tried", sa.Boolean, nullable=False, comment="whether the database may have been asked to take it"),
    sa.Index("sheet_row_birth_tab", "tab_id"),
    comment="Rows that people typed and that wait for their key; each goes when its key stands in the tab.",
    **UNICODE,
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
