"""An event recorded for a try and taken back: whatever keeps events from being recorded shows here, by name.

On PostgreSQL with the rights of the queue's owner, as the triggers do, where the checking user may take them on.
"""

import sqlalchemy as sa

from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.installed import Place
from sheets_pipeline.errors import DatabaseError

#: What stands in the server's words → what to do.
_REMEDIES = [
    ("row-level security", "ALTER TABLE pending_event NO FORCE ROW LEVEL SECURITY"),
    ("not-null constraint", "ALTER TABLE pending_event, give that column a default or let it be NULL"),
    ("doesn't have a default value", "ALTER TABLE pending_event, give that column a default or let it be NULL"),
    (
        "NOT NULL constraint failed",
        "give that column of pending_event a default, or run `sheets-pipeline db remove`, then install",
    ),
    ("reached maximum value of sequence", "ALTER SEQUENCE it NO MAXVALUE, and make pending_event.id a bigint"),
    ("permission denied", "GRANT that right to the owner of pending_event"),
    # Of these the check says nothing: a replica, another's lock, a user who need not be able to record events.
    *((pattern, "") for pattern in ("read-only", "read only", "readonly", "lock timeout", "locked", "command denied")),
]
_TAKEN_AWAY = (
    "no event can be recorded (an insert puts no row into pending_event, and nothing says so): drop the rule or trigger of "
    "others on pending_event that takes it away"
)
_OTHER = "undo the change of pending_event that it speaks of"


def trial(connection: sa.Connection, place: Place) -> str | None:
    """Why no event can be recorded, with the remedy; None where it can, and where nobody could tell.

    Ends the connection's transaction, and takes back whatever was done in it.
    """
    try:
        if connection.dialect.name == "postgresql" and not _act_as_owner(connection, place):
            return None
        if not _record(connection, place):
            return _TAKEN_AWAY
    except (sa.exc.DBAPIError, DatabaseError) as error:
        return _told(error)
    finally:
        connection.rollback()
    return None


def _record(connection: sa.Connection, place: Place) -> bool:
    """Whether the row was put there."""
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, ("entity", "key", "kind")))
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
    values = "VALUES ('trial', '0', 'trial')"
    recorded = connection.exec_driver_sql(f"INSERT INTO {place.qualified(pending_event.name)} ({columns}) {values}")
    return recorded.rowcount != 0


def _act_as_owner(connection: sa.Connection, place: Place) -> bool:
    """Take on the rights of the queue's owner; False where this session may not, or the server takes no changes."""
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        return False
    quote = connection.dialect.identifier_preparer.quote
    try:
        connection.exec_driver_sql(f"SET LOCAL ROLE {quote(place.owners[pending_event.name].name)}")
    except (sa.exc.DBAPIError, DatabaseError):
        return False
    return True


def _told(error: BaseException) -> str | None:
    cause = error.__cause__ if isinstance(error, DatabaseError) else getattr(error, "orig", None)
    words = " ".join(str(cause or error).split()).split(" DETAIL:")[0]
    remedy = next((remedy for pattern, remedy in _REMEDIES if pattern.lower() in words.lower()), _OTHER)
    return f"no event can be recorded ({words[:300]}): {remedy}" if remedy else None
