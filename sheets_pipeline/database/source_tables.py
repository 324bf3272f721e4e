"""The tables that versions of sources are kept in, on PostgreSQL; ``migrations/sources`` makes them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

sources_metadata = sa.MetaData()


def _source() -> sa.Column[int]:
    return sa.Column("source", sa.Integer, sa.ForeignKey("sheet_source.id"), primary_key=True)


source_table = sa.Table(
    "sheet_source",
    sources_metadata,
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
)
version_table = sa.Table(
    "sheet_source_version",
    sources_metadata,
    _source(),
    sa.Column("number", sa.Integer, primary_key=True, comment="from 1"),
    sa.Column("content_hash", sa.Text, nullable=False, comment="over header and typed cells"),
    sa.Column("columns", JSONB, nullable=False, comment="name, header and type of each, in their order"),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("chunks", ARRAY(UUID), nullable=False, comment="in their order; a chunk may stand here twice"),
    sa.Column("read_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
)
chunk_table = sa.Table(
    "sheet_source_chunk",
    sources_metadata,
    _source(),
    sa.Column("id", UUID, primary_key=True, comment="the hash over the ids of its rows"),
    sa.Column("rows", ARRAY(UUID), nullable=False, comment="in their order"),
)
row_table = sa.Table(
    "sheet_source_row",
    sources_metadata,
    _source(),
    sa.Column("id", UUID, primary_key=True, comment="the hash over its cells"),
    sa.Column("cells", JSONB, nullable=False, comment="in the order of the version's columns"),
    sa.Column("words", TSVECTOR, nullable=False, comment="what it is found by"),
    sa.Index("sheet_source_row_words", "words", postgresql_using="gin"),
)
