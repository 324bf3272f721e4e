"""Whether an event says of an edit that its person typed it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_COMMENT = "whether an event says that its person typed this; of several cells none says so"


def upgrade() -> None:
    table = "sheet_edit"
    if "is_told" not in {there["name"] for there in sa.inspect(op.get_bind()).get_columns(table)}:
        column = sa.Column("is_told", sa.Boolean, nullable=False, server_default=sa.false(), comment=_COMMENT)
        op.add_column(table, column)
