"""Processes that syncs depend on, by host."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.exact_text import UNICODE, ExactText

revision = "0014"
down_revision = "0013"

_TABLE = sa.Table(
    "sync_host_process",
    sa.MetaData(),
    sa.Column("id", ExactText(32), primary_key=True),
    sa.Column("host", ExactText(250), nullable=False),
    sa.Column("role", ExactText(10), nullable=False, comment="daemon or worker"),
    sa.Column(
        "process",
        ExactText(500),
        nullable=False,
        comment="JSON: its number and start, for its host to see whether it lives",
    ),
    sa.Column("state", ExactText(12), nullable=False, comment="works, stands by, held back, ended"),
    sa.Column("code", ExactText(12), nullable=False, comment="version of code and declarations; blank: not known"),
    sa.Column("problem", sa.Text, comment="why it is held back"),
    sa.Column(
        "since", sa.Double, nullable=False, comment="when it came into this state; seconds since 1970, database clock"
    ),
    sa.Column("heard_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    comment="Processes that syncs depend on, by host.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


def upgrade() -> None:
    _TABLE.create(op.get_bind(), checkfirst=True)
