"""What the last reading of each source left behind."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.types import LongText

revision = "0008"
down_revision = "0010"

_TABLE = sa.Table(
    "source_reading",
    sa.MetaData(),
    sa.Column("source", ExactText(100), primary_key=True, comment="id of the source"),
    sa.Column("content_hash", ExactText(80), nullable=False, comment="of the version that it became"),
    sa.Column("seen", LongText, nullable=False, comment="JSON; where cells were, and digests of them"),
    comment="What the last reading of each source left behind, so that the next one costs one request.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


def upgrade() -> None:
    _TABLE.create(op.get_bind(), checkfirst=True)
