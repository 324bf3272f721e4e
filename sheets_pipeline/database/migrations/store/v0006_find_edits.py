"""Edits are looked up by state, tab, person, batch and time."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TABLE = "sheet_edit"
_INDICES = {
    "sheet_edit_state": ["state", "id"],
    "sheet_edit_tab": ["tab_id", "id"],
    "sheet_edit_editor": ["editor", "id"],
    "sheet_edit_batch": ["batch"],
    "sheet_edit_settled": ["settled_at"],
}


def upgrade() -> None:
    there = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(_TABLE)}
    for name, columns in _INDICES.items():
        if name not in there:
            op.create_index(name, _TABLE, columns)
