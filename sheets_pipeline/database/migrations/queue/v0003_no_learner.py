"""No trigger fills them any more: the columns that named a learner, course and quiz go, and what they say is held."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COLUMNS = ("user_id", "course_id", "quiz_id")


def upgrade() -> None:
    connection, catalog = op.get_bind(), op.get_context().opts["catalog"]
    name = catalog.place.qualified("pending_event")
    there = [column for column in _COLUMNS if column in catalog.queue]
    if not there:
        return
    said = " OR ".join(f"{column} IS NOT NULL" for column in there)
    connection.exec_driver_sql(_keep(connection, name, f"held IS NULL AND ({said})", there))
    drops = ", ".join(f"DROP COLUMN {column}" for column in there)
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"ALTER TABLE {name} {drops}")
        return
    for column in there:
        connection.exec_driver_sql(f"ALTER TABLE {name} DROP COLUMN {column}")


def _keep(connection: sa.Connection, name: str, is_old: str, there: list[str]) -> str:
    if connection.dialect.name == "postgresql":
        # No UPDATE: whoever installs may be a superuser, and the table's owner may have put a trigger on it.
        values = ", ".join(f"'{c}', CASE WHEN {c} IS NOT NULL THEN pg_catalog.concat({c}) END" for c in there)
        new = f"CASE WHEN {is_old} THEN pg_catalog.concat(pg_catalog.json_build_object({values})) ELSE held END"
        return f"ALTER TABLE {name} ALTER COLUMN held TYPE pg_catalog.text USING {new}"
    values = ", ".join(f"'{column}', {column}" for column in there)
    function, text = (
        ("json_object", "{}") if connection.dialect.name == "sqlite" else ("JSON_OBJECT", "CAST({} AS CHAR)")
    )
    return f"UPDATE {name} SET held = {text.format(f'{function}({values})')} WHERE {is_old}"
