"""What stood in a row before a write of which nobody knows yet what it wrote over, and edits that were written over."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.types import LongText

revision = "0007"
down_revision = "0006"

_BEFORE = "as cells, from before what was sent; null: cells tells, or not known"
_SENT = "JSON of a row on its way to the tab, where people may edit it"
_OVERWRITTEN = "whether a sync wrote over it before it was seen: the tab does not hold it"


def upgrade() -> None:
    _add("sync_base_row", sa.Column("cells_before", LongText, comment=_BEFORE))
    _add("sync_base_row", sa.Column("sent", LongText, comment=_SENT))
    _add(
        "sheet_edit",
        sa.Column("is_overwritten", sa.Boolean, nullable=False, server_default=sa.false(), comment=_OVERWRITTEN),
    )


def _add(table: str, column: sa.Column[object]) -> None:
    if column.name not in {there["name"] for there in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)
