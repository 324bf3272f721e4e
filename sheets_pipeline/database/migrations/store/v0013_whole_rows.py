"""Rows that were inserted or deleted, with all of their columns, so that it can be taken back."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.types import LongText

revision = "0013"
down_revision = "0011"

_COMMENT = "JSON; all of a row that was inserted or deleted, for taking that back"


def upgrade() -> None:
    table = "sheet_edit"
    if "whole_row" not in {there["name"] for there in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, sa.Column("whole_row", LongText, comment=_COMMENT))
