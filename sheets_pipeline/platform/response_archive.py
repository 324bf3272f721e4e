"""Quiz responses by the time of their submission: what the archive tabs of ``quiz_responses`` ask the database."""

from collections.abc import Collection
from datetime import UTC, datetime

import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.database.dialects import is_one_of, utc_wall_clock
from sheets_pipeline.database.frames import fetch_frame
from sheets_pipeline.platform import queries
from sheets_pipeline.platform.tables import quiz_responses
from sheets_pipeline.sync.archive import Part

_KEY, _AT = quiz_responses.c.id, quiz_responses.c.submitted_at


class ResponseSource:
    """All quiz responses of the platform; a key is a response's id as text."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def between(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Responses from ``start`` on, before ``end``."""
        with self.engine.connect() as connection:
            return fetch_frame(connection, queries.quiz_responses(since=start, before=end))

    def moments(self, keys: Collection[str]) -> dict[str, datetime]:
        """When each of these responses was submitted; keys of none are left out."""
        ids = [int(key) for key in keys if key.isascii() and key.isdecimal() and len(key) < 19]
        if not ids:
            return {}
        query = sa.select(_KEY, _AT).where(is_one_of(_KEY, ids))
        with self.engine.connect() as connection:
            return {str(key): at for key, at in connection.execute(query)}

    def newest(self, count: int) -> list[datetime]:
        """When the newest responses were submitted, newest first."""
        query = sa.select(_AT).order_by(_AT.desc()).limit(count)
        with self.engine.connect() as connection:
            return list(connection.scalars(query))

    def months(self, before: datetime) -> list[Part]:
        """Responses of each month (UTC), as far as they lie before a moment; oldest month first."""
        year, month = (sa.extract(part, utc_wall_clock(_AT)) for part in ("year", "month"))
        query = sa.select(year, month, sa.func.count()).where(before > _AT).group_by(year, month)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return sorted(Part(datetime(int(y), int(m), 1, tzinfo=UTC), count) for y, m, count in rows)
