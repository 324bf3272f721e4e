"""What the last reading of each source left behind, beside the hash of the version that it became."""

from collections.abc import Mapping

import sqlalchemy as sa

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import in_transaction, insert_ignore, state_metadata
from sheets_pipeline.database.types import LongText

source_reading = sa.Table(
    "source_reading",
    state_metadata,
    sa.Column("source", ExactText(100), primary_key=True, comment="id of the source"),
    sa.Column("content_hash", ExactText(80), nullable=False, comment="of the version that it became"),
    sa.Column("seen", LongText, nullable=False, comment="JSON; where cells were, and digests of them"),
    comment="What the last reading of each source left behind, so that the next one costs one request.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


class SourceReadings:
    """Keeps them. One whose version is not the store's latest does not count: it was lost, or another one came after it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def seen(self, latest: Mapping[str, str]) -> dict[str, str]:
        """What was left, by the id of the source.

        Args:
            latest: By id, the hash of the store's latest version.
        """
        table = source_reading.c
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(source_reading).where(table.source.in_(list(latest)))).all()
        return {row.source: row.seen for row in rows if latest[row.source] == row.content_hash}

    def keep(self, source: str, content_hash: str, seen: str) -> None:
        """Once the version with that hash is the store's latest."""
        values = {"content_hash": content_hash, "seen": seen}

        def write(connection: sa.Connection) -> None:
            insert_ignore(connection, source_reading, {"source": source, **values})
            mine = source_reading.c.source == source
            connection.execute(sa.update(source_reading).where(mine).values(values))

        in_transaction(self._engine, write)
