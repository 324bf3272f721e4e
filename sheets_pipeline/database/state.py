"""The pipeline's own tables: where each tab is, and its base snapshot (what we last wrote, row by row)."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import insert_ignore, state_metadata
from sheets_pipeline.database.types import LongText
from sheets_pipeline.sync.cells import MAX_KEY_CHARACTERS

sync_tab = sa.Table(
    "sync_tab",
    state_metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("spreadsheet_id", ExactText(100), nullable=False),
    sa.Column("tab", ExactText(100), nullable=False),
    sa.Column("facts", sa.Text, comment="JSON; null while the tab is not known to exist"),
    sa.UniqueConstraint("spreadsheet_id", "tab"),
    comment="One row per tab that the pipeline keeps.",
    **UNICODE,
)

sync_base_row = sa.Table(
    "sync_base_row",
    state_metadata,
    sa.Column("tab_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("row_key", ExactText(MAX_KEY_CHARACTERS), primary_key=True),
    sa.Column("cells", LongText, comment="JSON object by column name; null: not known"),
    sa.Column("is_gone", sa.Boolean, nullable=False, default=False),
    sa.Column("written_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Column("cells_before", LongText, comment="as cells, from before what was sent; null: cells tells, or not known"),
    sa.Column("sent", LongText, comment="JSON of a row on its way to the tab, where people may edit it"),
    sa.Index("sync_base_row_written", "tab_id", "written_at"),
    comment="What was last written to each row of each tab.",
    **UNICODE,
)

#: The keys of deleted rows are remembered this long: an older frame cannot bring them back, and where somebody puts the
#: spreadsheet back to an earlier version, they are known to have been ours.
_REMEMBER_GONE_SECONDS = 400 * 86_400
_CHUNK = 1000

#: A row of which it is not known what it holds.
_NOT_KNOWN: dict[str, None] = {"cells": None, "cells_before": None, "sent": None}

Cells = Mapping[str, str | int | float | bool | None]


def remove_gone_rows(engine: sa.Engine) -> int:
    """Forget rows that left their tab so long ago that nobody puts them back; returns how many."""
    with engine.begin() as connection:
        too_old = sync_base_row.c.written_at < database_time(connection) - _REMEMBER_GONE_SECONDS
        return connection.execute(sa.delete(sync_base_row).where(sync_base_row.c.is_gone & too_old)).rowcount


class LastWritten(NamedTuple):
    """A row as we last wrote it: ``cells`` is None where that is not known, ``at`` 0 where it was meant and not confirmed."""

    cells: Cells | None
    is_gone: bool
    at: float


class TabStore:
    """Facts and base snapshot of one tab of one spreadsheet."""

    def __init__(self, engine: sa.Engine, spreadsheet_id: str, tab: str) -> None:
        self.engine, self.spreadsheet_id, self.tab = engine, spreadsheet_id, tab
        self._id: int | None = None

    def now(self) -> float:
        """Seconds since 1970 by the database's clock."""
        with self.engine.connect() as connection:
            return database_time(connection)

    def read_facts(self) -> dict[str, object] | None:
        """Where the tab was last found, as JSON."""
        mine = (sync_tab.c.spreadsheet_id == self.spreadsheet_id) & (sync_tab.c.tab == self.tab)
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(sync_tab.c.id, sync_tab.c.facts).where(mine)).first()
        if row is not None:
            self._id = row.id
        text = row.facts if row is not None else None
        facts: dict[str, object] | None = orjson.loads(text) if text else None
        return facts

    def write_facts(self, facts: Mapping[str, object] | None, *, forget_base: bool) -> None:
        """Note where the tab is; ``forget_base`` when it is another tab than before: no row of ours is known to stand there.

        The keys stay known as once ours.
        """
        text = orjson.dumps(facts).decode() if facts is not None else None
        tab_id = self.id
        with self.engine.begin() as connection:
            connection.execute(sa.update(sync_tab).where(sync_tab.c.id == tab_id).values(facts=text))
            if forget_base:
                mine = sa.update(sync_base_row).where(sync_base_row.c.tab_id == tab_id)
                connection.execute(mine.values(**_NOT_KNOWN, is_gone=True))

    def distrust(self) -> None:
        """Keep which rows are ours, but no longer rely on what was last written to them."""
        mine = sa.update(sync_base_row).where(sync_base_row.c.tab_id == self.id)
        with self.engine.begin() as connection:
            connection.execute(mine.values(_NOT_KNOWN))

    def owned(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that we wrote, or meant to write, and have not deleted since."""
        columns = (sync_base_row.c.row_key,)
        return {row.row_key for row in self._select(columns, keys)}

    def once_owned(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that we wrote and deleted again."""
        columns = (sync_base_row.c.row_key,)
        return {row.row_key for row in self._select(columns, keys, is_gone=True)}

    def base(self, keys: Collection[str]) -> dict[str, Cells | None]:
        """What we last wrote in these rows, by column name; None where that is not known for sure."""
        columns = (sync_base_row.c.row_key, sync_base_row.c.cells)
        return {row.row_key: orjson.loads(row.cells) if row.cells else None for row in self._select(columns, keys)}

    def last_written(self, key: str) -> LastWritten | None:
        """What we last wrote in a row, and when; None where it was never ours."""
        query = sa.select(sync_base_row.c.cells, sync_base_row.c.is_gone, sync_base_row.c.written_at).where(
            sync_base_row.c.tab_id == self.id, sync_base_row.c.row_key == key
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return LastWritten(orjson.loads(row.cells) if row.cells else None, row.is_gone, row.written_at) if row else None

    def written_since(self, moment: float) -> set[str]:
        """Keys of rows written or deleted at or after a moment."""
        query = sa.select(sync_base_row.c.row_key).where(
            sync_base_row.c.tab_id == self.id, sync_base_row.c.written_at >= moment
        )
        with self.engine.connect() as connection:
            return set(connection.scalars(query))

    def intend(self, keys: Collection[str]) -> None:
        """Note rows that are about to be sent: ours from now on, their cells not known until confirmed."""
        self._upsert(dict.fromkeys(keys), written_at=0.0)

    def send(self, rows: Mapping[str, tuple[Any, ...]]) -> None:
        """As ``intend``; what stood there stays known beside what is sent (``sheets/memory.py``, ``Sent``)."""
        if not rows:
            return
        tab_id, texts = self.id, {key: orjson.dumps([*sent]).decode() for key, sent in rows.items()}
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_SEND_POSTGRESQL, {"tab_id": tab_id, "rows": orjson.dumps(texts).decode()})
                return
            at_once = [{"tab_id": tab_id, "row_key": key, "sent": text} for key, text in texts.items()]
            connection.execute(_send_portable(connection.dialect.name), at_once)

    def sent(self) -> dict[str, tuple[Any, ...]]:
        """Rows that were sent and neither confirmed nor settled, as ``send`` took them."""
        mine = (sync_base_row.c.tab_id == self.id) & sync_base_row.c.sent.is_not(None)
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(sync_base_row.c.row_key, sync_base_row.c.sent).where(mine))
            return {row.row_key: tuple(orjson.loads(row.sent)) for row in rows}

    def stood(self, keys: Collection[str]) -> dict[str, Cells | None]:
        """What these rows hold as far as is known, or held before what is on its way; None where that is not known."""
        columns = (sync_base_row.c.row_key, sync_base_row.c.cells, sync_base_row.c.cells_before)
        rows = self._select(columns, keys)
        return {row.row_key: orjson.loads(text) if (text := row.cells or row.cells_before) else None for row in rows}

    def settle(self, rows: Mapping[str, Cells | None]) -> None:
        """Note what rows hold in columns that people may edit; their other cells are not known."""
        row = sync_base_row.c
        mine = (row.tab_id == self.id) & (row.row_key == sa.bindparam("of_row"))
        change = sa.update(sync_base_row).where(mine).values(cells=None, cells_before=sa.bindparam("now"), sent=None)
        values = [
            {"of_row": key, "now": None if cells is None else orjson.dumps(cells).decode()}
            for key, cells in rows.items()
        ]
        if values:
            with self.engine.begin() as connection:
                connection.execute(change, values)

    def confirm(self, rows: Mapping[str, Cells]) -> None:
        """Note rows that are known to stand in the tab."""
        self._upsert({key: orjson.dumps(cells).decode() for key, cells in rows.items()}, written_at=None)

    def forget(self, keys: Collection[str]) -> None:
        """Note rows that are known to be gone from the tab."""
        self._upsert(dict.fromkeys(keys), written_at=(now := self.now()), is_gone=True)
        old = sync_base_row.c.is_gone & (sync_base_row.c.written_at < now - _REMEMBER_GONE_SECONDS)
        with self.engine.begin() as connection:
            connection.execute(sa.delete(sync_base_row).where(sync_base_row.c.tab_id == self.id, old))

    def confirmed(self) -> int:
        """Number of rows whose cells are known."""
        known = sync_base_row.c.cells.is_not(None)
        query = sa.select(sa.func.count()).where(sync_base_row.c.tab_id == self.id, known)
        with self.engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    @property
    def id(self) -> int:
        """The number of the tab in these tables, where its rows refer to."""
        if self._id is None:
            mine = (sync_tab.c.spreadsheet_id == self.spreadsheet_id) & (sync_tab.c.tab == self.tab)
            with self.engine.begin() as connection:
                self._id = connection.scalar(sa.select(sync_tab.c.id).where(mine))
                if self._id is None:
                    insert_ignore(connection, sync_tab, {"spreadsheet_id": self.spreadsheet_id, "tab": self.tab})
                    self._id = connection.scalar(sa.select(sync_tab.c.id).where(mine))
        if self._id is None:
            raise RuntimeError(f"sync_tab has no row for {self.tab!r}")
        return self._id

    def _select(
        self, columns: tuple[sa.Column[str], ...], keys: Collection[str], *, is_gone: bool = False
    ) -> Iterator[Any]:
        with self.engine.connect() as connection:
            for chunk in chunks(keys):
                query = sa.select(*columns).where(
                    sync_base_row.c.tab_id == self.id,
                    sync_base_row.c.row_key.in_(chunk),
                    sync_base_row.c.is_gone.is_(is_gone),
                )
                yield from connection.execute(query)

    def _upsert(self, cells: Mapping[str, str | None], *, written_at: float | None, is_gone: bool = False) -> None:
        """Note rows; ``written_at`` None is now."""
        if not cells:
            return
        tab_id = self.id
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(
                    _UPSERT_POSTGRESQL,
                    {
                        "tab_id": tab_id,
                        "rows": orjson.dumps(cells).decode(),
                        "is_gone": is_gone,
                        "written_at": written_at,
                    },
                )
                return
            at = database_time(connection) if written_at is None else written_at
            rows = [
                {"tab_id": tab_id, "row_key": key, "cells": text, "is_gone": is_gone, "written_at": at}
                for key, text in cells.items()
            ]
            connection.execute(_upsert_portable(connection.dialect.name), rows)


