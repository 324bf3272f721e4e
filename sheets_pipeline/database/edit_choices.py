"""What the database lets into the columns that edits go to: NULL or not, and the values that a foreign key refers to."""

import logging
from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

import sqlalchemy as sa

from sheets_pipeline.database.edit_target import described
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.editing import Target
from sheets_pipeline.sync.rules import MOST_ENTRIES, Choices
from sheets_pipeline.sync.tab import Tab

logger = logging.getLogger(__name__)


def edit_choices(engine: sa.Engine, tab: Tab) -> dict[str, Choices]:
    """By editable column of the tab; one that cannot be asked about is left out."""
    found = {}
    for name, editing in tab.edited.items():
        target = editing.target
        try:
            with engine.connect() as connection:
                takes_null = described(connection, target.table).takes_null(target.column)
                found[name] = Choices(takes_null, None if editing.one_of else _entries(connection, target))
        except (sa.exc.SQLAlchemyError, DatabaseError) as error:  # no right to read the other table, for example
            logger.warning("What %s may hold is not known: %s", target, type(error).__name__)
    return found


def _entries(connection: sa.Connection, target: Target) -> list[str | int] | None:
    """Values that its foreign key lets in; None where it has none, or where they are too many for a list."""
    reference = _references(connection.engine, target.table).get(target.column)
    if reference is None:
        return None
    schema, table, name = reference
    column: sa.ColumnClause[object] = sa.column(name)
    query = sa.select(column).select_from(sa.table(table, column, schema=schema)).where(column.is_not(None))
    values = connection.scalars(query.distinct().order_by(column).limit(MOST_ENTRIES + 1)).all()
    if len(values) > MOST_ENTRIES or not all(isinstance(value, str | int | UUID) for value in values):
        return None
    return [value if isinstance(value, str | int) else str(value) for value in values]


@lru_cache(maxsize=200)
def _references(engine: sa.Engine, table: str) -> Mapping[str, tuple[str | None, str, str]]:
    """Column → schema, table and column that its foreign key refers to; keys of several columns say nothing of one."""
    schema, _, name = table.rpartition(".")
    try:
        keys = sa.inspect(engine).get_foreign_keys(name, schema=schema or None)
    except sa.exc.NoSuchTableError:
        return {}
    return {
        key["constrained_columns"][0]: (key["referred_schema"], key["referred_table"], key["referred_columns"][0])
        for key in keys
        if len(key["constrained_columns"]) == 1
    }
