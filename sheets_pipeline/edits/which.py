"""Which edits are meant: by state, tab, person, batch and time."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.state import sync_tab


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """What edits must be to be meant; what is None is not asked for. ``before`` is an id: older ones are meant."""

    state: str | None = None
    tab: str | None = None
    editor: str | None = None
    batch: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None

    def conditions(self, connection: sa.Connection) -> list[sa.ColumnElement[bool]]:
        """The same for a query; tabs are looked up first, so that the query of edits has an index for each."""
        columns = sheet_edit.c
        wanted = ((columns.state, self.state), (columns.editor, self.editor), (columns.batch, self.batch))
        where = [column == value for column, value in wanted if value is not None]
        if self.tab is not None:
            ids = list(connection.scalars(sa.select(sync_tab.c.id).where(sync_tab.c.tab == self.tab)))
            where.append(columns.tab_id == ids[0] if len(ids) == 1 else columns.tab_id.in_(ids))
        if self.since is not None:
            where.append(columns.seen_at >= self.since)
        if self.until is not None:
            where.append(columns.seen_at < self.until)
        if self.before is not None:
            where.append(columns.id < self.before)
        return where
