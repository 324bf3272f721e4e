"""Rows that many edits change at once: read by one statement, changed by one.

Nothing of it waits for a row that somebody else has locked: such rows are left out, as are those that are not found exactly
once. Whoever has many rows locked and waits for another one is waited for in turn.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_target import HELD, KEY, NEW, Target

#: A row's number, what it holds, and what it is to hold in some columns.
Change = tuple[int, Mapping[str, Any], Mapping[str, Any]]


class TargetRows(Target):
    """Rows of one table, numbered by their keys' order; all keys have the same columns."""

    def __init__(
        self, connection: sa.Connection, table: str, keys: Sequence[Mapping[str, Any]], columns: Collection[str]
    ) -> None:
        super().__init__(connection, table, list(keys[0]), columns)
        self._keys = [{one: self.adapted(one, value) for one, value in key.items()} for key in keys]

    def read(self, numbers: Collection[int], *, lock: bool = False) -> dict[int, dict[str, Any]]:
        """Number → the values of the columns; rows are left out that are not found once, or that others have locked."""
        is_it = {n: sa.and_(*[self.table.c[one] == value for one, value in self._keys[n].items()]) for n in numbers}
        if not is_it:
            return {}
        number = sa.case(*[(condition, sa.literal_column(str(n))) for n, condition in is_it.items()])
        query = sa.select(number, *self.plain).where(sa.or_(*is_it.values()))
        if lock:
            query = query.with_for_update(key_share=True, skip_locked=True)
        found: dict[int, list[Any]] = {}
        for n, *values in self.connection.execute(query):
            found.setdefault(n, []).append(dict(zip(self.columns, values, strict=True)))
        return {n: rows[0] for n, rows in found.items() if len(rows) == 1}

    def change(self, rows: Sequence[Change]) -> bool:
        """Write the same columns of rows, one after the other, by one statement; False where one did not hold that any more.

        A trigger may change a row while another one is written. What that leaves is undone by the caller.
        """
        columns, of = list(rows[0][2]), self.table.c
        where = [of[one] == sa.bindparam(KEY.format(i)) for i, one in enumerate(self._keys[0])]
        held = dict(zip(self.columns, self.plain, strict=True))
        raw = sa.types.NullType()
        where += [
            held[one].is_not_distinct_from(sa.bindparam(HELD.format(i), type_=raw)) for i, one in enumerate(columns)
        ]
        statement = sa.update(self.table).where(*where)
        statement = statement.values({of[one]: sa.bindparam(NEW.format(i)) for i, one in enumerate(columns)})
        parameters = [
            {KEY.format(i): value for i, value in enumerate(self._keys[n].values())}
            | {HELD.format(i): before[one] for i, one in enumerate(columns)}
            | {NEW.format(i): self.adapted(one, values[one]) for i, one in enumerate(columns)}
            for n, before, values in rows
        ]
        return self.connection.execute(statement, parameters).rowcount == len(rows)
