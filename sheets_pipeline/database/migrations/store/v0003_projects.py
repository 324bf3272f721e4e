"""A Google project grants requests to all of its credentials together: slots say whose project they are of."""

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.exact_text import ExactText

revision = "0003"
down_revision = "0002"

_TABLE, _INDEX = "sync_quota_slot", "sync_quota_slot_project"
_COMMENT = "of the credential; blank: not known"


def upgrade() -> None:
    there = sa.inspect(op.get_bind())
    if "project" not in {column["name"] for column in there.get_columns(_TABLE)}:
        op.add_column(_TABLE, sa.Column("project", ExactText(200), nullable=False, server_default="", comment=_COMMENT))
    if _INDEX not in {index["name"] for index in there.get_indexes(_TABLE)}:
        op.create_index(_INDEX, _TABLE, ["project", "kind", "state"])
