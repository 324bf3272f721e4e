"""Where a tab that grows for ever is parted, and which of its archive tabs holds which row."""

from collections.abc import Collection

import sqlalchemy as sa

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.state import TabStore, chunks, sync_base_row, sync_tab
from sheets_pipeline.database.store import insert_ignore, state_metadata
from sheets_pipeline.database.types import UtcDateTime
from sheets_pipeline.sync.archive import Boundary

sync_archive = sa.Table(
    "sync_archive",
    state_metadata,
    sa.Column("spreadsheet_id", ExactText(100), primary_key=True),
    sa.Column("tab", ExactText(100), primary_key=True),
    sa.Column("since", UtcDateTime, comment="rows from here on live in the main tab"),
    sa.Column("moving_to", UtcDateTime, comment="while rows are being moved: what since will be"),
    sa.Column("filled_from", UtcDateTime, comment="while archive tabs are being filled: complete from this month on"),
    sa.Column("kept_from", UtcDateTime, comment="first month that has an archive tab"),
    comment="Tabs whose older rows live in monthly archive tabs.",
    **UNICODE,
)


class ArchiveStore:
    """The boundary of one tab, and the rows of its family: the main tab and its archive tabs."""

    def __init__(self, engine: sa.Engine, spreadsheet_id: str, tab: str) -> None:
        self.engine, self.spreadsheet_id, self.tab = engine, spreadsheet_id, tab

    def boundary(self) -> Boundary:
        """Where the tab is parted; all None where nothing was written yet."""
        columns = (sync_archive.c[name] for name in Boundary.__slots__)
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(*columns).where(self._mine())).one_or_none()
        return Boundary(*row) if row else Boundary()

    def save(self, boundary: Boundary) -> None:
        """Note where the tab is parted."""
        values = {name: getattr(boundary, name) for name in Boundary.__slots__}
        with self.engine.begin() as connection:
            insert_ignore(connection, sync_archive, {"spreadsheet_id": self.spreadsheet_id, "tab": self.tab})
            connection.execute(sa.update(sync_archive).where(self._mine()).values(values))

    def owned(self) -> set[str]:
        """Keys of all rows that we wrote to the main tab."""
        query = sa.select(sync_base_row.c.row_key).where(
            sync_base_row.c.tab_id == self._id_of(self.tab), sync_base_row.c.is_gone.is_(False)
        )
        with self.engine.connect() as connection:
            return set(connection.scalars(query))

    def owners(self, keys: Collection[str]) -> dict[str, str]:
        """Title of the archive tab, or of the main tab, that we last wrote each of these rows to."""
        titles_by_key: dict[str, str] = {}
        with self.engine.connect() as connection:
            titles = self._family(connection)
            for some in chunks(sorted(keys)):
                query = sa.select(sync_base_row.c.row_key, sync_base_row.c.tab_id).where(
                    sync_base_row.c.tab_id.in_(list(titles)),
                    sync_base_row.c.row_key.in_(some),
                    sync_base_row.c.is_gone.is_(False),
                )
                titles_by_key |= {key: titles[tab_id] for key, tab_id in connection.execute(query)}
        return titles_by_key

    def archived_rows(self) -> dict[str, int]:
        """Rows of each archive tab, by title, oldest month first."""
        with self.engine.connect() as connection:
            titles = {tab_id: title for tab_id, title in self._family(connection).items() if title != self.tab}
            query = (
                sa.select(sync_base_row.c.tab_id, sa.func.count())
                .where(sync_base_row.c.tab_id.in_(list(titles)), sync_base_row.c.is_gone.is_(False))
                .group_by(sync_base_row.c.tab_id)
            )
            counts: dict[int, int] = dict(connection.execute(query).all())
        return {title: counts.get(tab_id, 0) for tab_id, title in sorted(titles.items(), key=lambda item: item[1])}

    def hand_over(self, source: str, target: str, keys: Collection[str]) -> None:
        """Rows are known to have moved from one tab to another: what was last written to them goes along."""
        source_id, target_id = self._id_of(source), self._id_of(target)
        with self.engine.begin() as connection:
            for some in chunks(sorted(keys)):
                these = sync_base_row.c.row_key.in_(some)
                at_source = sa.select(sync_base_row.c.row_key).where(
                    sync_base_row.c.tab_id == source_id, these, sync_base_row.c.is_gone.is_(False)
                )
                moved = list(connection.scalars(at_source))
                mine = sync_base_row.c.row_key.in_(moved)
                connection.execute(sa.delete(sync_base_row).where(sync_base_row.c.tab_id == target_id, mine))
                connection.execute(
                    sa.update(sync_base_row).where(sync_base_row.c.tab_id == source_id, mine).values(tab_id=target_id)
                )

    def recheck(self) -> None:
        """Have the next full sync compare all archive tabs with the database, a month at a time."""
        with self.engine.begin() as connection:
            change = sa.update(sync_archive).where(self._mine())
            connection.execute(change.values(filled_from=sync_archive.c.since))

    def _id_of(self, title: str) -> int:
        return TabStore(self.engine, self.spreadsheet_id, title).id

    def _family(self, connection: sa.Connection) -> dict[int, str]:
        title = sync_tab.c.tab
        ours = (title == self.tab) | title.startswith(f"{self.tab} 2", autoescape=True)
        query = sa.select(sync_tab.c.id, title).where(sync_tab.c.spreadsheet_id == self.spreadsheet_id, ours)
        return dict(connection.execute(query).all())

    def _mine(self) -> sa.ColumnElement[bool]:
        return (sync_archive.c.spreadsheet_id == self.spreadsheet_id) & (sync_archive.c.tab == self.tab)
