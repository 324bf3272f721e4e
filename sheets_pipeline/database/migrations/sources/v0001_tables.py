"""Sources, their versions as lists of chunks, chunks as lists of rows, and each row once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "sheet_source",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "sheet_source_version",
        _source(),
        sa.Column("number", sa.Integer, primary_key=True, comment="from 1"),
        sa.Column("content_hash", sa.Text, nullable=False, comment="over header and typed cells"),
        sa.Column("columns", JSONB, nullable=False, comment="name, header and type of each, in their order"),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("chunks", ARRAY(UUID), nullable=False, comment="in their order; a chunk may stand here twice"),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    )
    op.create_table(
        "sheet_source_chunk",
        _source(),
        sa.Column("id", UUID, primary_key=True, comment="the hash over the ids of its rows"),
        sa.Column("rows", ARRAY(UUID), nullable=False, comment="in their order"),
    )
    op.create_table(
        "sheet_source_row",
        _source(),
        sa.Column("id", UUID, primary_key=True, comment="the hash over its cells"),
        sa.Column("cells", JSONB, nullable=False, comment="in the order of the version's columns"),
        sa.Column("words", TSVECTOR, nullable=False, comment="what it is found by"),
    )
    op.create_index("sheet_source_row_words", "sheet_source_row", ["words"], postgresql_using="gin")


def _source() -> sa.Column[int]:
    return sa.Column("source", sa.Integer, sa.ForeignKey("sheet_source.id"), primary_key=True)
