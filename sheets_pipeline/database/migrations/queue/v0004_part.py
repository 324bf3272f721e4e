"""A column for the event sync that shows an event, where several are at work beside each other."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    connection, catalog = op.get_bind(), op.get_context().opts["catalog"]
    if "part" not in catalog.queue:
        name = catalog.place.qualified("pending_event")
        connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN part INTEGER")
