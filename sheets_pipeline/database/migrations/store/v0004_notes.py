"""Notes of ours in cells whose edits were not taken."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.types import LongText

revision = "0004"
down_revision = "0003"

_NOTE = sa.Table(
    "sheet_note",
    sa.MetaData(),
    sa.Column("tab_id", sa.Integer, primary_key=True, autoincrement=False, comment="of sync_tab"),
    sa.Column("row_key", ExactText(500), primary_key=True),
    sa.Column("column_name", ExactText(200), primary_key=True),
    sa.Column("wanted", LongText, comment="what the cell's note is to say; null: none"),
    sa.Column("written", LongText, comment="the note of ours that stands in the cell; null: none"),
    sa.Column("sent", LongText, comment="a note on its way, which may stand in another cell if rows moved; null: none"),
    comment="Notes of ours in cells whose edits were not taken.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


def upgrade() -> None:
    _NOTE.create(op.get_bind(), checkfirst=True)
