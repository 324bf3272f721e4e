"""Changes of a source's columns that somebody accepted."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.exact_text import ExactText

revision = "0012"
down_revision = "0008"

_COMMENT = "hash of the change of its columns that somebody accepted"


def upgrade() -> None:
    table = "sheet_source_state"
    if "accepted" not in {there["name"] for there in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, sa.Column("accepted", ExactText(64), comment=_COMMENT))