def sheet_ids(engine: sa.Engine, spreadsheet_ids: Collection[str]) -> dict[tuple[str, str], int]:
    """Spreadsheet's id and tab's title → Google's id of the tab, where it is known."""
    found = {}
    with engine.connect() as connection:
        for some in chunks(spreadsheet_ids):
            row = sync_tab.c
            query = sa.select(row.spreadsheet_id, row.tab, row.facts).where(row.spreadsheet_id.in_(some))
            for spreadsheet_id, tab, facts in connection.execute(query.where(row.facts.is_not(None))):
                found[spreadsheet_id, tab] = int(orjson.loads(facts)["sheet_id"])
    return found


def holders(
    engine: sa.Engine, tab: str, spreadsheet_ids: Collection[str], keys: Collection[str] | None = None
) -> dict[str, set[str]]:
    """Key → ids of those of the spreadsheets whose tab of this title holds a row of ours with it; all keys for None."""
    row, where = sync_base_row.c, sync_tab.c
    held: dict[str, set[str]] = {}
    with engine.connect() as connection:
        for ids in chunks(spreadsheet_ids):
            mine = (
                (where.tab == tab) & where.spreadsheet_id.in_(ids) & (row.tab_id == where.id) & row.is_gone.is_(False)
            )
            for some in [None] if keys is None else list(chunks(keys)):
                query = sa.select(row.row_key, where.spreadsheet_id).where(mine)
                for key, spreadsheet_id in connection.execute(
                    query if some is None else query.where(row.row_key.in_(some))
                ):
                    held.setdefault(key, set()).add(spreadsheet_id)
    return held


