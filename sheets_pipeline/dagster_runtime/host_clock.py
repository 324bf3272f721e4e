"""Whether this host's clock is right enough to work with: Google refuses tokens, and schedules come at wrong times, where it is not."""

import time

import sqlalchemy as sa

from sheets_pipeline.database.clock import database_time
from sheets_pipeline.errors import DatabaseError

#: A host whose clock is further from the database's takes no part, in seconds.
MOST_SECONDS = 60.0


def clock_problem(engine: sa.Engine) -> str | None:
    """What is wrong with the clock, as the database's has it; None where nothing is, or the database cannot be asked now."""
    try:
        with engine.connect() as connection:
            off = time.time() - database_time(connection)
    except (sa.exc.SQLAlchemyError, DatabaseError):
        return None
    if abs(off) <= MOST_SECONDS:
        return None
    way = "ahead of" if off > 0 else "behind"
    return f"this host's clock is {abs(off):,.0f} s {way} the database's. Let NTP keep it (timedatectl set-ntp true)"
