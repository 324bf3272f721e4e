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
#: Longest time that an insert for a try may take, whatever others have hung on the queue.
TRIAL_SECONDS = 10.0

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
        columns = ", ".join(map(connection.dialect.identifier_preparer.quote, ("entity", "key", "kind")))
        insert = f"INSERT INTO {place.qualified(pending_event.name)} ({columns}) VALUES ('trial', '0', 'trial')"
        if connection.dialect.name != "postgresql":
            recorded: int | None = connection.exec_driver_sql(insert).rowcount
        else:
            recorded = _as_owner(connection, place, insert)
        return _TAKEN_AWAY if recorded == 0 else None
    except (sa.exc.DBAPIError, DatabaseError) as error:
        return _told(error)
    finally:
        connection.rollback()


def _as_owner(connection: sa.Connection, place: Place, insert: str) -> int | None:
    """Rows that were put in, with the rights of the queue's owner; None where this session may not, or the server takes no
    changes.

    The owner of a table has their code run by whoever writes to it. SET ROLE would be undone by such code, which then had the
    rights of the session, a superuser's perhaps; a function with the owner's rights lets nobody out of them.
    """
    if not _prepared(connection, place.owners[pending_event.name].name, insert):
        return None
    return int(connection.exec_driver_sql(f"SELECT {_FUNCTION}()").scalar_one())


_FUNCTION = "pg_temp.record_for_a_try"


def _prepared(connection: sa.Connection, owner: str, insert: str) -> bool:
    """Make the function, for this transaction only."""
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        return False
    quoted = connection.dialect.identifier_preparer.quote(owner)
    try:
        limits = f"SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = {TRIAL_SECONDS * 1000:.0f}"
        connection.exec_driver_sql(limits)
        connection.exec_driver_sql(
            f"CREATE FUNCTION {_FUNCTION}() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER "
            "SET search_path = pg_catalog, pg_temp AS "
            f"$$DECLARE recorded bigint; BEGIN {insert}; GET DIAGNOSTICS recorded = ROW_COUNT; RETURN recorded; END$$"
        )
        connection.exec_driver_sql(f"ALTER FUNCTION {_FUNCTION}() OWNER TO {quoted}")
        may = "SELECT has_function_privilege(CAST(%(function)s AS regprocedure), 'EXECUTE')"
        return bool(connection.exec_driver_sql(may, {"function": f"{_FUNCTION}()"}).scalar())
    except (sa.exc.DBAPIError, DatabaseError):
        return False


def _told(error: BaseException) -> str | None:
    cause = error.__cause__ if isinstance(error, DatabaseError) else getattr(error, "orig", None)
    words = " ".join(str(cause or error).split()).split(" DETAIL:")[0].split(" CONTEXT:")[0]
    remedy = next((remedy for pattern, remedy in _REMEDIES if pattern.lower() in words.lower()), _OTHER)
    return f"no event can be recorded ({words[:300]}): {remedy}" if remedy else None