#: One statement for any number of rows, which travel as one JSON object: far quicker to write than an array.
_UPSERT_POSTGRESQL = sa.text("""
    insert into sync_base_row (tab_id, row_key, cells, is_gone, written_at)
    select :tab_id, key, value, :is_gone, coalesce(cast(:written_at as double precision), extract(epoch from clock_timestamp()))
    from json_each_text(cast(:rows as json))
    on conflict (tab_id, row_key)
    do update set cells = excluded.cells, is_gone = excluded.is_gone, written_at = excluded.written_at,
                  cells_before = null, sent = null
""")

_SEND_POSTGRESQL = sa.text("""
    insert into sync_base_row (tab_id, row_key, sent, is_gone, written_at)
    select :tab_id, key, value, false, 0
    from json_each_text(cast(:rows as json))
    on conflict (tab_id, row_key)
    do update set cells_before = coalesce(sync_base_row.cells, sync_base_row.cells_before), cells = null,
                  sent = excluded.sent, is_gone = false, written_at = 0
""")


def _send_portable(dialect: str) -> sa.Insert:
    row = sync_base_row.c
    # In this order: MySQL uses what it has set so far.
    changed = {"cells_before": sa.func.coalesce(row.cells, row.cells_before), "cells": sa.null()}
    known = {"is_gone": sa.false(), "written_at": sa.literal_column("0")}
    if dialect == "sqlite":
        statement = sqlite.insert(sync_base_row).values(known)
        return statement.on_conflict_do_update(
            index_elements=["tab_id", "row_key"], set_={**changed, "sent": statement.excluded.sent, **known}
        )
    in_mysql = mysql.insert(sync_base_row).values(known)
    return in_mysql.on_duplicate_key_update([*changed.items(), ("sent", in_mysql.inserted.sent), *known.items()])


def _upsert_portable(dialect: str) -> sa.Insert:
    changed = ("cells", "is_gone", "written_at")
    settled = {"cells_before": sa.null(), "sent": sa.null()}
    if dialect == "sqlite":
        statement = sqlite.insert(sync_base_row)
        return statement.on_conflict_do_update(
            index_elements=["tab_id", "row_key"], set_={name: statement.excluded[name] for name in changed} | settled
        )
    in_mysql = mysql.insert(sync_base_row)
    return in_mysql.on_duplicate_key_update({name: in_mysql.inserted[name] for name in changed} | settled)


def chunks(keys: Collection[str]) -> Iterator[list[str]]:
    """So many of the keys as one statement takes, and then the next."""
    rest = iter(keys)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
