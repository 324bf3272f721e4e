"""Whether a database server has room left on its disk: asked before a write has to find out.

What a full disk keeps from being written is also what would have told of it: Dagster's ticks, runs and events.
"""

import logging

import sqlalchemy as sa

from sheets_pipeline.database.engine import NO_ROOM, described
from sheets_pipeline.errors import DatabaseError

logger = logging.getLogger(__name__)

#: Sorts 1 MB with too little memory, so that the server writes it to a temporary file, which it deletes at once. That
#: needs no right and leaves no trace, on a read replica neither.
#: Source: https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-WORK-MEM
_LITTLE_MEMORY = sa.text("set local work_mem = '64kB'")
_SORT = sa.text(
    "select count(*) from (select repeat('x', 100) as t, n from generate_series(1, 10000) n order by t, n) s"
)


def why_disk_is_full(engine: sa.Engine) -> str | None:
    """That the disk is full and what to do; None while 1 MB is left, and where the server does not let us find out.

    Raises:
        DatabaseError: The server cannot be asked.
    """
    if engine.dialect.name != "postgresql":
        return None
    try:
        with engine.connect() as connection:
            connection.execute(_LITTLE_MEMORY)
            connection.execute(_SORT)
    except DatabaseError as error:
        if NO_ROOM in str(error):
            return str(error)
        raise
    except sa.exc.DBAPIError as error:  # it allows no such file (temp_file_limit), or only speaks PostgreSQL's protocol
        logger.debug("Not known whether %s has room: %s", described(engine.url), error)
    return None
