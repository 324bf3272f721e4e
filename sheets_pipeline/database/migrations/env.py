"""What Alembic runs: the changes of the store, on the connection and in the transaction of ``database.chains``."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["table"],
)
with context.begin_transaction():
    context.run_migrations()
